/**
 * What Curio's tables look like: which columns the version at hand has, and the question that fits.
 *
 *     market_piece_deal   id, piece_cid (v1), sp_id, sector_num, piece_offset, piece_length, raw_size; later piece_ref, and
 *                         piece_offset null and sp_id -1 where there is no sector
 *     parked_piece_refs   ref_id, piece_id
 *     parked_pieces       id, piece_cid (v1), piece_padded_size, piece_raw_size, complete; later long_term
 *
 * Source: curio harmony/harmonydb/sql: 20240228-piece-park, 20240731-market-migration, 20240930-pdp, 20250505-market-mk20.
 */
import { PieceStoreError } from '../errors.ts'
import { allRows, type SqlQuery } from '../sql-rows.ts'

/** Questions whose rows have the columns `piece_cid`, `id`, `sp_id`, `sector_num`, `piece_offset`, `piece_length`, `raw_size`, `parked`: text or null. */
export interface CurioSchema {
  /** All deals, and the parked pieces that are no deal's only copy, in an order that depends on nothing else. */
  readonly deals: string
  /** Those of one piece: `$1`. */
  readonly dealsOfPiece: string
}

const COLUMNS = `select table_schema, table_name, column_name from information_schema.columns
  where table_name in ('market_piece_deal', 'parked_piece_refs', 'parked_pieces')
    and (table_schema = 'curio' or table_schema = any (current_schemas(false)))`

const NEEDED = {
  market_piece_deal: ['id', 'piece_cid', 'sp_id', 'sector_num', 'piece_offset', 'piece_length', 'raw_size'],
  parked_piece_refs: ['ref_id', 'piece_id'],
  parked_pieces: ['id', 'piece_cid', 'piece_padded_size', 'piece_raw_size', 'complete'],
} as const

/** @throws {PieceStoreError} `PIECE_STORE_BAD_FORMAT`: no tables of Curio */
export const readCurioSchema = async (query: SqlQuery): Promise<CurioSchema> => {
  const rows = await allRows(query(COLUMNS, [], {}))
  const schemas = new Set(rows.filter(({ table_name: table }) => table === 'market_piece_deal').map(({ table_schema: name }) => String(name)))
  const schema = schemas.has('curio') ? 'curio' : [...schemas][0]
  if (schema === undefined) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', 'no database of Curio: it has no table market_piece_deal')
  const has = (table: string, column: string): boolean => rows.some((row) => row['table_schema'] === schema && row['table_name'] === table && row['column_name'] === column)
  const missing = Object.entries(NEEDED).flatMap(([table, columns]) => columns.filter((column) => !has(table, column)).map((column) => `${table}.${column}`))
  if (missing.length > 0) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', `tables of Curio lack columns; missing=${missing.join()}`)
  const of = (table: string): string => `"${schema.replaceAll('"', '""')}".${table}`
  const withRefs = has('market_piece_deal', 'piece_ref')
  // pieces that only wait for a sector are not kept for their own sake
  const longTerm = has('parked_pieces', 'long_term') ? 'and p.long_term' : ''
  const deals = (piece: string): string => `
      select * from (
        select d.piece_cid, d.id::text as id, d.sp_id::text as sp_id, d.sector_num::text as sector_num, d.piece_offset::text as piece_offset,
          d.piece_length::text as piece_length, d.raw_size::text as raw_size, ${withRefs ? 'p.id::text' : 'null::text'} as parked
        from ${of('market_piece_deal')} d
        ${withRefs ? `left join ${of('parked_piece_refs')} r on r.ref_id = d.piece_ref left join ${of('parked_pieces')} p on p.id = r.piece_id and p.complete` : ''}
        ${piece === '' ? '' : `where d.piece_cid = ${piece}`}
        union all
        select p.piece_cid, 'parked-' || p.id, null, null, null, p.piece_padded_size::text, p.piece_raw_size::text, p.id::text
        from ${of('parked_pieces')} p
        where p.complete ${longTerm} ${piece === '' ? '' : `and p.piece_cid = ${piece}`}
          ${withRefs ? `and not exists (select 1 from ${of('parked_piece_refs')} r join ${of('market_piece_deal')} d on d.piece_ref = r.ref_id and d.piece_offset is null where r.piece_id = p.id)` : ''}
      ) deals
      order by piece_cid collate "C", id collate "C", sp_id collate "C", piece_length collate "C", parked collate "C"`
  return { deals: deals(''), dealsOfPiece: deals('$1') }
}
