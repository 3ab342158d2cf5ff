/**
 * One lookup: digests are spread evenly, so their first bytes say about where an entry is between two fences; each page
 * seen narrows the rest. Runs as far as pages are at hand and names the page it needs next, so that it can wait or not.
 */
import { type CidPrefix, headLength, UNKNOWN_ROW } from './cid-prefixes.ts'
import { RECORD_BYTES } from './entry-rows.ts'
import { CarV2Error } from './errors.ts'
import type { IndexBucket } from './index-directory.ts'
import { type IndexFences, keyOf } from './index-fences.ts'
import type { IndexPages } from './index-pages.ts'
import type { IndexEntry } from './index-view.ts'

/** Where lengths and CID prefixes of the entries are, in an index that has them. */
export interface IndexRecords {
  readonly recordsAt: number
  readonly prefixes: readonly CidPrefix[]
  /** `undefined`: all pages are at hand. */
  readonly fences: IndexFences | undefined
}

/** After so many guesses by value the rest is halved, so that clustered digests cost log2(entries). */
const MAX_GUESSES = 3
const KEY_SPAN = 2 ** 48
const DONE = -1

export class IndexSearch {
  readonly found: IndexEntry[] = []
  readonly #pages: IndexPages
  readonly #bucket: IndexBucket
  readonly #records: IndexRecords | undefined
  readonly #digest: Uint8Array
  readonly #limit: number
  readonly #key: number
  /** Pages that were read for this lookup; the cache may have lost them again. */
  #held: Map<number, Uint8Array> | undefined
  /** The first entry that is not below the digest lies in [lo, hi]. */
  #lo: number
  #hi: number
  #loKey: number
  #hiKey: number
  #guesses = 0
  /** The next entry to be compared and taken. */
  #next = -1
  #need = DONE
  /** With the page needed these are likely to be, so that one read may bring them. */
  needFirst: number = DONE
  needLast: number = DONE
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0

