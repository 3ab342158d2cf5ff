/** The tables of another system, asked in SQL. */
import type { CallOptions } from '@dagstore/io'
import { PieceStoreError } from './errors.ts'

export type SqlRow = Readonly<Record<string, unknown>>

/**
 * One question to a database: rows as they come, all of one moment, few in memory at a time. Numbers may come in any form:
 * the questions ask for text. Leaving the iteration ends the question. Changes nothing there.
 */
export type SqlQuery = (sql: string, params: readonly unknown[], options: CallOptions) => AsyncIterable<SqlRow>

/** The same, with its failures in our terms. @throws {PieceStoreError} `PIECE_STORE_FAILED` */
export const guardedQuery = (system: string, query: SqlQuery): SqlQuery => async function * (sql, params, { signal }) {
  signal?.throwIfAborted()
  try {
    for await (const row of query(sql, params, { signal })) {
      signal?.throwIfAborted()
      yield row
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw cause instanceof PieceStoreError ? cause : new PieceStoreError('PIECE_STORE_FAILED', `${system} cannot be asked`, { cause })
  }
}

/** All rows of a small answer. */
export const allRows = async (rows: AsyncIterable<SqlRow>): Promise<readonly SqlRow[]> => {
  const all: SqlRow[] = []
  for await (const row of rows) all.push(row)
  return all
}
