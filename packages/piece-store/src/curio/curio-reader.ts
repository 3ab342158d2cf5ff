/** Reads the deals of Curio from its SQL tables. */
import type { CallOptions } from '@dagstore/io'
import { type AnyPieceCid, pieceCidV1 } from '@dagstore/piece'
import { factsOf } from '../cid-facts.ts'
import { readDeal, readId, readPieceCid, readSize, shown } from '../deal-fields.ts'
import { PieceStoreError } from '../errors.ts'
import type { PieceDeal, PieceDealReader, ReadDealsOptions } from '../piece-deals.ts'
import { reportTo } from '../report.ts'
import { type DealRow, groupByPiece, readRows } from '../row-groups.ts'
import { allRows, guardedQuery, type SqlQuery, type SqlRow } from '../sql-rows.ts'
import { PARKED } from './parked.ts'
import { type CurioSchema, readCurioSchema } from './schema.ts'

export interface CurioReaderOptions {
  /** Parameters are `$1`. */
  readonly query: SqlQuery
  /** Called when the reader is closed. @default nothing */
  readonly onClose?: (() => Promise<void>) | undefined
}

/** A piece in Curio's piece park. */
export interface ParkedPiece {
  /** Its file is `piece/s-t00-<id>` in a storage path: the payload, not fr32-padded. */
  readonly id: bigint
  /** Bytes of that file. */
  readonly rawSize: number
}

export interface CurioReader extends PieceDealReader {
  /** Where the piece park has the piece, complete; by id. */
  parkedPieces(piece: AnyPieceCid, options?: CallOptions): Promise<readonly ParkedPiece[]>
}

/** The actor id of deals that no miner has. */
const NO_MINER = 0n

/**
 * Deals by piece; parked pieces that no deal has come as the deal `parked-<id>` of the miner 0, and so do deals of no sector
 * (`sp_id` -1). The server sorts, and gives rows as they are asked for.
 */
export const createCurioReader = ({ query: unguarded, onClose }: CurioReaderOptions): CurioReader => {
  const query = guardedQuery('curio', unguarded)
  let asked: Promise<CurioSchema> | undefined
  let closed: Promise<void> | undefined
  const schemaOf = (): Promise<CurioSchema> => {
    if (closed !== undefined) throw new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed')
    return asked ??= readCurioSchema(query).catch((error: unknown) => { asked = undefined; throw error })
  }
  const read = async function * (piece: string | undefined, options: ReadDealsOptions): AsyncGenerator<DealRow, void, undefined> {
    const { deals, dealsOfPiece } = await schemaOf()
    yield * readRows(piece === undefined ? query(deals, [], options) : query(dealsOfPiece, [piece], options), readRow, ({ id, sp_id: miner }) => `market_piece_deal id=${shown(id)} sp_id=${shown(miner)}`, reportTo(options))
  }
  return {
    name: 'curio',
    list: (options: ReadDealsOptions = {}) => groupByPiece(read(undefined, options)),
    get: async (piece: AnyPieceCid, options: ReadDealsOptions = {}) => {
      const pieceCid = pieceCidV1(factsOf(piece).commitment)
      const deals: PieceDeal[] = []
      for await (const row of read(String(pieceCid), options)) deals.push(row.deal)
      return deals.length === 0 ? undefined : { pieceCid, deals }
    },
    isWithSealing: ({ sector, state }) => sector !== undefined || state === PARKED,
    parkedPieces: async (piece: AnyPieceCid, options: CallOptions = {}) => {
      const { parked } = await schemaOf()
      const rows = await allRows(query(parked, [String(pieceCidV1(factsOf(piece).commitment))], options))
      return rows.map((row) => ({ id: readId('id', row['id']), rawSize: readSize('piece_raw_size', row['raw_size']) }))
    },
    close: () => closed ??= onClose?.() ?? Promise.resolve(),
  }
}

const readRow = (row: SqlRow): DealRow => {
  const piece = readPieceCid(row['piece_cid'])
  const rawSize = row['raw_size'] ?? '0'
  const inSector = row['piece_offset'] !== null
  return {
    piece,
    deal: readDeal(piece, {
      dealId: row['id'], miner: inSector ? row['sp_id'] : minerOf(row['sp_id']), sector: inSector ? row['sector_num'] : undefined, offsetPadded: row['piece_offset'],
      // 0: not known
      lengthPadded: row['piece_length'], rawSize: readId('rawSize', rawSize) === 0n ? undefined : rawSize, state: row['parked'] === null ? undefined : PARKED,
    }),
  }
}

const minerOf = (value: unknown): unknown => value === null || (typeof value === 'string' && value.startsWith('-')) ? NO_MINER : value
