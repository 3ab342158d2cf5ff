/** Reads the deals of Curio from its SQL tables. */
import { type AnyPieceCid, pieceCidV1 } from '@dagstore/piece'
import { factsOf } from '../cid-facts.ts'
import { readDeal, readPieceCid, shown } from '../deal-fields.ts'
import { PieceStoreError } from '../errors.ts'
import type { PieceDeal, PieceDealReader, ReadDealsOptions } from '../piece-deals.ts'
import { reportTo } from '../report.ts'
import { type DealRow, groupByPiece, readRows } from '../row-groups.ts'
import { guardedQuery, type SqlQuery, type SqlRow } from '../sql-rows.ts'
import { PARK_MINER, PARKED } from './parked.ts'
import { type CurioSchema, readCurioSchema } from './schema.ts'

export interface CurioReaderOptions {
  /** Parameters are `$1`. */
  readonly query: SqlQuery
  /** Called when the reader is closed. @default nothing */
  readonly onClose?: (() => Promise<void>) | undefined
}

/**
 * Deals by piece. A parked piece is a copy in the sector `<id>` of the miner 0: its file is `piece/s-t00-<id>`. It is the place of
 * a deal that has no sector (`sp_id` -1), else comes as a deal of its own, `parked-<id>`. The server sorts, and gives rows as they
 * are asked for.
 */
export const createCurioReader = ({ query: unguarded, onClose }: CurioReaderOptions): PieceDealReader => {
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
    isWithSealing: ({ sector }) => sector !== undefined,
    close: () => closed ??= onClose?.() ?? Promise.resolve(),
  }
}

const readRow = (row: SqlRow): DealRow => {
  const piece = readPieceCid(row['piece_cid'])
  const parked = row['parked']
  const place = row['piece_offset'] !== null ? { miner: row['sp_id'], sector: row['sector_num'], offsetPadded: row['piece_offset'] }
    : parked !== null ? { miner: PARK_MINER, sector: parked, offsetPadded: 0, state: PARKED }
      : { miner: isNobody(row['sp_id']) ? PARK_MINER : row['sp_id'], sector: undefined, offsetPadded: undefined }
  return { piece, deal: readDeal(piece, { ...place, dealId: row['id'], lengthPadded: row['piece_length'], rawSize: row['raw_size'] }) }
}

/** No miner has the deal. */
const isNobody = (value: unknown): boolean => value === '-1'
