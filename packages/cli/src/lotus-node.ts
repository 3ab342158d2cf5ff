/** A Lotus miner or markets node, asked where sectors are, and to unseal. Nothing else is changed there. */
import { createRpcClient } from '@dagstore/json-rpc'
import { type CallOptions, IoError } from '@dagstore/io'
import type { RemoteSector, UnsealCopy } from '@dagstore/lotus-mount'
import { unpaddedBytes } from '@dagstore/piece'
import { parseApiInfo } from './api-address.ts'

/** Source: lotus extern/sector-storage/storiface/filetype.go `FTUnsealed`. */
const UNSEALED = 1

export interface LotusNode {
  /** Of the API info; it is sent to the URLs found, and must have the permission admin there. */
  readonly token: string | undefined
  readonly find: (miner: bigint, sector: bigint, options: CallOptions) => Promise<readonly RemoteSector[]>
  /** Takes hours where it has to be done at all. */
  readonly unseal: UnsealCopy
  close (): Promise<void>
}

/** Nobody is asked yet. @throws {SyntaxError} no API info */
export const openLotusNode = (apiInfo: string): LotusNode => {
  const { url, token } = parseApiInfo(apiInfo)
  const client = createRpcClient({ url: `${url}/rpc/v0`, token })
  const sealProofs = new Map<string, number>()
  const status = async (sector: bigint, options: CallOptions): Promise<Record<string, unknown>> => {
    const found = recordOf(await client.call('Filecoin.SectorsStatus', [sector, false], options), 'SectorsStatus')
    if (typeof found['SealProof'] === 'number') sealProofs.set(sector.toString(), found['SealProof'])
    return found
  }
  return {
    token,
    find: async (miner, sector, options) => {
      const rows = await client.call('Filecoin.StorageFindSector', [{ Miner: miner, Number: sector }, UNSEALED, 0, false], options) ?? []
      if (!Array.isArray(rows)) throw badAnswer('StorageFindSector')
      // heaviest first, as the node itself reads them
      return rows.map((row) => recordOf(row, 'StorageFindSector')).toSorted((a, b) => Number(b['Weight'] ?? 0) - Number(a['Weight'] ?? 0)).flatMap(({ URLs: urls }) =>
        Array.isArray(urls) ? urls.filter((one) => typeof one === 'string').map((one) => ({ url: one, sealProof: sealProofs.get(sector.toString()) })) : [])
    },
    unseal: async ({ miner, sector, offsetPadded, lengthPadded }, options) => {
      const found = await status(sector, options)
      const ticket = recordOf(found['Ticket'], 'SectorsStatus')
      await client.call('Filecoin.SectorsUnsealPiece', [
        { ID: { Miner: miner, Number: sector }, ProofType: found['SealProof'] },
        unpaddedBytes(offsetPadded), unpaddedBytes(lengthPadded), ticket['Value'], found['CommD'],
      ], options)
    },
    close: () => client.close(),
  }
}

const recordOf = (value: unknown, method: string): Record<string, unknown> => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw badAnswer(method)
}

const badAnswer = (method: string): IoError => new IoError('IO_FAILED', `the Lotus node gave another answer than it should; method=${method}`, { retry: 'later' })
