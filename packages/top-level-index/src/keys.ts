/**
 * Keys and values of the embedded form; numbers are big-endian.
 *
 *     key                                value
 *     'e' entry key, run u32             empty         one per multihash and run
 *     'l' run u32                        shard u32, entries u64      a live run
 *     's' shard u32                      run u32                     the live run of a shard
 *     'd' run u32                        entries u64   a run that is being written, or is dead: its entries go with the next purge
 *     't'                                entries u64   entries of all live runs
 *     'n'                                run u32       the next one, when the last purge ended: numbers are used once
 *     'w'                                run u32 each, ascending     the runs whose entries a purge under way removes
 *     'c'                                entry key     up to which it is done
 *     'v'                                version u8    1
 *
 * A run is what one `publish` wrote. Entry key: a multihash, its digest cut to 20 bytes unless the hash is identity; 64
 * bytes at most. Code and length in front make keys of one hash equally long, so none is the start of another.
 */

/** Bytes of a digest that are kept: too many for a collision, made or met. */
const DIGEST_BYTES = 20
const MAX_ENTRY_BYTES = 64

const TAG = { entry: 0x65, live: 0x6c, shard: 0x73, dead: 0x64, totals: 0x74, version: 0x76, nextRun: 0x6e, walk: 0x77, cursor: 0x63 } as const

export const VERSION = 1
export const EMPTY: Uint8Array = new Uint8Array(0)
/** The value of an entry, which says nothing. Not an empty one: classic-level 3.0.0 never frees what it takes for that, 32 bytes each time. */
export const PRESENT: Uint8Array = Uint8Array.of(1)
export const VERSION_KEY: Uint8Array = Uint8Array.of(TAG.version)
export const TOTALS_KEY: Uint8Array = Uint8Array.of(TAG.totals)
export const NEXT_RUN_KEY: Uint8Array = Uint8Array.of(TAG.nextRun)
export const WALK_KEY: Uint8Array = Uint8Array.of(TAG.walk)
export const CURSOR_KEY: Uint8Array = Uint8Array.of(TAG.cursor)

/** First and last key of a table whose keys are one tag and one u32. */
export interface KeyRange { readonly gte: Uint8Array, readonly lte: Uint8Array }

export const liveKey = (run: number): Uint8Array => tagged(TAG.live, run)
export const shardKey = (shard: number): Uint8Array => tagged(TAG.shard, shard)
export const deadKey = (run: number): Uint8Array => tagged(TAG.dead, run)
export const liveRange = (first: number, last: number): KeyRange => ({ gte: liveKey(first), lte: liveKey(last) })
/** Every entry: from the tag alone to the next tag. */
export const ENTRY_RANGE: { readonly gte: Uint8Array, readonly lt: Uint8Array } = { gte: Uint8Array.of(TAG.entry), lt: Uint8Array.of(TAG.entry + 1) }

/** The part of a multihash that entries are kept under; a view of `multihash`. Bytes that are no multihash are cut alike. */
export const entryPart = (multihash: Uint8Array): Uint8Array => {
  const length = entryLength(multihash)
  return length < multihash.byteLength ? multihash.subarray(0, length) : multihash
}

/** `prefix`, tag, entry part, run: a new array. */
export const entryKey = (part: Uint8Array, run: number, prefix: Uint8Array = EMPTY): Uint8Array => {
  const key = new Uint8Array(prefix.byteLength + part.byteLength + 5)
  writeEntryKey(key, 0, { prefix, multihash: part, partBytes: part.byteLength, run })
  return key
}

/** The same at `at` of `target`; the part is the first `partBytes` of the multihash. */
export const writeEntryKey = (target: Uint8Array, at: number, entry: { readonly prefix: Uint8Array, readonly multihash: Uint8Array, readonly partBytes: number, readonly run: number }): void => {
  const { prefix, multihash, partBytes, run } = entry
  target.set(prefix, at)
  let to = at + prefix.byteLength
  target[to++] = TAG.entry
  for (let byte = 0; byte < partBytes; byte++) target[to++] = multihash[byte] as number
  writeU32(target, to, run)
}

/** The run at the end of an entry's key, or of a tag and a u32. */
export const runOf = (key: Uint8Array): number => readU32(key, key.byteLength - 4)

/** Whether the key has the length of a tag and a u32. */
export const isRunKey = (key: Uint8Array): boolean => key.byteLength === 5

export const encodeLive = (shard: number, entries: number): Uint8Array => {
  const value = new Uint8Array(12)
  writeU32(value, 0, shard)
  value.set(encodeCount(entries), 4)
  return value
}

export interface LiveRow { readonly shard: number, readonly entries: number }

/** `undefined` for what {@link encodeLive} did not make. */
export const decodeLive = (value: Uint8Array): LiveRow | undefined => {
  const entries = decodeCount(value, 4)
  return value.byteLength !== 12 || entries === undefined ? undefined : { shard: readU32(value, 0), entries }
}

export const encodeRun = (run: number): Uint8Array => {
  const value = new Uint8Array(4)
  writeU32(value, 0, run)
  return value
}

export const encodeRuns = (runs: Uint32Array): Uint8Array => {
  const value = new Uint8Array(runs.length * 4)
  for (let at = 0; at < runs.length; at++) writeU32(value, at * 4, runs[at] as number)
  return value
}

/** None for what {@link encodeRuns} did not make: a purge then begins anew. */
export const decodeRuns = (value: Uint8Array): Uint32Array => {
  if (value.byteLength % 4 !== 0) return new Uint32Array(0)
  return Uint32Array.from({ length: value.byteLength / 4 }, (_, at) => readU32(value, at * 4)).sort()
}

export const encodeCount = (count: number): Uint8Array => {
  const value = new Uint8Array(8)
  writeU32(value, 0, Math.floor(count / 0x100000000))
  writeU32(value, 4, count % 0x100000000)
  return value
}

/** A u64 at `at`; `undefined` when it is missing or above 2^53 - 1. */
export const decodeCount = (value: Uint8Array, at = 0): number | undefined => {
  if (value.byteLength < at + 8) return undefined
  const count = readU32(value, at) * 0x100000000 + readU32(value, at + 4)
  return Number.isSafeInteger(count) ? count : undefined
}

export const decodeRun = (value: Uint8Array): number | undefined => (value.byteLength === 4 ? readU32(value, 0) : undefined)

export const readU32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0

const writeU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

const tagged = (tag: number, value: number): Uint8Array => {
  const key = new Uint8Array(5)
  key[0] = tag
  writeU32(key, 1, value)
  return key
}

/** Length of the part of a multihash that is kept. */
export const entryLength = (multihash: Uint8Array): number => Math.min(multihash.byteLength, MAX_ENTRY_BYTES, keptLength(multihash))

const keptLength = (multihash: Uint8Array): number => {
  if (multihash[0] === 0) return MAX_ENTRY_BYTES // identity: its digest is the block, and blocks begin alike
  let at = 0
  // code, then length, each an unsigned varint of at most 9 bytes
  for (let field = 0; field < 2; field++) {
    const end = at + 9
    while (at < end && (multihash[at] ?? 0) >= 0x80) at++
    at++
  }
  return at + DIGEST_BYTES
}

export const DEAD_RANGE: KeyRange = { gte: deadKey(0), lte: deadKey(0xffffffff) }
export const LIVE_RANGE: KeyRange = liveRange(0, 0xffffffff)
