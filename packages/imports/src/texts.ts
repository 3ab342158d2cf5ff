/** What the records need of a database: texts under texts, changed together, read in order. */
import type { AnyLevel } from '@dagstore/io'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'
import { ImportError } from './errors.ts'

export type Change =
  | { readonly type: 'put', readonly key: string, readonly value: string }
  | { readonly type: 'del', readonly key: string }

/** @throws {ImportError} `IMPORT_FAILED`: the database failed */
export interface Texts {
  get(key: string): Promise<string | undefined>
  /** All or none, durable on return. */
  change(changes: readonly Change[]): Promise<void>
  /** Those whose keys start so, by key. */
  scan(prefix: string): AsyncGenerator<readonly [key: string, text: string], void, undefined>
  /** The keys of {@link scan} alone. */
  keys(prefix: string): AsyncGenerator<string, void, undefined>
}

const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
/** `sync` is an option of the engines that have a disk; others ignore it. */
const DURABLE = { ...TEXT, sync: true }

export const openLevelTexts = async (db: AnyLevel): Promise<Texts> => {
  const level: AbstractSublevel<AbstractLevel<any, any, any>, any, string, string> = db.sublevel('imports', { ...TEXT })
  await guard(() => level.open())
  const rangeOf = (prefix: string): { readonly gte: string, readonly lt: string } => ({ gte: prefix, lt: `${prefix}\u{10ffff}` })
  return {
    get: (key) => guard(() => level.get(key)),
    change: (changes) => guard(() => level.batch([...changes], DURABLE)),
    scan: (prefix) => walk(() => level.iterator(rangeOf(prefix))),
    keys: (prefix) => walk(() => level.keys(rangeOf(prefix))),
  }
}

export const createMemoryTexts = (): Texts => {
  const texts = new Map<string, string>()
  const keysOf = (prefix: string): string[] => [...texts.keys()].filter((key) => key.startsWith(prefix)).sort()
  return {
    get: async (key) => texts.get(key),
    change: async (changes) => {
      for (const change of changes) {
        if (change.type === 'put') texts.set(change.key, change.value)
        else texts.delete(change.key)
      }
    },
    scan: async function * (prefix) {
      for (const key of keysOf(prefix)) {
        const text = texts.get(key)
        if (text !== undefined) yield [key, text]
      }
    },
    keys: async function * (prefix) { yield * keysOf(prefix) },
  }
}

/** A walk that a database has begun. */
export interface Cursor<T> { next(): Promise<T | undefined>, close(): Promise<void> }

/** @throws {ImportError} `IMPORT_FAILED` */
export async function * walk<T> (open: () => Cursor<T>): AsyncGenerator<T, void, undefined> {
  const cursor = await guard(async () => open())
  try {
    for (let entry = await guard(() => cursor.next()); entry !== undefined; entry = await guard(() => cursor.next())) yield entry
  } finally {
    await guard(() => cursor.close())
  }
}

const guard = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new ImportError('IMPORT_FAILED', 'database failed', { cause })
  }
}
