/**
 * A few digests of an index that are in memory while it is open: between two of them so few entries lie that their place can
 * be told from the digest to within a page or two, however many entries there are.
 */
import type { IndexBucket } from './index-directory.ts'

/** The beginning of a digest; zeros behind a shorter one. */
export const FENCE_BYTES = 6
const MIN_STEP = 1024
const MAX_FENCES = 2048

/** Entries from one fence to the next. */
export const fenceStep = (entryCount: number): number => {
  let step = MIN_STEP
  while (entryCount / step > MAX_FENCES) step *= 2
  return step
}

/** The first entry of a bucket needs none. */
const fencesOf = (count: number, step: number): number => Math.max(0, Math.ceil(count / step) - 1)

export const fenceCount = (buckets: readonly Pick<IndexBucket, 'count'>[], entryCount: number): number => {
  const step = fenceStep(entryCount)
  return buckets.reduce((sum, { count }) => sum + fencesOf(count, step), 0)
}

/** The first six bytes as one number; zeros behind a shorter digest. */
export const keyOf = (bytes: Uint8Array, at: number, length: number): number => {
  let key = 0
  for (let i = 0; i < FENCE_BYTES; i++) key = key * 256 + (i < length ? bytes[at + i]! : 0)
  return key
}

/** Takes the fences out of entries that come in order. */
export class FenceTaker {
  readonly bytes: Uint8Array
  readonly #step: number
  #at = 0

  constructor (buckets: readonly IndexBucket[], entryCount: number) {
    this.#step = fenceStep(entryCount)
    this.bytes = new Uint8Array(FENCE_BYTES * fenceCount(buckets, entryCount))
  }

  /** Entries [first, first + count) of a bucket, the first of them at `at`. */
  see (bytes: Uint8Array, at: number, { width, digestBytes }: IndexBucket, first: number, count: number): void {
    const step = this.#step
    for (let entry = Math.max(step, Math.ceil(first / step) * step); entry < first + count; entry += step) {
      const from = at + (entry - first) * width
      this.bytes.set(bytes.subarray(from, from + Math.min(FENCE_BYTES, digestBytes)), this.#at)
      this.#at += FENCE_BYTES
    }
  }
}

/** Between which entries of a bucket a digest may be. */
export interface FencedRange {
  /** The first entry that is not below the digest lies in [lo, hi]. */
  readonly lo: number
  readonly hi: number
  /** The keys at the ends; `undefined`: no fence there. */
  readonly loKey: number | undefined
  readonly hiKey: number | undefined
}

export class IndexFences {
  readonly #bytes: Uint8Array
  readonly #step: number
  /** Where the fences of each bucket begin. */
  readonly #starts = new Map<IndexBucket, number>()

  constructor (bytes: Uint8Array, buckets: readonly IndexBucket[], entryCount: number) {
    this.#bytes = bytes
    this.#step = fenceStep(entryCount)
    let start = 0
    for (const bucket of buckets) {
      if (bucket.count > this.#step) this.#starts.set(bucket, start)
      start += fencesOf(bucket.count, this.#step)
    }
  }

  /** The key of a digest tells; equal keys may lie on both sides of a fence. */
  range (bucket: IndexBucket, key: number): FencedRange {
    const start = this.#starts.get(bucket)
    if (start === undefined) return { lo: 0, hi: bucket.count, loKey: undefined, hiKey: undefined }
    const count = fencesOf(bucket.count, this.#step)
    const below = this.#first(start, count, (fence) => fence >= key)
    const above = this.#first(start, count, (fence) => fence > key)
    return {
      lo: below === 0 ? 0 : below * this.#step + 1,
      hi: above === count ? bucket.count : (above + 1) * this.#step,
      loKey: below === 0 ? undefined : this.#key(start + below - 1),
      hiKey: above === count ? undefined : this.#key(start + above),
    }
  }

  #key (fence: number): number {
    return keyOf(this.#bytes, FENCE_BYTES * fence, FENCE_BYTES)
  }

  /** The first fence of which `test` is true; it is for all behind it. */
  #first (start: number, count: number, test: (key: number) => boolean): number {
    let lo = 0
    let hi = count
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if (test(this.#key(start + middle))) hi = middle
      else lo = middle + 1
    }
    return lo
  }
}
