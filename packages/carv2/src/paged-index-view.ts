/// <reference lib="esnext.disposable" preserve="true" />
/** The one {@link IndexView}: the same lookups over memory and over a source. */
import { type Awaitable, type CallOptions, IoError } from '@dagstore/io'
import { RECORD_BYTES } from './entry-rows.ts'
import { CarV2Error } from './errors.ts'
import type { IndexBucket, IndexDirectory } from './index-directory.ts'
import { IndexLookup } from './index-lookup.ts'
import type { IndexPages } from './index-pages.ts'
import { decodeRecord, type IndexRecords, IndexSearch, readOffset } from './index-search.ts'
import type { DigestRows, FindOptions, IndexEntry, IndexFacts, IndexView, KeyedIndexEntry } from './index-view.ts'
import { readVarint, varintBytes } from './varint.ts'

const NOTHING: readonly IndexEntry[] = Object.freeze([])
/** Read at once by `entries` and `digests`. */
const BATCH_BYTES = 1 << 18

export class PagedIndexView implements IndexView {
  readonly facts: IndexFacts
  readonly #pages: IndexPages
  readonly #directory: IndexDirectory
  readonly #records: IndexRecords | undefined
  readonly #lookup: IndexLookup | undefined
  #closed = false

  constructor (facts: IndexFacts, pages: IndexPages, directory: IndexDirectory, records: IndexRecords | undefined) {
    this.facts = facts
    this.#pages = pages
    this.#directory = directory
    this.#records = records
    this.#lookup = records === undefined ? undefined : new IndexLookup(pages, records)
  }

  find (multihash: Uint8Array, options: FindOptions = {}): Awaitable<readonly IndexEntry[]> {
    const { signal, limit = Infinity } = options
    signal?.throwIfAborted()
    this.#check()
    if (!(limit >= 1)) throw new RangeError(`limit; want=from 1 got=${limit}`)
    const { code, digestAt } = splitMultihash(multihash)
    const bucket = this.#bucket(code, multihash.byteLength - digestAt)
    if (bucket === undefined) return NOTHING
    const first = limit === 1 ? this.#lookup?.first(bucket, multihash, digestAt) : undefined
    if (first !== undefined) return first === 'absent' ? NOTHING : [first]
    const search = new IndexSearch(this.#pages, bucket, this.#records, multihash.subarray(digestAt), limit)
    for (let need = search.run(); need >= 0; need = search.run()) {
      const page = this.#pages.loadAround(need, search.needFirst, search.needLast, signal)
      if (page instanceof Promise) return this.#finish(search, need, page, signal)
      search.give(need, page)
    }
    return search.found
  }

  peek (multihash: Uint8Array): readonly IndexEntry[] | undefined {
    this.#check()
    const { code, digestAt } = splitMultihash(multihash)
    const bucket = this.#bucket(code, multihash.byteLength - digestAt)
    if (bucket === undefined) return NOTHING
    const first = this.#lookup?.first(bucket, multihash, digestAt)
    return first === 'absent' ? NOTHING : first === undefined ? undefined : [first]
  }

  async #finish (search: IndexSearch, need: number, page: Promise<Uint8Array>, signal: AbortSignal | undefined): Promise<readonly IndexEntry[]> {
    search.give(need, await page)
    for (let next = search.run(); next >= 0; next = search.run()) search.give(next, await this.#pages.loadAround(next, search.needFirst, search.needLast, signal))
    return search.found
  }

  async * entries ({ signal }: CallOptions = {}): AsyncGenerator<KeyedIndexEntry, void, undefined> {
    const records = this.#records
    for await (const { bucket, first, rows } of this.#chunks(signal)) {
      const { code, digestBytes, width, start, firstOrdinal } = bucket
      const at = start + first * width
      const count = rows.byteLength / width
      const recordAt = records === undefined ? 0 : records.recordsAt + RECORD_BYTES * (firstOrdinal + first)
      const lengths = records === undefined ? undefined : await this.#pages.run(recordAt, recordAt + RECORD_BYTES * count, signal)
      for (let k = 0; k < count; k++) {
        const sectionOffset = readOffset(rows, k * width + digestBytes, at + k * width + digestBytes)
        const entry = lengths === undefined || records === undefined || code === undefined
          ? { sectionOffset, headBytes: undefined, dataBytes: undefined }
          : decodeRecord(lengths, RECORD_BYTES * k, records.prefixes, code, digestBytes, sectionOffset)
        yield { ...entry, code, digest: rows.slice(k * width, k * width + digestBytes) }
      }
    }
  }

  async * digests ({ signal }: CallOptions = {}): AsyncGenerator<DigestRows, void, undefined> {
    for await (const { bucket: { code, digestBytes, width, start }, first, rows } of this.#chunks(signal)) {
      if (!this.#pages.trusted) {
        for (let at = digestBytes; at < rows.byteLength; at += width) readOffset(rows, at, start + first * width + at)
      }
      yield { code, digestBytes, rows, rowBytes: width }
    }
  }

  /** Entries of a bucket from the `first` on, checked to be in order. */
  async * #chunks (signal: AbortSignal | undefined): AsyncGenerator<{ readonly bucket: IndexBucket, readonly first: number, readonly rows: Uint8Array }, void, undefined> {
    for (const bucket of this.#directory.buckets) {
      const { width, start, count } = bucket
      const batch = Math.max(1, Math.floor(BATCH_BYTES / width))
      let before: Uint8Array | undefined
      for (let first = 0; first < count; first += batch) {
        signal?.throwIfAborted()
        this.#check()
        const at = start + first * width
        const rows = await this.#pages.run(at, at + Math.min(batch, count - first) * width, signal)
        this.#checkPlaces(bucket, first, rows, before)
        yield { bucket, first, rows }
        before = this.#pages.trusted ? undefined : rows.slice(-width)
      }
    }
  }

