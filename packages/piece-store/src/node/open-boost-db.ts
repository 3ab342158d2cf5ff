/** Opens Boost's SQLite database by way of a copy. */
import { open, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { CallOptions } from '@dagstore/io'
import { createBoostDbReader } from '../boost/db-reader.ts'
import { PieceStoreError } from '../errors.ts'
import type { PieceDealReader } from '../piece-deals.ts'
import type { SqlRow } from '../sql-rows.ts'
import { type CopyOptions, copyForReading, type FolderCopy } from './copy-for-reading.ts'
import { importPeer } from './optional-peer.ts'

const DB = 'boost.db'
/** Rows between two looks at the signal: reading is synchronous. */
const ROWS_AT_ONCE = 256
/** So often the copy is made again when a change is under way. */
const ATTEMPTS = 5

/**
 * Copy `boost.db`, with what SQLite keeps beside it, and read that; the copy is removed by `close`. Needs the package
 * `node-sqlite3-wasm`.
 *
 * @param path - Boost's repository, or the file
 * @throws {PieceStoreError} `PIECE_STORE_NO_DRIVER`. `PIECE_STORE_FAILED`: no such database, no room, too large, changing all the
 *   time. What is no database of Boost is found out by the first question.
 */
export const openBoostDb = async (path: string, options: CopyOptions = {}): Promise<PieceDealReader> => {
  const { Database } = (await importPeer('node-sqlite3-wasm', () => import('node-sqlite3-wasm'))).default
  const file = await stat(path).then((stats) => stats.isDirectory() ? join(path, DB) : path, () => path)
  const copy = await copyAtRest(file, options)
  const open = (): PieceDealReader => {
    const db = new Database(join(copy.folder, basename(file)), { fileMustExist: true })
    const statements = new Set<Statement>()
    const close = async (): Promise<void> => {
      try {
        // those that somebody still reads from are refused there
        for (const statement of statements) statement.finalize()
        db.close()
      } finally {
        await copy.remove()
      }
    }
    return createBoostDbReader({ query: (sql, params, { signal }) => rowsOf(() => prepare(db, sql), statements, params, signal), onClose: close })
  }
  try {
    return open()
  } catch (cause) {
    await copy.remove()
    throw new PieceStoreError('PIECE_STORE_FAILED', 'copy of the database cannot be opened', { cause })
  }
}

/** A copy in which no change is half made: the engine at hand undoes none. */
const copyAtRest = async (file: string, options: CopyOptions): Promise<FolderCopy> => {
  const name = basename(file)
  const parts = new Set([name, `${name}-wal`, `${name}-journal`])
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const copy = await copyForReading({ from: dirname(file), isPart: (part) => parts.has(part), mayGrow: () => false }, options)
    if (!await isHot(join(copy.folder, `${name}-journal`))) return copy
    await copy.remove()
  }
  throw new PieceStoreError('PIECE_STORE_FAILED', 'a change of the database is half made; where Boost does not run, start it once: it undoes the change')
}

/** Whether it undoes something: its first byte is cleared when there is nothing left to undo. */
const isHot = async (journal: string): Promise<boolean> => {
  const file = await open(journal, 'r').catch(() => undefined) // there is none
  if (file === undefined) return false
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(1), 0, 1, 0)
    return bytesRead === 1 && buffer[0] !== 0
  } finally {
    await file.close()
  }
}

interface Statement {
  readonly isFinalized: boolean
  iterate (values: never[]): Iterable<unknown>
  finalize (): void
}

const prepare = (db: { exec (sql: string): void, prepare (sql: string): Statement }, sql: string): Statement => {
  // no memory is shared with other processes: a write-ahead log needs it said before the first question
  db.exec('pragma locking_mode = exclusive')
  return db.prepare(sql)
}

async function * rowsOf (prepared: () => Statement, statements: Set<Statement>, params: readonly unknown[], signal: CallOptions['signal']): AsyncGenerator<SqlRow, void, undefined> {
  const statement = prepared()
  statements.add(statement)
  try {
    let count = 0
    for (const row of statement.iterate(params as never[])) {
      if (++count % ROWS_AT_ONCE === 0) {
        await new Promise((resolve) => { setImmediate(resolve) })
        signal?.throwIfAborted()
      }
      yield row as SqlRow
      if (statement.isFinalized) throw new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed')
    }
  } finally {
    statements.delete(statement)
    if (!statement.isFinalized) statement.finalize()
  }
}