  constructor (pages: IndexPages, bucket: IndexBucket, records: IndexRecords | undefined, digest: Uint8Array, limit: number) {
    this.#pages = pages
    this.#bucket = bucket
    this.#records = records
    this.#digest = digest
    this.#limit = limit
    this.#key = keyOf(digest, 0, digest.byteLength)
    const range = records?.fences?.range(bucket, this.#key)
    this.#lo = range?.lo ?? 0
    this.#hi = range?.hi ?? bucket.count
    this.#loKey = range?.loKey ?? 0
    this.#hiKey = range?.hiKey ?? KEY_SPAN
  }

  /** The number of a page that {@link give} must bring first, or -1: `found` is complete. */
  run (): number {
    if (this.#next < 0) {
      while (this.#lo < this.#hi) {
        if (!this.#narrow()) return this.#need
      }
      this.#next = this.#lo
    }
    while (this.#next < this.#bucket.count && this.found.length < this.#limit) {
      const taken = this.#take(this.#next)
      if (taken === undefined) return this.#need
      if (!taken) break
      this.#next++
    }
    return DONE
  }

  give (page: number, bytes: Uint8Array): void {
    this.#held ??= new Map()
    this.#held.set(page, bytes)
  }

  /** One page less in question; false when it is not at hand. */
  #narrow (): boolean {
    const { start, width } = this.#bucket
    const { pageBytes } = this.#pages
    const guess = this.#guess()
    const pageStart = Math.floor((start + guess * width) / pageBytes) * pageBytes
    let first = Math.max(this.#lo, Math.ceil((pageStart - start) / width))
    let last = Math.min(this.#hi, Math.floor((pageStart + pageBytes - start) / width)) - 1
    if (first > last) first = last = guess // no whole entry in this page
    if (!this.#locate(start + first * width, width)) {
      this.#widen(guess)
      return false
    }
    if (!this.#pages.trusted) this.#checkOrder(first, last)
    this.#guesses++
    this.#locate(start + first * width, width)
    if (this.#compare() >= 0) {
      this.#hi = first
      this.#hiKey = this.#keyHere()
      return true
    }
    this.#locate(start + last * width, width)
    if (this.#compare() < 0) {
      this.#lo = last + 1
      this.#loKey = this.#keyHere()
      return true
    }
    let lo = first + 1
    let hi = last
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      this.#locate(start + middle * width, width)
      if (this.#compare() >= 0) hi = middle
      else lo = middle + 1
    }
    this.#lo = this.#hi = lo
    return true
  }

  #guess (): number {
    const lo = this.#lo
    const span = this.#hi - lo
    const range = this.#hiKey - this.#loKey
    if (this.#guesses >= MAX_GUESSES || range <= 0) return lo + Math.floor(span / 2)
    const share = (this.#key - this.#loKey) / range
    return Math.min(this.#hi - 1, lo + Math.floor(Math.max(0, share) * span))
  }

  /** Evenly spread digests miss their places by about half the square root of their number. */
  #widen (guess: number): void {
    const { start, width } = this.#bucket
    const { pageBytes, spread } = this.#pages
    if (this.#guesses >= MAX_GUESSES) return
    const radius = Math.ceil(spread * Math.sqrt(this.#hi - this.#lo) / 2)
    this.needFirst = Math.floor((start + Math.max(this.#lo, guess - radius) * width) / pageBytes)
    this.needLast = Math.floor((start + (Math.min(this.#hi, guess + radius + 1)) * width - 1) / pageBytes)
  }

  /** Without checksums the order is what an answer rests on; the entries of a page cost little to compare. */
  #checkOrder (first: number, last: number): void {
    const { start, width, digestBytes } = this.#bucket
    const bad = (entry: number): CarV2Error => {
      const offset = start + entry * width
      return new CarV2Error('CARV2_BAD_INDEX', `index is not sorted; at=${offset}`, { offset })
    }
    this.#locate(start + first * width, width)
    if (this.#keyHere() < this.#loKey) throw bad(first)
    for (let entry = first + 1; entry <= last; entry++) {
      const before = this.#at
      this.#locate(start + entry * width, width)
      if (compareBytes(this.#bytes, before, this.#bytes, this.#at, digestBytes) > 0) throw bad(entry)
    }
    if (this.#keyHere() > this.#hiKey) throw bad(last)
  }

  /** Take an entry if its digest is the one: true; else false. `undefined`: a page is not at hand. */
  #take (entry: number): boolean | undefined {
    const { start, width, digestBytes, code, firstOrdinal } = this.#bucket
    const at = start + entry * width
    if (!this.#locate(at, width)) return undefined
    if (this.#compare() !== 0) return false
    const sectionOffset = readOffset(this.#bytes, this.#at + digestBytes, at + digestBytes)
    const records = this.#records
    if (records === undefined || code === undefined) {
      this.found.push({ sectionOffset, headBytes: undefined, dataBytes: undefined })
      return true
    }
    const recordAt = records.recordsAt + RECORD_BYTES * (firstOrdinal + entry)
    if (!this.#locate(recordAt, RECORD_BYTES)) return undefined
    this.found.push(decodeRecord(this.#bytes, this.#at, records.prefixes, code, digestBytes, sectionOffset))
    return true
  }

  /** Put `length` bytes of the index from `offset` at hand: `#bytes` from `#at`. False: page `#need` is missing. */
  #locate (offset: number, length: number): boolean {
    const { pageBytes } = this.#pages
    const page = Math.floor(offset / pageBytes)
    const bytes = this.#page(page)
    if (bytes === undefined) return false
    const at = offset - page * pageBytes
    if (at + length <= pageBytes) {
      this.#bytes = bytes
      this.#at = at
      return true
    }
    const joined = new Uint8Array(length)
    for (let done = 0, number = page; done < length; number++) {
      const part = this.#page(number)
      if (part === undefined) return false
      const from = number === page ? at : 0
      const size = Math.min(length - done, pageBytes - from)
      joined.set(part.subarray(from, from + size), done)
      done += size
    }
    this.#bytes = joined
    this.#at = 0
    return true
  }

  #page (page: number): Uint8Array | undefined {
    const bytes = this.#held?.get(page) ?? this.#pages.at(page)
    if (bytes === undefined) this.#need = this.needFirst = this.needLast = page
    return bytes
  }

  #compare (): number {
    return compareBytes(this.#bytes, this.#at, this.#digest, 0, this.#digest.byteLength)
  }

  #keyHere (): number {
    return keyOf(this.#bytes, this.#at, this.#digest.byteLength)
  }
}

/** The offset at `at` in `bytes`. @throws {CarV2Error} `CARV2_BAD_INDEX`: above 2^53 - 1; `place` says where */
export const readOffset = (bytes: Uint8Array, at: number, place: number): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8)
  const offset = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true)
  if (Number.isSafeInteger(offset)) return offset
  throw new CarV2Error('CARV2_BAD_INDEX', `section offset above 2^53 - 1; at=${place}`, { offset: place })
}

/** The entry whose record stands at `at` in `bytes`. */
export const decodeRecord = (bytes: Uint8Array, at: number, prefixes: readonly CidPrefix[], code: number, digestBytes: number, sectionOffset: number): IndexEntry => {
  const dataBytes = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  const row = bytes[at + 4]!
  const prefix = row === UNKNOWN_ROW ? undefined : prefixes[row]
  return { sectionOffset, headBytes: prefix === undefined ? undefined : headLength(prefix, code, digestBytes, dataBytes), dataBytes }
}

const compareBytes = (a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): number => {
  for (let i = 0; i < length; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!
    if (difference !== 0) return difference
  }
  return 0
}