  /** @param before - the row of the entry before them */
  #checkPlaces (bucket: IndexBucket, first: number, rows: Uint8Array, before: Uint8Array | undefined): void {
    const { width, start, digestBytes } = bucket
    const placeOf = (entry: number): number => start + entry * width
    if (!this.#pages.trusted) {
      let [last, lastAt] = [before ?? rows, 0]
      for (let at = before === undefined ? width : 0; at < rows.byteLength; at += width) {
        if (isBelow(rows, at, last, lastAt, digestBytes)) {
          const offset = placeOf(first) + at
          throw new CarV2Error('CARV2_BAD_INDEX', `index is not sorted; at=${offset}`, { offset })
        }
        [last, lastAt] = [rows, at]
      }
    }
    const wrong = this.#records?.fences?.wrong(bucket, first, rows)
    if (wrong !== undefined) throw new CarV2Error('CARV2_INDEX_DAMAGED', `fence is not that of its entry; at=${placeOf(wrong)}`, { offset: placeOf(wrong) })
  }

  /** The standard bytes, in order, each chunk checked. */
  async * standard ({ signal }: CallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const { standardBytes } = this.#directory
    for (let at = 0; at < standardBytes; at += BATCH_BYTES) {
      signal?.throwIfAborted()
      this.#check()
      yield await this.#pages.run(at, Math.min(standardBytes, at + BATCH_BYTES), signal)
    }
  }

  async close (): Promise<void> {
    this.#closed = true
    await this.#pages.close()
  }

  [Symbol.asyncDispose] (): Promise<void> {
    return this.close()
  }

  #check (): void {
    if (this.#closed) throw new IoError('IO_CLOSED', 'index is closed')
  }

  #bucket (code: number, digestBytes: number): IndexBucket | undefined {
    for (const bucket of this.#directory.buckets) {
      if (bucket.digestBytes === digestBytes && (bucket.code === code || bucket.code === undefined)) return bucket
    }
    return undefined
  }
}

/** @throws {TypeError} not a multihash, or bytes behind it */
const splitMultihash = (bytes: Uint8Array): { readonly code: number, readonly digestAt: number } => {
  const code = readVarint(bytes, 0, bytes.byteLength)
  const lengthAt = code < 0 ? 0 : varintBytes(code)
  const length = code < 0 ? -1 : readVarint(bytes, lengthAt, bytes.byteLength)
  const digestAt = length < 0 ? 0 : lengthAt + varintBytes(length)
  if (length < 0 || digestAt + length !== bytes.byteLength) throw new TypeError(`not a multihash; length=${bytes.byteLength}`)
  return { code, digestAt }
}

const isBelow = (a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean => {
  for (let i = 0; i < length; i++) {
    if (a[aAt + i] !== b[bAt + i]) return a[aAt + i]! < b[bAt + i]!
  }
  return false
}
