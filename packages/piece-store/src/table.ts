/** The little that a piece store needs of a database: byte keys in order, single changes that last. */
import type { AnyLevel } from '@dagstore/io'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'
import { PieceStoreError } from './errors.ts'

/** Keys and values given to it are not changed afterwards. */
export interface Table {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** Durable on return. */
  put(key: Uint8Array, value: Uint8Array): Promise<void>
  /** Those that `isNews` beside what is there: all or nothing, durable on return. The last one of a key counts. @returns whether any was */
  putNews(entries: readonly (readonly [Uint8Array, Uint8Array])[], isNews: (known: Uint8Array | undefined, value: Uint8Array) => boolean): Promise<boolean>
  /** Durable on return; a missing key is no error. */
  delete(key: Uint8Array): Promise<void>
  /** Keys that begin with `prefix`, in order. */
  range(prefix: Uint8Array): AsyncIterable<readonly [Uint8Array, Uint8Array]>
}

const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const
/** An option of the engines that have a disk; others ignore it. */
const SYNC = { ...BYTES, sync: true }

/** @throws {PieceStoreError} `PIECE_STORE_FAILED` from every call */
export const openLevelTable = async (db: AnyLevel, name: string): Promise<Table> => {
  const level: AbstractSublevel<AbstractLevel<any, any, any>, any, Uint8Array, Uint8Array> = db.sublevel(name, { ...BYTES })
  await guard('open', () => level.open())
  return {
    get: (key) => guard('get', () => level.get(key)),
    put: (key, value) => guard('put', () => level.put<Uint8Array, Uint8Array>(key, value, SYNC)),
    putNews: (entries, isNews) => guard('batch', () => putNews(level, entries, isNews)),
    delete: (key) => guard('del', () => level.del<Uint8Array>(key, SYNC)),
    range: async function * (prefix) {
      const iterator = await guard('iterator', async () => level.iterator({ gte: prefix, lt: after(prefix), ...BYTES }))
      try {
        for (;;) {
          const page = await guard('iterator', () => iterator.nextv(256))
          if (page.length === 0) return
          yield * page
        }
      } finally {
        await guard('iterator', () => iterator.close())
      }
    },
  }
}

/** Lasts as long as the object. */
export const createMemoryTable = (): Table => {
  const entries = new Map<string, readonly [Uint8Array, Uint8Array]>()
  return {
    get: async (key) => entries.get(textOf(key))?.[1],
    put: async (key, value) => { entries.set(textOf(key), [key, value]) },
    putNews: async (all, isNews) => {
      const news = all.filter(([key, value]) => isNews(entries.get(textOf(key))?.[1], value))
      for (const [key, value] of news) entries.set(textOf(key), [key, value])
      return news.length > 0
    },
    delete: async (key) => { entries.delete(textOf(key)) },
    range: async function * (prefix) {
      const begin = textOf(prefix)
      yield * [...entries].filter(([text]) => text.startsWith(begin)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
    },
  }
}

/** Under full keys in the database below: the calls of a sublevel take longer for each row than the write itself. */
const putNews = async (level: AbstractSublevel<AbstractLevel<any, any, any>, any, Uint8Array, Uint8Array>, entries: readonly (readonly [Uint8Array, Uint8Array])[], isNews: (known: Uint8Array | undefined, value: Uint8Array) => boolean): Promise<boolean> => {
  const prefix = new TextEncoder().encode(level.prefix)
  const keys = entries.map(([key]) => {
    const full = new Uint8Array(prefix.byteLength + key.byteLength)
    full.set(prefix)
    full.set(key, prefix.byteLength)
    return full
  })
  const known = await level.db.getMany<Uint8Array, Uint8Array>(keys, BYTES)
  const batch = level.db.batch()
  try {
    entries.forEach(([, value], at) => { if (isNews(known[at], value)) batch.put<Uint8Array, Uint8Array>(keys[at] as Uint8Array, value, INHERITED) })
  } catch (error) {
    await batch.close()
    throw error
  }
  const hasNews = batch.length > 0
  await (hasNews ? batch.write(SYNC) : batch.close())
  return hasNews
}

/** {@link BYTES} so that engines which copy the options of each change have nothing to copy. */
const INHERITED: typeof BYTES = Object.create(BYTES) as typeof BYTES

/** The first key behind all that begin with `prefix`, whose first byte is a tag below 255. */
const after = (prefix: Uint8Array): Uint8Array => {
  // a prefix that ends in 255 is carried over
  const next = prefix.slice()
  let at = next.byteLength - 1
  while (next[at] === 0xff) at--
  next[at] = (next[at] as number) + 1
  return next.subarray(0, at + 1)
}

/** One UTF-16 unit per byte: sorts as the bytes do. */
const textOf = (key: Uint8Array): string => String.fromCharCode(...key)

const guard = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new PieceStoreError('PIECE_STORE_FAILED', `database failed; at=${what}`, { cause })
  }
}
