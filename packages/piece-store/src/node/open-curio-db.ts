/** Opens Curio's database: PostgreSQL, or what speaks as one. */
import { onAbort, withdrawable } from '@dagstore/io'
import { createCurioReader } from '../curio/curio-reader.ts'
import { PieceStoreError } from '../errors.ts'
import type { PieceDealReader } from '../piece-deals.ts'
import type { SqlQuery, SqlRow } from '../sql-rows.ts'
import { importPeer } from './optional-peer.ts'

export interface OpenCurioDbOptions {
  /** Connections at once. @default 4 */
  readonly maxConnections?: number | undefined
  /** Rows in memory at once. @default 1000 */
  readonly rowsAtOnce?: number | undefined
}

export const CURIO_DB_DEFAULTS: Readonly<{ maxConnections: number, rowsAtOnce: number }> = Object.freeze({ maxConnections: 4, rowsAtOnce: 1000 })

/** Nobody who answers takes so long; closing waits for a connection that is being made. */
const CONNECT_TIMEOUT_MS = 30_000

/**
 * Reads Curio's tables by a cursor in a transaction that may only read and sees one moment. Needs the package `pg`. Connects
 * when first asked.
 *
 * @param url - `postgres://user:password@host:port/database`
 * @throws {PieceStoreError} `PIECE_STORE_NO_DRIVER`
 * @throws {RangeError} an option is no count
 */
export const openCurioDb = async (url: string, options: OpenCurioDbOptions = {}): Promise<PieceDealReader> => {
  const { maxConnections = CURIO_DB_DEFAULTS.maxConnections, rowsAtOnce = CURIO_DB_DEFAULTS.rowsAtOnce } = options
  for (const [name, count] of Object.entries({ maxConnections, rowsAtOnce })) if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`not a count; ${name}=${count}`)
  const { Pool } = await importPeer('pg', () => import('pg'))
  const pool = new Pool({ connectionString: url, max: maxConnections, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, application_name: 'dagstore' })
  pool.on('error', ignore) // of a connection that nobody holds; the next question gets another
  const closing = new AbortController()
  const query: SqlQuery = (sql, params, { signal }) => rowsOf(pool, sql, params, rowsAtOnce, signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]))
  return createCurioReader({
    query,
    onClose: () => {
      // the pool waits for connections that are held
      closing.abort(new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed'))
      return pool.end()
    },
  })
}

interface Connection {
  query (sql: string, params?: unknown[]): Promise<{ readonly rows: readonly SqlRow[] }>
  release (destroy?: boolean): void
  on (event: 'error', listener: () => void): unknown
  off (event: 'error', listener: () => void): unknown
}

async function * rowsOf (pool: { connect (): Promise<Connection> }, sql: string, params: readonly unknown[], rowsAtOnce: number, signal: AbortSignal): AsyncGenerator<SqlRow, void, undefined> {
  const connection = await connect(pool, signal)
  let held = true
  const release = (destroy: boolean): void => {
    if (!held) return
    held = false
    connection.off('error', ignore)
    connection.release(destroy)
  }
  connection.on('error', ignore)
  // an answer that is waited for comes no more when its connection is gone
  const forget = onAbort(signal, () => { release(true) })
  try {
    await connection.query('begin transaction isolation level repeatable read read only')
    await connection.query(`declare deals no scroll cursor for ${sql}`, [...params])
    for (;;) {
      const { rows } = await connection.query(`fetch ${rowsAtOnce} from deals`)
      yield * rows
      if (rows.length < rowsAtOnce) break
    }
  } finally {
    forget()
    if (held) await connection.query('rollback').then(() => { release(false) }, () => { release(true) })
  }
}

/** A connection that breaks while nothing is asked: the next question says so. */
const ignore = (): void => {}

const connect = async (pool: { connect (): Promise<Connection> }, signal: AbortSignal): Promise<Connection> => {
  const connecting = pool.connect()
  try {
    return await withdrawable(connecting, signal)
  } catch (error) {
    connecting.then((late) => { late.release() }, () => {}) // withdrawn, or the error that is told
    throw error
  }
}
