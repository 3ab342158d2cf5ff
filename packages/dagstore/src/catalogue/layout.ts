/**
 * Keys of the catalogue's rows, all in one sublevel with binary keys and values; numbers are big-endian.
 *
 *     'm' name                                   meta: format, next, counts
 *     'r' key                                    record of a shard
 *     's' state(u8) key                          state index: u8 1
 *     't' time(u64) key                          errored, to be tried again at that time: u8 1
 *     'n' shardNumber(u32)                       key of the shard that has this number
 *     'b' name                                   note of work on many shards
 *     'f' key                                    what checks have found wrong with a shard
 *     'g' keyLength(u16) key kind(u8) gen(u64)   garbage: shard number (u32) for an index, u8 1 for data
 *
 * Source of the state bytes: dagstore `shard_state.go`; 0xe0 and 0xe1 are ours.
 */
import { type Garbage, type Health, retryAt, type ShardRecord } from '../machine/index.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const META = 0x6d
const RECORD = 0x72
const STATE = 0x73
const RETRY = 0x74
const NUMBER = 0x6e
const GARBAGE = 0x67
const NOTE = 0x62
const FINDINGS = 0x66

const STATE_BYTES: Readonly<Record<Health, number>> = { new: 0, initializing: 1, available: 2, recovering: 0x80, errored: 0xf0 }
const DESTROYING_BYTE = 0xe0
const REFRESHING_BYTE = 0xe1
export const UNFINISHED_BYTES: readonly number[] = [STATE_BYTES.initializing, STATE_BYTES.recovering, DESTROYING_BYTE, REFRESHING_BYTE]
const ALL_BYTES: readonly number[] = [...Object.values(STATE_BYTES), DESTROYING_BYTE, REFRESHING_BYTE]

/** The value of a row whose key says all. Not an empty one: classic-level 3.0.0 never frees what it takes for that, 32 bytes each time. */
export const PRESENT: Uint8Array = Uint8Array.of(1)
/** The same where rows go to the database as text. */
export const PRESENT_TEXT = '\u0001'

const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.byteLength
  }
  return out
}

const u32 = (value: number): Uint8Array => {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value)
  return out
}

/** The key of a row; text where that is what its bytes are. */
export type RowKey = Uint8Array | string

const tagged = (tag: number, text: string): Uint8Array => encoder.encode(String.fromCharCode(tag) + text)

export const metaRow = (name: 'format' | 'next' | 'counts' | 'upgrade'): Uint8Array => tagged(META, name)
export const noteRow = (name: string): Uint8Array => tagged(NOTE, name)
export const findingsRow = (key: string): Uint8Array => tagged(FINDINGS, key)
export const findingsRange = (after: string | undefined): { readonly gt: Uint8Array, readonly lt: Uint8Array } =>
  ({ gt: findingsRow(after ?? ''), lt: Uint8Array.of(FINDINGS + 1) })
export const recordRow = (key: string): Uint8Array => tagged(RECORD, key)

/** {@link recordRow} as text. */
export const recordKey = (key: string): string => String.fromCharCode(RECORD) + key
/** {@link stateRow}, as text where the state is below 0x80. */
const stateKey = (state: number, key: string): RowKey => state < 0x80 ? String.fromCharCode(STATE, state) + key : stateRow(state, key)

/** The rows beside a record by which it is found. `undefined`: what the record says is unknown, so all of its states; its time is not known. */
export const indexRows = (key: string, record: ShardRecord | undefined): RowKey[] => {
  if (record === undefined) return ALL_BYTES.map((byte) => stateKey(byte, key))
  const rows: RowKey[] = [stateKey(record.destroying ? DESTROYING_BYTE : STATE_BYTES[record.health], key)]
  if (record.refresh !== undefined) rows.push(stateRow(REFRESHING_BYTE, key))
  const at = retryAt(record)
  if (at !== undefined) rows.push(retryRow(at, key))
  return rows
}

