/** Where the storage servers of a Lotus miner keep a sector. */
import type { CallOptions } from '@dagstore/io'
import { readText } from '../deal-fields.ts'
import { itemsOf, memberOf } from '../json-fields.ts'
import { rpcCalls, type RpcCallFunction } from '../rpc-calls.ts'

/** A storage path that holds the sector's file. */
export interface SectorPlace {
  /** Each gives the file: `http://HOST:PORT/remote/unsealed/s-t0MINER-SECTOR`. */
  readonly urls: readonly string[]
  /** As the operator set it; more is preferred. */
  readonly weight: number
}

/** `unsealed` of Lotus's `SectorFileType`. */
const UNSEALED = 1

/**
 * Asks `StorageFindSector` for unsealed files, and allows no fetching.
 *
 * @param call - needs a token with the permission `admin`
 * @throws {PieceStoreError} from what it gives: `PIECE_STORE_FAILED`, `PIECE_STORE_BAD_ROW`
 */
export const createLotusSectorFinder = (call: RpcCallFunction): (miner: bigint, sector: bigint, options?: CallOptions) => Promise<readonly SectorPlace[]> => {
  const { ask } = rpcCalls('lotus', call)
  return async (miner, sector, options = {}) => {
    const places = itemsOf(await ask('Filecoin.StorageFindSector', [{ Miner: miner, Number: sector }, UNSEALED, 0, false], options), 'StorageFindSector')
    return places.map((place) => ({
      urls: itemsOf(memberOf(place, 'URLs'), 'URLs').flatMap((url) => readUrl(url)),
      weight: Number(memberOf(place, 'Weight') ?? 0),
    }))
  }
}

const readUrl = (value: unknown): readonly string[] => {
  const url = readText('URL', value)
  return url !== undefined && /^https?:\/\//.test(url) ? [url] : []
}
