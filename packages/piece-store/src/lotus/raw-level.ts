/** The little that a reader needs of a foreign database: text keys as they are, bytes as values. */
import type { AnyLevel } from '@dagstore/io'
import { PieceStoreError } from '../errors.ts'

export interface RawLevel {
  get (key: string): Promise<Uint8Array | undefined>
  /** Keys that begin with `prefix`, which ends in a slash, in order. */
  range (prefix: string, signal: AbortSignal | undefined): AsyncIterable<readonly [string, Uint8Array]>
}

/** What every `AbstractLevel` has and {@link AnyLevel} does not say. */
interface Level {
  get (key: string, options: object): Promise<Uint8Array | undefined>
  iterator (options: object): { nextv (size: number): Promise<readonly (readonly [string, Uint8Array])[]>, close (): Promise<void> }
}

const ENCODINGS = { keyEncoding: 'utf8', valueEncoding: 'view' } as const
const PAGE = 256

/** @throws {PieceStoreError} `PIECE_STORE_FAILED` from every call */
export const openRawLevel = (db: AnyLevel): RawLevel => {
  const level = db as AnyLevel & Level
  return {
    get: (key) => guard('get', () => level.get(key, ENCODINGS)),
    range: async function * (prefix, signal) {
      signal?.throwIfAborted()
      // '0' comes right behind the slash
      const iterator = await guard('iterator', async () => level.iterator({ gt: prefix, lt: `${prefix.slice(0, -1)}0`, ...ENCODINGS }))
      try {
        for (;;) {
          const page = await guard('iterator', () => iterator.nextv(PAGE))
          if (page.length === 0) return
          for (const entry of page) {
            signal?.throwIfAborted()
            yield entry
          }
        }
      } finally {
        await guard('iterator', () => iterator.close())
      }
    },
  }
}

const guard = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new PieceStoreError('PIECE_STORE_FAILED', `database cannot be read; at=${what}`, { cause })
  }
}
