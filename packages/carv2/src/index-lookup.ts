/**
 * The usual lookup: the first entry of a digest, when the pages it needs are at hand and known to be right. Makes nothing but
 * its answer; whatever else comes up is left to {@link IndexSearch}, which gives the same answers.
 */
import { RECORD_BYTES } from './entry-rows.ts'
import type { IndexBucket } from './index-directory.ts'
import { FENCE_BYTES, keyOf } from './index-fences.ts'
import type { IndexPages } from './index-pages.ts'
import { decodeRecord, type IndexRecords, readOffset } from './index-search.ts'
import type { IndexEntry } from './index-view.ts'

/** Guesses by value; then the rest is halved. */
const MAX_GUESSES = 5
/** So few entries are halved at once. */
const FEW_ENTRIES = 4
const KEY_SPAN = 2 ** 48

export class IndexLookup {
  readonly #pages: IndexPages
  readonly #records: IndexRecords
  /** The page looked at last, while a lookup runs. */
  #page: Uint8Array | undefined
  #number = -1
  /** Where the bytes asked for begin in it. */
  #at = 0

  constructor (pages: IndexPages, records: IndexRecords) {
    this.#pages = pages
    this.#records = records
  }

  /**
   * The first entry of the digest that stands in `multihash` from `digestAt`; `'absent'`: there is none, and that is proven;
   * `undefined`: this does not tell.
   *
   * @throws {CarV2Error} `CARV2_BAD_INDEX`: an offset above 2^53 - 1
   */
  first (bucket: IndexBucket, multihash: Uint8Array, digestAt: number): IndexEntry | 'absent' | undefined {
    if (!this.#pages.trusted || bucket.code === undefined || bucket.digestBytes < FENCE_BYTES) return undefined
    try {
      const entry = this.#lowerBound(bucket, multihash, digestAt)
      if (entry < 0) return undefined
      if (entry === bucket.count) return 'absent'
      const compared = this.#compare(bucket, entry, multihash, digestAt)
      if (compared !== 0) return compared === undefined ? undefined : 'absent'
      const sectionOffset = readOffset(this.#page!, this.#at + bucket.digestBytes, bucket.start + entry * bucket.width)
      if (!this.#locate(this.#records.recordsAt + RECORD_BYTES * (bucket.firstOrdinal + entry), RECORD_BYTES)) return undefined
      return decodeRecord(this.#page!, this.#at, this.#records.prefixes, bucket.code, bucket.digestBytes, sectionOffset)
    } finally {
      this.#page = undefined
      this.#number = -1
    }
  }

  /** The first entry that is not below the digest; -1: bytes are not at hand. */
  #lowerBound (bucket: IndexBucket, multihash: Uint8Array, digestAt: number): number {
    const key = keyOf(multihash, digestAt, FENCE_BYTES)
    const range = this.#records.fences?.range(bucket, key)
    let lo = range?.lo ?? 0
    let hi = range?.hi ?? bucket.count
    let loKey = range?.loKey ?? 0
    let hiKey = range?.hiKey ?? KEY_SPAN
    for (let guesses = 0; lo < hi; guesses++) {
      const span = hi - lo
      const byValue = guesses < MAX_GUESSES && span > FEW_ENTRIES && hiKey > loKey
      const guess = byValue ? lo + Math.min(span - 1, Math.max(0, Math.floor((key - loKey) / (hiKey - loKey) * span))) : lo + (span >>> 1)
      const compared = this.#compare(bucket, guess, multihash, digestAt)
      if (compared === undefined) return -1
      if (compared >= 0) {
        hi = guess
        hiKey = keyOf(this.#page!, this.#at, FENCE_BYTES)
      } else {
        lo = guess + 1
        loKey = keyOf(this.#page!, this.#at, FENCE_BYTES)
      }
    }
    return lo
  }

  /** Below 0, 0 or above 0 as the entry's digest is to the one looked for. */
  #compare ({ start, width, digestBytes }: IndexBucket, entry: number, multihash: Uint8Array, digestAt: number): number | undefined {
    if (!this.#locate(start + entry * width, width)) return undefined
    const bytes = this.#page!
    const at = this.#at
    for (let i = 0; i < digestBytes; i++) {
      const difference = bytes[at + i]! - multihash[digestAt + i]!
      if (difference !== 0) return difference
    }
    return 0
  }

  /** False: not at hand, or on two pages. */
  #locate (offset: number, length: number): boolean {
    const { pageBytes } = this.#pages
    const number = Math.floor(offset / pageBytes)
    if (number !== this.#number) {
      const page = this.#pages.at(number)
      if (page === undefined) return false
      this.#page = page
      this.#number = number
    }
    this.#at = offset - number * pageBytes
    return this.#at + length <= pageBytes
  }
}
