/** The part of a key-value database that the index uses, in bytes, with its failures under one code. */
import type { AnyLevel } from '@dagstore/io'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'
import { TopLevelIndexError } from './errors.ts'

/** A change with a full key: prefix included. */
export type Change =
  | { readonly type: 'put', readonly key: Uint8Array, readonly value: Uint8Array }
  | { readonly type: 'del', readonly key: Uint8Array }

/** Changes that become visible together. Keys carry the prefix; keys and values are not kept once the batch is written or dropped. */
export interface Batch {
  put(key: Uint8Array, value: Uint8Array): void
  del(key: Uint8Array): void
  /** Once; nothing is added after it. */
  write(options: { readonly sync: boolean }): Promise<void>
  /** Forget what was added; after `write` it means nothing. */
  drop(): Promise<void>
}

interface Range { readonly gt?: Uint8Array, readonly gte?: Uint8Array, readonly lte?: Uint8Array, readonly lt?: Uint8Array }

export interface Database {
  /** Stands before every key in the database that was passed in. */
  readonly prefix: Uint8Array
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** Keys without the prefix. */
  has(keys: readonly Uint8Array[]): Promise<readonly boolean[]>
  batch(): Batch
  /** One batch. */
  write(changes: readonly Change[], options: { readonly sync: boolean }): Promise<void>
  /** Key and value, in key order, `size` at first; closed when the consumer stops. */
  pages(range: Range, size: number, options?: { readonly reverse?: boolean, readonly limit?: number }): AsyncGenerator<readonly [Uint8Array, Uint8Array][], void, undefined>
  /** As `pages`, keys alone. */
  keys(range: Range, size: number, options?: { readonly limit?: number }): AsyncGenerator<readonly Uint8Array[], void, undefined>
}

/** Whoever takes a second page is likely to take many: pages grow up to so many rows. */
const MAX_PAGE = 1024

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const
/** Inherited, so that engines which copy the options of each change have nothing to copy: that would cost more than all the rest. */
const INHERITED: typeof BYTES = Object.create(BYTES) as typeof BYTES

/** @throws {TopLevelIndexError} `TOP_LEVEL_INDEX_FAILED` */
export const openDatabase = async (db: AnyLevel, name: string): Promise<Database> => {
  const level: AbstractSublevel<AbstractLevel<any, any, any>, any, Uint8Array, Uint8Array> = db.sublevel(name, { ...BYTES })
  const root: AbstractLevel<any, any, any> = level.db
  await guard('open', () => level.open())

  const batch = (): Batch => openBatch(root)
  return {
    prefix: new TextEncoder().encode(level.prefix),
    get: (key) => guard('get', () => level.get(key)),
    has: (keys) => guard('has', () => level.hasMany([...keys])),
    batch,
    write: async (changes, options) => {
      const one = batch()
      try {
        for (const change of changes) {
          if (change.type === 'put') one.put(change.key, change.value)
          else one.del(change.key)
        }
      } catch (error) {
        await one.drop()
        throw error
      }
      await one.write(options)
    },
    pages: (range, size, options = {}) => paged(() => level.iterator({ ...range, ...options, ...BYTES }), size),
    keys: (range, size, options = {}) => paged(() => level.keys({ ...range, ...options, keyEncoding: 'view' }), size),
  }
}

const openBatch = (root: AbstractLevel<any, any, any>): Batch => {
  const batch = guarded('batch', () => root.batch())
  return {
    put: (key, value) => { guarded('batch', () => batch.put<Uint8Array, Uint8Array>(key, value, INHERITED)) },
    del: (key) => { guarded('batch', () => batch.del<Uint8Array>(key, INHERITED)) },
    // `sync` is an option of the engines that have a disk; others ignore it
    write: ({ sync }) => guard('batch', () => batch.write({ sync } as object)),
    drop: () => batch.close().catch(() => {}), // it holds nothing but memory
  }
}

interface Cursor<T> {
  nextv(size: number): Promise<T[]>
  close(): Promise<void>
}

async function * paged<T> (open: () => Cursor<T>, size: number): AsyncGenerator<T[], void, undefined> {
  const cursor = await guard('iterator', async () => open())
  try {
    for (let next = size; ; next = Math.min(next * 2, Math.max(size, MAX_PAGE))) {
      const page = await guard('iterator', () => cursor.nextv(next))
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
    throw failed(what, cause)
  }
}

const guarded = <T>(what: string, run: () => T): T => {
  try {
    return run()
  } catch (cause) {
    throw failed(what, cause)
  }
}

const failed = (what: string, cause: unknown): TopLevelIndexError =>
  new TopLevelIndexError('TOP_LEVEL_INDEX_FAILED', `database failed; at=${what}`, { cause })
