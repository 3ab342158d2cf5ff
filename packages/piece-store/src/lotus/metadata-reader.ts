/** Reads the deals of Lotus from its metadata database, or a copy of it. */
import { type AnyLevel, type CallOptions, withdrawable } from '@dagstore/io'
import { type AnyPieceCid, pieceCidV1 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { equalBytes } from '../bytes.ts'
import { factsOf } from '../cid-facts.ts'
import { badRow, readPieceCid } from '../deal-fields.ts'
import { PieceStoreError } from '../errors.ts'
import type { PieceDealReader, PieceDeals, ReadDealsOptions } from '../piece-deals.ts'
import type { PayloadCid } from '../piece-store.ts'
import { type Report, reportTo } from '../report.ts'
import { decodeCidInfo, decodeIdAddress, decodePieceInfo, decodeProviderDeal } from './metadata-records.ts'
import { payloadNames } from './payload-cids.ts'
import { isLotusDealWithSealing, joinDeals } from './piece-store-deals.ts'
import { ProviderDeals, type RowSet } from './provider-deals.ts'
import { openRawLevel, type RawLevel } from './raw-level.ts'

export interface LotusMetadataOptions {
  /** Actor id of the miner. @default what the database says */
  readonly miner?: bigint | undefined
  /** Called when the reader is closed. @default nothing: the database stays open */
  readonly onClose?: (() => Promise<void>) | undefined
}

const PIECES = '/storagemarket/pieces'
const CID_INFOS = '/storagemarket/cid-infos'
const DEALS = '/deals/provider'

/**
 * Deals in the piece store by their keys, then those that only the provider knows, by piece. Memory: some 60 bytes per deal of
 * the provider, for their states.
 *
 * @param db - LevelDB of a Lotus miner or markets node (`datastore/metadata` in its repository), open. An engine that
 *   writes when it opens gets a copy: see `openLotusMetadata` in `./node`
 * @throws {PieceStoreError} `PIECE_STORE_BAD_FORMAT`: written by a later Lotus, or no miner in it. `PIECE_STORE_FAILED`
 */
export const openLotusMetadataReader = async (db: AnyLevel, options: LotusMetadataOptions = {}): Promise<PieceDealReader> => {
  const level = openRawLevel(db)
  const pieces = await prefixOf(level, PIECES, ['1'])
  const cidInfos = await prefixOf(level, CID_INFOS, ['1'])
  const providerDeals = await prefixOf(level, DEALS, ['1', '2'])
  const miner = options.miner ?? await minerOf(level)
  /** States for `get`: what is read is a database at rest. */
  let known: Promise<ProviderDeals> | undefined
  let closed: Promise<void> | undefined
  const check = (): void => { if (closed !== undefined) throw new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed') }

  const readKnown = async (report: Report, signal: AbortSignal | undefined): Promise<ProviderDeals> => {
    const deals = new ProviderDeals()
    for await (const [key, value] of level.range(providerDeals, signal)) {
      const proposal = key.slice(providerDeals.length)
      // asks and the like stand beside the deals of version 0
      if (proposal.includes('/') || proposal === 'latest-ask') continue
      attempt(key, report, () => { deals.add(decodeProviderDeal(value, proposal)) })
    }
    return deals
  }
  const dealsOf = (key: string, value: Uint8Array, deals: ProviderDeals, report: Report, seen?: RowSet): PieceDeals | undefined => attempt(key, report, () => {
    const { piece, deals: rows } = decodePieceInfo(value)
    if (!equalBytes(readPieceCid(key.slice(pieces.length)).commitment, piece.commitment)) throw badRow('record of another piece')
    const joined = joinDeals(piece, rows, miner, deals, key, report, seen)
    return joined.length === 0 ? undefined : { pieceCid: pieceCidV1(piece.commitment), deals: joined }
  })

  return {
    name: 'lotus metadata',
    list: async function * (listOptions: ReadDealsOptions = {}) {
      check()
      const report = reportTo(listOptions)
      const deals = await readKnown(report, listOptions.signal)
      const seen = deals.rowSet()
      for await (const [key, value] of level.range(pieces, listOptions.signal)) {
        if (key.slice(pieces.length).includes('/')) continue
        const found = dealsOf(key, value, deals, report, seen)
        if (found !== undefined) yield found
      }
      for (const others of deals.others(seen)) {
        listOptions.signal?.throwIfAborted()
        yield others
      }
    },
    get: async (piece: AnyPieceCid, getOptions: ReadDealsOptions = {}) => {
      check()
      const { commitment } = factsOf(piece)
      const pieceCid = pieceCidV1(commitment)
      // a deal whose state cannot be read is told of by `list`
      known ??= readKnown(() => {}, undefined).catch((error: unknown) => { known = undefined; throw error })
      const deals = await withdrawable(known, getOptions.signal)
      const key = `${pieces}${pieceCid}`
      const value = await level.get(key)
      const seen = deals.rowSet()
      const placed = value === undefined ? [] : dealsOf(key, value, deals, reportTo(getOptions), seen)?.deals ?? []
      const others = deals.rowsOfPiece(commitment).filter((row) => !seen.has(row)).map((row) => deals.dealOf(row))
      return placed.length + others.length === 0 ? undefined : { pieceCid, deals: [...placed, ...others] }
    },
    isWithSealing: isLotusDealWithSealing,
    piecesWith: async (payload: PayloadCid, { signal }: CallOptions = {}) => {
      check()
      const found = new Map<string, CID>()
      for (const name of payloadNames(payload)) {
        signal?.throwIfAborted()
        const value = await level.get(`${cidInfos}${name}`)
        if (value === undefined) continue
        for (const { commitment } of decodeCidInfo(value)) found.set(String(pieceCidV1(commitment)), pieceCidV1(commitment))
      }
      return [...found.values()]
    },
    close: () => closed ??= options.onClose?.() ?? Promise.resolve(),
  }
}

/** What the keys of its records begin with, by the version that it says. */
const prefixOf = async (level: RawLevel, table: string, versions: readonly string[]): Promise<string> => {
  const version = await level.get(`${table}/versions/current`)
  if (version === undefined) return `${table}/`
  const text = new TextDecoder().decode(version.subarray(0, 16))
  if (!versions.includes(text)) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', `unknown version of ${table}; want=${versions.join()} got=${JSON.stringify(text)}`)
  return `${table}/${text}/`
}

const minerOf = async (level: RawLevel): Promise<bigint> => {
  const address = await level.get('/miner-address')
  if (address === undefined) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', 'no metadata of a Lotus miner: it names no miner; say which it is')
  try {
    return decodeIdAddress(address)
  } catch (cause) {
    throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', 'the miner\'s address is no actor id', { cause })
  }
}

const attempt = <T>(place: string, report: Report, read: () => T): T | undefined => {
  try {
    return read()
  } catch (error) {
    report(place, error)
    return undefined
  }
}
