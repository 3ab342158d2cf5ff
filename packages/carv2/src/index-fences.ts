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
  readonly #keys: Float64Array
  readonly #step: number
  /** Where the fences of each bucket begin. */
  readonly #starts = new Map<IndexBucket, number>()

  /** @throws {RangeError} the fences of a bucket do not ascend */
  constructor (bytes: Uint8Array, buckets: readonly IndexBucket[], entryCount: number) {
    this.#keys = new Float64Array(bytes.byteLength / FENCE_BYTES)
    for (let i = 0; i < this.#keys.length; i++) this.#keys[i] = keyOf(bytes, FENCE_BYTES * i, FENCE_BYTES)
    this.#step = fenceStep(entryCount)
    let start = 0
    for (const bucket of buckets) {
      const end = start + fencesOf(bucket.count, this.#step)
      if (end > start) this.#starts.set(bucket, start)
      for (let i = start + 1; i < end; i++) if (this.#keys[i]! < this.#keys[i - 1]!) throw new RangeError(`fences do not ascend; fence=${i}`)
      start = end
    }
  }

  /** The first of the entries from `first` on, which `rows` begins with, that is not as its fence says. */
  wrong (bucket: IndexBucket, first: number, rows: Uint8Array): number | undefined {
    const start = this.#starts.get(bucket)
    if (start === undefined) return undefined
    const { width, digestBytes } = bucket
    const step = this.#step
    for (let entry = Math.max(step, Math.ceil(first / step) * step); (entry - first) * width < rows.byteLength; entry += step) {
      if (keyOf(rows, (entry - first) * width, digestBytes) !== this.#keys[start + entry / step - 1]) return entry
    }
    return undefined
  }

  /** The key of a digest tells; equal keys may lie on both sides of a fence. */
  range (bucket: IndexBucket, key: number): FencedRange {
    const start = this.#starts.get(bucket)
    if (start === undefined) return { lo: 0, hi: bucket.count, loKey: undefined, hiKey: undefined }
    const keys = this.#keys
    const end = start + fencesOf(bucket.count, this.#step)
    let below = start
    for (let hi = end; below < hi;) {
      const middle = (below + hi) >>> 1
      if (keys[middle]! < key) below = middle + 1
      else hi = middle
    }
    // those that are equal are few, unless somebody made them so
    let above = below
    for (let hi = keys[below] === key ? end : below; above < hi;) {
      const middle = (above + hi) >>> 1
      if (keys[middle]! <= key) above = middle + 1
      else hi = middle
    }
    return {
      lo: below === start ? 0 : (below - start) * this.#step + 1,
      hi: above === end ? bucket.count : (above - start + 1) * this.#step,
      loKey: below === start ? undefined : keys[below - 1],
      hiKey: above === end ? undefined : keys[above],
    }
  }
}
