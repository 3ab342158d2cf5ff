/**
 * Shards as lines of JSON (UTF-8, each line ends with a line feed), for a file that outlives the store:
 *
 *     {"dagstore-shards":1}
 *     {"key":"a","url":"file:cars/a.car"}
 *     {"key":"b","url":"https://example.com/b.car","borrowed":"/data/b.car"}
 *     {"key":"c","damaged":true}
 *     {"end":3}
 *
 * First line: the version. Then one line per shard, by key: its key, canonical mount URL, and the path of a local copy that was
 * lent to the store; of a record that could not be
 * read, only the key. Last line: how many there were. Members that this version does not know are passed over; a change that
 * an older reader must not pass over gets another version.
 */
import { DagstoreError } from '../errors.ts'

export const SHARDS_VERSION: number = 1
/** Longest line, in bytes without its line feed; a key takes 6 KiB at most, escaped. */
export const MAX_LINE_BYTES: number = 1 << 20

export type ShardLine =
  | { readonly type: 'shard', readonly key: string, readonly url: string, readonly borrowed: string | undefined }
  | { readonly type: 'damaged', readonly key: string }
  | { readonly type: 'end', readonly count: number }

const encoder = new TextEncoder()

export const encodeHead = (): Uint8Array => encode({ 'dagstore-shards': SHARDS_VERSION })

export const encodeLine = (line: ShardLine): Uint8Array => {
  switch (line.type) {
    case 'shard': return encode({ key: line.key, url: line.url, borrowed: line.borrowed })
    case 'damaged': return encode({ key: line.key, damaged: true })
    case 'end': return encode({ end: line.count })
  }
}

const encode = (value: object): Uint8Array => encoder.encode(`${JSON.stringify(value)}\n`)

/**
 * Whether `importShards` would read it, before there is a store.
 *
 * @param start - its first bytes, 64 or more where there are so many
 * @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: an export of another version. `DAGSTORE_BAD_EXPORT`: no export of shards at all
 */
export const checkShardsExport = (start: Uint8Array): void => {
  const feed = start.indexOf(0x0a)
  checkHead(feed < 0 ? start : start.subarray(0, feed))
}

/** @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: another version. `DAGSTORE_BAD_EXPORT`: no export of shards at all */
export const checkHead = (line: Uint8Array | 'too long' | undefined): void => {
  const version = line === undefined || line === 'too long' ? undefined : tryParse(line)?.get('dagstore-shards')
  if (version === SHARDS_VERSION) return
  if (typeof version === 'number') throw new DagstoreError('DAGSTORE_BAD_FORMAT', `export of another version; supported=${SHARDS_VERSION} found=${version}`)
  throw new DagstoreError('DAGSTORE_BAD_EXPORT', 'not an export of shards: the first line does not say so; line=1')
}

/** @throws {DagstoreError} `DAGSTORE_BAD_EXPORT` */
export const parseLine = (line: Uint8Array | 'too long', number: number): ShardLine => {
  if (line === 'too long') throw bad(number, `longer than ${MAX_LINE_BYTES} bytes`)
  const members = tryParse(line)
  if (members === undefined) throw bad(number, 'no JSON object')
  const end = members.get('end')
  if (end !== undefined) {
    if (typeof end !== 'number' || !Number.isSafeInteger(end) || end < 0) throw bad(number, 'end is no count')
    return { type: 'end', count: end }
  }
  const key = members.get('key')
  if (typeof key !== 'string') throw bad(number, 'no key')
  if (members.get('damaged') === true) return { type: 'damaged', key }
  const url = members.get('url')
  if (typeof url !== 'string') throw bad(number, 'no url')
  const borrowed = members.get('borrowed')
  if (borrowed !== undefined && typeof borrowed !== 'string') throw bad(number, 'borrowed is no path')
  return { type: 'shard', key, url, borrowed }
}

const bad = (number: number, what: string): DagstoreError => new DagstoreError('DAGSTORE_BAD_EXPORT', `bad line in an export of shards: ${what}; line=${number}`)

const tryParse = (line: Uint8Array): ReadonlyMap<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined
  } catch {
    return undefined
  }
}

/** The lines of `chunks`, without their line feeds; a last one that does not end with one counts too. Keeps one line at most. */
export async function * linesOf (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | 'too long', void, undefined> {
  let parts: Uint8Array[] = []
  let length = 0
  const take = (part: Uint8Array): void => {
    length += part.byteLength
    if (length > MAX_LINE_BYTES) parts = []
    else parts.push(part.slice())
  }
  const give = (): Uint8Array | 'too long' => {
    if (length > MAX_LINE_BYTES) return 'too long'
    const line = new Uint8Array(length)
    let at = 0
    for (const part of parts) {
      line.set(part, at)
      at += part.byteLength
    }
    return line
  }
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.byteLength;) {
      const feed = chunk.indexOf(0x0a, from)
      take(chunk.subarray(from, feed < 0 ? chunk.byteLength : feed))
      if (feed < 0) break
      yield give()
      parts = []
      length = 0
      from = feed + 1
    }
  }
  if (length > 0) yield give()
}