export const healthByte = (health: Health): number => STATE_BYTES[health]
export const stateRow = (state: number, key: string): Uint8Array => join(Uint8Array.of(STATE, state), encoder.encode(key))
export const numberRow = (shardNumber: number): Uint8Array => join(Uint8Array.of(NUMBER), u32(shardNumber))

export const retryRow = (at: number, key: string): Uint8Array => {
  const head = new Uint8Array(9)
  head[0] = RETRY
  new DataView(head.buffer).setBigUint64(1, BigInt(Math.max(0, at)))
  return join(head, encoder.encode(key))
}

/** Tries that are due until `until`, behind the one given. */
export const retryRange = (until: number, after: DueRow | undefined): { readonly gt: Uint8Array, readonly lt: Uint8Array } => ({
  gt: after === undefined ? Uint8Array.of(RETRY) : retryRow(after.at, after.key),
  lt: until >= Number.MAX_SAFE_INTEGER ? Uint8Array.of(RETRY + 1) : retryRow(until + 1, ''),
})

export interface DueRow { readonly key: string, readonly at: number }

export const parseRetryRow = (row: Uint8Array): DueRow =>
  ({ key: decoder.decode(row.subarray(9)), at: Number(new DataView(row.buffer, row.byteOffset, row.byteLength).getBigUint64(1)) })

/** All rows of records behind `after`; the first row that is none. */
export const recordRange = (after: string | undefined): { readonly gt: Uint8Array, readonly lt: Uint8Array } =>
  ({ gt: recordRow(after ?? ''), lt: Uint8Array.of(RECORD + 1) })

export const stateRange = (state: number, after: string | undefined): { readonly gt: Uint8Array, readonly lt: Uint8Array } =>
  ({ gt: stateRow(state, after ?? ''), lt: state === 0xff ? Uint8Array.of(STATE + 1) : Uint8Array.of(STATE, state + 1) })

export const numberRange: { readonly gte: Uint8Array, readonly lt: Uint8Array } = { gte: Uint8Array.of(NUMBER), lt: Uint8Array.of(NUMBER + 1) }

export const keyOfRecordRow = (row: Uint8Array): string => decoder.decode(row.subarray(1))
export const keyOfStateRow = (row: Uint8Array): string => decoder.decode(row.subarray(2))
export const numberOfRow = (row: Uint8Array): number => new DataView(row.buffer, row.byteOffset, row.byteLength).getUint32(1)

const garbagePrefix = (key: string): Uint8Array => {
  const bytes = encoder.encode(key)
  return join(Uint8Array.of(GARBAGE, bytes.byteLength >> 8, bytes.byteLength & 0xff), bytes)
}

export const garbageRow = (key: string, garbage: Garbage): { readonly row: Uint8Array, readonly value: Uint8Array } => {
  const tail = new Uint8Array(9)
  tail[0] = garbage.kind === 'index' ? 1 : 2
  new DataView(tail.buffer).setBigUint64(1, BigInt(garbage.generation))
  return { row: join(garbagePrefix(key), tail), value: garbage.kind === 'index' ? u32(garbage.shardNumber) : PRESENT }
}

/** The garbage of one shard, or of all. */
export const garbageRange = (key: string | undefined): { readonly gte: Uint8Array, readonly lt: Uint8Array } => key === undefined
  ? { gte: Uint8Array.of(GARBAGE), lt: Uint8Array.of(GARBAGE + 1) }
  : { gte: garbagePrefix(key), lt: join(garbagePrefix(key), Uint8Array.of(0xff)) }

export const parseGarbageRow = (row: Uint8Array, value: Uint8Array): { readonly key: string, readonly garbage: Garbage } => {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  const end = 3 + view.getUint16(1)
  const key = decoder.decode(row.subarray(3, end))
  const generation = Number(view.getBigUint64(end + 1))
  if (view.getUint8(end) === 2) return { key, garbage: { kind: 'data', generation } }
  return { key, garbage: { kind: 'index', generation, shardNumber: new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0) } }
}

export const encodeU32: (value: number) => Uint8Array = u32
export const decodeU32 = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0)
export const encodeText = (text: string): Uint8Array => encoder.encode(text)
export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes)
