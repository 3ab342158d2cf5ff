/** A Lotus miner or markets node, asked where sectors are, and to unseal. Nothing else is changed there. */
import { createRpcClient, type RpcClient } from '@dagstore/json-rpc'
import { type CallOptions, IoError } from '@dagstore/io'
import type { RemoteSector, UnsealCopy } from '@dagstore/lotus-mount'
import { unpaddedBytes } from '@dagstore/piece'
import { createLotusSectorFinder } from '@dagstore/piece-store/lotus'
import { parseApiInfo } from './api-address.ts'

export interface LotusNode {
  /** Of the API info; it is sent to the URLs found, and must have the permission admin there. */
  readonly token: string | undefined
  readonly find: (miner: bigint, sector: bigint, options: CallOptions) => Promise<readonly RemoteSector[]>
  /** Takes hours where it has to be done at all. Source: lotus extern/sector-storage/piece_provider.go `ReadPiece`. */
  readonly unseal: UnsealCopy
  close (): Promise<void>
}

/** Nobody is asked yet. @throws {SyntaxError} no API info */
export const openLotusNode = (apiInfo: string): LotusNode => {
  const { url, token } = parseApiInfo(apiInfo)
  const client = createRpcClient({ url: `${url}/rpc/v0`, token })
  let patient: Promise<RpcClient> | undefined
  // over a WebSocket: an answer by HTTP has to begin within minutes
  const openPatient = async (): Promise<RpcClient> => {
    const { WebSocket } = await import('ws')
    return createRpcClient({ url: `${url.replace(/^http/, 'ws')}/rpc/v0`, token, webSocket: (at, headers) => new WebSocket(at, { headers }) })
  }
  const find = createLotusSectorFinder((method, params, options) => client.call(method, params, options))
  return {
    token,
    find: async (miner, sector, options) =>
      (await find(miner, sector, options)).toSorted((a, b) => b.weight - a.weight).flatMap(({ urls }) => urls.map((one) => ({ url: one }))),
    unseal: async ({ miner, sector, offsetPadded, lengthPadded }, options) => {
      const { SealProof: proof, Ticket: ticket, CommD: commD } = recordOf(await client.call('Filecoin.SectorsStatus', [sector, false], options))
      await (await (patient ??= openPatient())).call('Filecoin.SectorsUnsealPiece', [
        { ID: { Miner: miner, Number: sector }, ProofType: proof },
        unpaddedBytes(offsetPadded), unpaddedBytes(lengthPadded), recordOf(ticket)['Value'], commD,
      ], options)
    },
    close: async () => {
      await client.close()
      await (await patient)?.close()
    },
  }
}

const recordOf = (value: unknown): Record<string, unknown> => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new IoError('IO_FAILED', 'the Lotus node does not say how the sector was sealed; method=SectorsStatus', { retry: 'later' })
}
