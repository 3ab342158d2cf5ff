/** Which sections a file holds, in memory: found by multihash, or by whole CID, whichever the store compares by. */

/** Where a section lies; offsets from the start of the file, to its length varint. */
export interface PlacedSection {
  readonly at: number
  /** Varint and CID. */
  readonly headBytes: number
  readonly dataBytes: number
}

/** What the table needs of a CID; every CID of multiformats has it. */
export interface TableCid {
  readonly version: number
  readonly code: number
  readonly bytes: Uint8Array
  readonly multihash: { readonly bytes: Uint8Array }
}

export interface SectionTable {
  /** Sections, repeats included. */
  readonly count: number
  find(cid: TableCid): PlacedSection | undefined
  /** A repeat of one already there is kept for {@link all}, and not found. */
  add(cid: TableCid, section: PlacedSection): void
  /** Every section that {@link find} would find; binary CID. One added meanwhile may or may not be met. */
  distinct(): Iterable<PlacedSection & { readonly cid: Uint8Array }>
  /** Those, and the repeats. */
  all(): Iterable<PlacedSection & { readonly cid: Uint8Array }>
}

/** Some 150 bytes of memory per section; no limit at 2^24 as a single `Map` has. */
export const createSectionTable = (options: { readonly wholeCid: boolean }): SectionTable => {
  const parts = new Map<number, Map<string, number>>()
  const repeats: { readonly key: string, readonly ordinal: number }[] = []
  const prefixes = createPrefixes()
  let columns = createColumns(1024)
  let count = 0

  const keyBytes = (cid: TableCid): Uint8Array => options.wholeCid ? cid.bytes : cid.multihash.bytes
  // digests are uniform, so their last bytes spread the entries evenly
  const partOf = (bytes: Uint8Array): Map<string, number> => {
    const last = bytes[bytes.byteLength - 1] ?? 0
    let part = parts.get(last)
    if (part === undefined) parts.set(last, part = new Map())
    return part
  }
  const sectionOf = (ordinal: number): PlacedSection => ({ at: columns.at[ordinal]!, headBytes: columns.headBytes[ordinal]!, dataBytes: columns.dataBytes[ordinal]! })
  const entryOf = (key: string, ordinal: number): PlacedSection & { readonly cid: Uint8Array } => {
    const bytes = bytesOfKey(key)
    return { ...sectionOf(ordinal), cid: options.wholeCid ? bytes : prefixes.join(columns.prefix[ordinal]!, bytes) }
  }
  const distinct = function * (): Generator<PlacedSection & { readonly cid: Uint8Array }, void, undefined> {
    for (const part of parts.values()) {
      for (const [key, ordinal] of part) yield entryOf(key, ordinal)
    }
  }

  return {
    get count () { return count },
    find: (cid) => {
      const bytes = keyBytes(cid)
      const ordinal = partOf(bytes).get(keyOfBytes(bytes))
      return ordinal === undefined ? undefined : sectionOf(ordinal)
    },
    add: (cid, section) => {
      if (count === columns.at.length) columns = grow(columns)
      columns.at[count] = section.at
      columns.headBytes[count] = section.headBytes
      columns.dataBytes[count] = section.dataBytes
      columns.prefix[count] = prefixes.number(cid)
      const bytes = keyBytes(cid)
      const part = partOf(bytes)
      const key = keyOfBytes(bytes)
      if (part.has(key)) repeats.push({ key, ordinal: count })
      else part.set(key, count)
      count++
    },
    distinct,
    all: function * () {
      yield * distinct()
      for (const { key, ordinal } of repeats) yield entryOf(key, ordinal)
    },
  }
}

interface Columns {
  readonly at: Float64Array
  readonly headBytes: Uint32Array
  readonly dataBytes: Uint32Array
  readonly prefix: Uint32Array
}

const createColumns = (length: number): Columns =>
  ({ at: new Float64Array(length), headBytes: new Uint32Array(length), dataBytes: new Uint32Array(length), prefix: new Uint32Array(length) })

const grow = (columns: Columns): Columns => {
  const next = createColumns(columns.at.length * 2)
  next.at.set(columns.at)
  next.headBytes.set(columns.headBytes)
  next.dataBytes.set(columns.dataBytes)
  next.prefix.set(columns.prefix)
  return next
}

/** Numbers for what stands before the multihash in a CID: nothing in a CIDv0, version and codec in a CIDv1. */
const createPrefixes = (): { number(cid: TableCid): number, join(number: number, multihash: Uint8Array): Uint8Array } => {
  const known: Uint8Array[] = []
  const numbers = new Map<number, number>()
  return {
    number: (cid) => {
      const name = cid.version === 0 ? -1 : cid.code
      let number = numbers.get(name)
      if (number === undefined) {
        numbers.set(name, number = known.length)
        known.push(cid.bytes.slice(0, cid.bytes.byteLength - cid.multihash.bytes.byteLength))
      }
      return number
    },
    join: (number, multihash) => {
      const prefix = known[number]!
      const cid = new Uint8Array(prefix.byteLength + multihash.byteLength)
      cid.set(prefix)
      cid.set(multihash, prefix.byteLength)
      return cid
    },
  }
}

/** Arguments of one call are limited by the stack; identity CIDs may be long. */
const KEY_PART = 4096

/** A string with one character per byte: half the memory of one in hex. */
const keyOfBytes = (bytes: Uint8Array): string => {
  if (bytes.byteLength <= KEY_PART) return String.fromCharCode(...bytes)
  let key = ''
  for (let at = 0; at < bytes.byteLength; at += KEY_PART) key += String.fromCharCode(...bytes.subarray(at, at + KEY_PART))
  return key
}

const bytesOfKey = (key: string): Uint8Array => {
  const bytes = new Uint8Array(key.length)
  for (let at = 0; at < key.length; at++) bytes[at] = key.charCodeAt(at)
  return bytes
}
