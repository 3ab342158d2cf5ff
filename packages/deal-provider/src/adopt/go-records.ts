/**
 * The records of a Go DAG store, as it keeps them in its LevelDB: the row `/dagstore/<key>` for each shard, its value JSON.
 *
 *     {"k":"baga6ea4seaq…","u":"lotus://baga6ea4seaq…","t":"/repo/dagstore/transients/transient-baga….complete","s":2,"l":true,"e":""}
 *
 * key, mount URL, path of its transient, state, lazy, error. Source: dagstore `shard_persist.go` `PersistedShard`,
 * `shard_state.go`. Stricter: a record that is none is told, and one above 1 MiB is none.
 */
import type { AnyLevel, CallOptions } from '@dagstore/io'
import { LOTUS_STATE_NUMBERS, type LotusState } from '@dagstore/dagstore'

export interface GoRecord {
  readonly key: string
  readonly mountUrl: string
  /** A path of the machine on which the store was; `undefined`: there was none. */
  readonly transient: string | undefined
  /** `undefined`: a number that no version has. */
  readonly state: LotusState | undefined
  /** Empty where there was none. */
  readonly error: string
}

/** A row that is no record. */
export interface BadRecord {
  /** The key of the row, as far as it is text. */
  readonly row: string
  readonly problem: string
}

const PREFIX = '/dagstore/'
const MAX_RECORD_BYTES = 1 << 20
const MAX_ERROR_CHARACTERS = 4096
const PAGE = 64

/** What every `AbstractLevel` has and {@link AnyLevel} does not say. */
interface Level {
  iterator (options: object): { nextv (size: number): Promise<readonly (readonly [Uint8Array, Uint8Array])[]>, close (): Promise<void> }
}

/** By the bytes of their rows. @param db - open; stays the caller's */
export async function * goRecords (db: AnyLevel, { signal }: CallOptions): AsyncGenerator<GoRecord | BadRecord, void, undefined> {
  const text = new TextEncoder()
  // '0' comes right behind the slash
  const iterator = (db as AnyLevel & Level).iterator({ gte: text.encode(PREFIX), lt: text.encode('/dagstore0'), keyEncoding: 'view', valueEncoding: 'view' })
  try {
    for (;;) {
      signal?.throwIfAborted()
      const page = await iterator.nextv(PAGE)
      if (page.length === 0) return
      for (const [row, value] of page) yield parseRecord(new TextDecoder().decode(row), value)
    }
  } finally {
    await iterator.close()
  }
}

export const parseRecord = (row: string, value: Uint8Array): GoRecord | BadRecord => {
  try {
    if (value.byteLength > MAX_RECORD_BYTES) throw new TypeError(`longer than any record; max=${MAX_RECORD_BYTES} got=${value.byteLength}`)
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('no object')
    const fields = new Map<string, unknown>(Object.entries(json))
    const text = (name: string): string => {
      const field = fields.get(name) ?? ''
      if (typeof field !== 'string') throw new TypeError(`field is no text; name=${name}`)
      return field
    }
    const key = text('k')
    if (key === '') throw new TypeError('no key')
    const state = fields.get('s')
    if (typeof state !== 'number') throw new TypeError('field is no number; name=s')
    return { key, mountUrl: text('u'), transient: text('t') === '' ? undefined : text('t'), state: STATES.get(state), error: text('e').slice(0, MAX_ERROR_CHARACTERS) }
  } catch (error) {
    return { row, problem: error instanceof Error ? error.message : String(error) }
  }
}

const STATES: ReadonlyMap<number, LotusState> = new Map((Object.keys(LOTUS_STATE_NUMBERS) as LotusState[]).map((state) => [LOTUS_STATE_NUMBERS[state], state]))
