/** The part of a key-value database that the index uses, in bytes, with its failures under one code. */
import type { AnyLevel } from '@dagstore/io'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'
import { TopLevelIndexError } from './errors.ts'

/** A change with a full key: prefix included. */
export type Change =
  | { readonly type: 'put', readonly key: Uint8Array, readonly value: Uint8Array }
  | { readonly type: 'del', readonly key: Uint8Array }

interface Range { readonly gte: Uint8Array, readonly lte?: Uint8Array, readonly lt?: Uint8Array }

export interface Database {
  /** Stands before every key in the database that was passed in. */
  readonly prefix: Uint8Array
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** Keys without the prefix. */
  has(keys: readonly Uint8Array[]): Promise<readonly boolean[]>
  /** Keys of `changes` carry the prefix already: entries are made in one piece. Keeps no reference once it resolves. */
  write(changes: Change[], options: { readonly sync: boolean }): Promise<void>
  /** Key and value, in key order, `size` at a time; closed when the consumer stops. */
  pages(range: Range, size: number, options?: { readonly reverse?: boolean, readonly limit?: number }): AsyncGenerator<readonly [Uint8Array, Uint8Array][], void, undefined>
  /** As `pages`, keys alone. */
  keys(range: Range, size: number): AsyncGenerator<readonly Uint8Array[], void, undefined>
}

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const

/** @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_FAILED` */
export const openDatabase = async (db: AnyLevel, name: string): Promise<Database> => {
  const level: AbstractSublevel<AbstractLevel<any, any, any>, any, Uint8Array, Uint8Array> = db.sublevel(name, { ...BYTES })
  const root: AbstractLevel<any, any, any> = level.db
  await guard('open', () => level.open())

  return {
    prefix: new TextEncoder().encode(level.prefix),
    get: (key) => guard('get', () => level.get(key)),
    has: (keys) => guard('has', () => level.hasMany([...keys])),
    write: (changes, { sync }) => guard('batch', () => {
      // `sync` is an option of the engines that have a disk; others ignore it
      const options = { ...BYTES, sync }
      return root.batch<Uint8Array, Uint8Array>(changes, options)
    }),
    pages: (range, size, options = {}) => paged(() => level.iterator({ ...range, ...options, ...BYTES }), size),
    keys: (range, size) => paged(() => level.keys({ ...range, keyEncoding: 'view' }), size),
  }
}

interface Cursor<T> {
  nextv(size: number): Promise<T[]>
  close(): Promise<void>
}

async function * paged<T> (open: () => Cursor<T>, size: number): AsyncGenerator<T[], void, undefined> {
  const cursor = await guard('iterator', async () => open())
  try {
    for (;;) {
      const page = await guard('iterator', () => cursor.nextv(size))
      if (page.length === 0) return
      yield page
    }
  } finally {
    await guard('iterator', () => cursor.close())
  }
}

const guard = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new TopLevelIndexError('TOP_LEVEL_INDEX_FAILED', `database failed; at=${what}`, { cause })
  }
}
