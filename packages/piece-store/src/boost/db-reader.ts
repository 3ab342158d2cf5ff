/** Reads the deals of Boost from its SQLite database, or a copy of it. */
import { type AnyPieceCid, pieceCidV1 } from '@dagstore/piece'
import { factsOf } from '../cid-facts.ts'
import { readDeal, readId, readPieceCid, shown } from '../deal-fields.ts'
import { PieceStoreError } from '../errors.ts'
import type { PieceDeal, PieceDealReader, ReadDealsOptions } from '../piece-deals.ts'
import { reportTo } from '../report.ts'
import { type DealRow, groupByPiece, readRows } from '../row-groups.ts'
import { allRows, guardedQuery, type SqlQuery, type SqlRow } from '../sql-rows.ts'
import { isBoostDealWithSealing } from './deal-states.ts'

export interface BoostDbOptions {
  /** Parameters are `?`. */
  readonly query: SqlQuery
  /** Called when the reader is closed. @default nothing */
  readonly onClose?: (() => Promise<void>) | undefined
}

/** Deals with a proposal, and direct ones; the second table came later, and so did some of its columns. */
const TABLES = [{ table: 'Deals', rawSize: 'TransferSize' }, { table: 'DirectDeals', rawSize: 'InboundFileSize' }] as const
/** Without them it is no database of Boost. */
const NEEDED = ['ID', 'PieceCID', 'PieceSize', 'ProviderAddress', 'SectorID', 'Offset', 'Length', 'Checkpoint']

/**
 * Deals by their ids, first those with a proposal, then direct ones: the deals of a piece come apart. Old deals of Lotus that
 * Boost took over are not in this database but in the one that `openLotusMetadataReader` reads.
 *
 * Source: boost db/create_main_db.sql, db/migrations/20230816133342_direct_deals_db.sql and the columns added later.
 */
export const createBoostDbReader = ({ query: unguarded, onClose }: BoostDbOptions): PieceDealReader => {
  const query = guardedQuery('boost.db', unguarded)
  let selects: Promise<readonly { readonly table: string, readonly sql: string }[]> | undefined
  let closed: Promise<void> | undefined
  const check = (): void => { if (closed !== undefined) throw new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed') }
  const readSelects = async (): Promise<readonly { readonly table: string, readonly sql: string }[]> => {
    const found: { readonly table: string, readonly sql: string }[] = []
    for (const { table, rawSize } of TABLES) {
      const columns = new Set((await allRows(query(`select name from pragma_table_info('${table}')`, [], {}))).map(({ name }) => String(name)))
      if (columns.size === 0) continue
      const missing = NEEDED.filter((name) => !columns.has(name))
      if (missing.length > 0) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', `table ${table} of Boost lacks columns; missing=${missing.join()}`)
      const named = [...NEEDED, ...(columns.has(rawSize) ? [rawSize] : [])]
      found.push({ table, sql: `select ${named.map((name) => `cast("${name}" as text) as "${name === rawSize ? 'RawSize' : name}"`).join(', ')} from "${table}"` })
    }
    if (found.every(({ table }) => table !== 'Deals')) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', 'no database of Boost: it has no table Deals')
    return found
  }
  const read = async function * (where: string, params: readonly unknown[], options: ReadDealsOptions): AsyncGenerator<DealRow, void, undefined> {
    check()
    const report = reportTo(options)
    selects ??= readSelects().catch((error: unknown) => { selects = undefined; throw error })
    for (const { table, sql } of await selects) {
      yield * readRows(query(`${sql}${where} order by "${table}"."ID"`, params, options), readRow, ({ ID }) => `${table} ID=${shown(ID)}`, report)
    }
  }
  return {
    name: 'boost.db',
    list: (options: ReadDealsOptions = {}) => groupByPiece(read('', [], options)),
    get: async (piece: AnyPieceCid, options: ReadDealsOptions = {}) => {
      const pieceCid = pieceCidV1(factsOf(piece).commitment)
      const deals: PieceDeal[] = []
      for await (const row of read(' where "PieceCID" = ?', [String(pieceCid)], options)) deals.push(row.deal)
      return deals.length === 0 ? undefined : { pieceCid, deals }
    },
    isWithSealing: isBoostDealWithSealing,
    close: () => closed ??= onClose?.() ?? Promise.resolve(),
  }
}

const readRow = (row: SqlRow): DealRow => {
  const piece = readPieceCid(row['PieceCID'])
  const length = row['Length'] ?? '0'
  const inSector = readId('Length', length) !== 0n
  return {
    piece,
    deal: readDeal(piece, {
      dealId: row['ID'], miner: row['ProviderAddress'], sector: inSector ? row['SectorID'] : undefined, offsetPadded: inSector ? row['Offset'] : undefined,
      lengthPadded: inSector ? length : row['PieceSize'], rawSize: row['RawSize'], state: row['Checkpoint'],
    }),
  }
}
