/** The bytes of an index, page by page: from memory as one page, from a source through the cache, checked on the way in. */
import { crc32 } from '@dagstore/hashes'
import { type Awaitable, type ByteSource, IoError, withdrawable } from '@dagstore/io'
import { CarV2Error } from './errors.ts'
import { CHECKSUMS_PER_CHUNK, PAGE_BYTES, type TrailerPlan } from './index-trailer.ts'
import type { PageSpace } from './page-cache.ts'
import { peekPlain, plainBytes, readPlain } from './plain-bytes.ts'

export interface IndexPages {
  readonly pageBytes: number
  /** Whether the bytes are known to be as they were written. */
  readonly trusted: boolean
  /** How far around the place of a guess one read should reach, in standard deviations of what a guess misses by. */
  readonly spread: number
  /** The page, if it is at hand. Read-only. */
  at(page: number): Uint8Array | undefined
  /** The page, read where it has to be. Read-only. @throws {CarV2Error} `CARV2_INDEX_DAMAGED`; `IO_*` */
  load(page: number, signal?: AbortSignal): Awaitable<Uint8Array>
  /** Pages [first, last] around `page`, by one read of those that are not at hand next to it. Gives the page. @throws as `load` */
  loadAround(page: number, first: number, last: number, signal?: AbortSignal): Awaitable<Uint8Array>
  /** Bytes [from, to), read without filling the cache. Read-only. @throws as `load` */
  run(from: number, to: number, signal?: AbortSignal): Awaitable<Uint8Array>
  close(): Promise<void>
}

/** Bytes that this program made itself. */
export const memoryPages = (bytes: Uint8Array): IndexPages => {
  let closed = false
  const at = (): Uint8Array => {
    if (closed) throw new IoError('IO_CLOSED', 'index is closed')
    return bytes
  }
  return {
    pageBytes: Math.max(1, bytes.byteLength),
    trusted: true,
    spread: 0,
    at,
    load: at,
    loadAround: at,
    run: (from, to) => at().subarray(from, to),
    close: async () => { closed = true },
  }
}

/** What the checksums of a trailer need: where they lie, and the second level, which is held while the index is open. */
export interface PageChecks {
  readonly plan: TrailerPlan
  readonly chunks: Uint8Array
}

export interface PagesOptions {
  readonly checks?: PageChecks | undefined
  readonly owns: boolean
  /** The end of the index, as far as it was read: checksums in it, and pages where all of it is there, need not be read again. */
  readonly tail?: { readonly start: number, readonly bytes: Uint8Array } | undefined
}

/** One in 15,000 guesses misses by more; over a network a miss costs a round trip. */
const SPREAD_REMOTE = 4
const SPREAD_LOCAL = 1.5
/** Pages that one read for a lookup brings at most. */
const MAX_AROUND_LOCAL = 4
const MAX_AROUND_REMOTE = 512

/**
 * The first `sizeBytes` of a source. With `checks` every page is compared with its checksum before it is used.
 *
 * @param options.owns - whether closing closes the source
 */
export const sourcePages = (source: ByteSource, sizeBytes: number, space: PageSpace, options: PagesOptions): IndexPages => {
  // nothing that lives as long as the index may refer to the options: the tail is long
  const { checks, owns } = options
  const isRemote = source.cost.kind === 'remote'
  const maxAround = isRemote ? MAX_AROUND_REMOTE : MAX_AROUND_LOCAL
  const pending = new Map<number, Promise<Uint8Array>>()
  let closed = false

  const at = (page: number): Uint8Array | undefined => {
    if (closed) throw new IoError('IO_CLOSED', 'index is closed')
    return space.get(page)
  }

  /** Checksums of the pages of one chunk, checked themselves. Kept in the cache behind the pages. */
  const checksums = (chunk: number, { plan, chunks }: PageChecks): Awaitable<Uint8Array> => {
    const key = plan.pageCount + chunk
    const cached = space.get(key)
    if (cached !== undefined) return cached
    const start = plan.bodyBytes + PAGE_BYTES * chunk
    const length = Math.min(PAGE_BYTES, plan.chunksAt - start)
    const check = (given: Uint8Array): Uint8Array => {
      const bytes = plainBytes(given)
      if (crc32(bytes) !== u32(chunks, 4 * chunk)) throw damaged(start)
      if (!closed) space.set(key, bytes)
      return bytes
    }
    const view = source.peek(start, length)
    return view === undefined ? source.read(start, length).then(check) : check(plainBytes(view).slice())
  }

  const checkPage = (page: number, bytes: Uint8Array, from: number, to: number, sums: Uint8Array): void => {
    if (crc32(bytes, from, to) !== u32(sums, 4 * (page % CHECKSUMS_PER_CHUNK))) throw damaged(page * PAGE_BYTES)
  }

  /** What the tail has, checked before it is kept. */
  const admitTail = ({ start, bytes }: { start: number, bytes: Uint8Array }, { plan, chunks }: PageChecks): void => {
    for (let chunk = 0; chunk < plan.chunkCount; chunk++) {
      const from = plan.bodyBytes + PAGE_BYTES * chunk - start
      if (from < 0) continue
      const sums = bytes.slice(from, Math.min(from + PAGE_BYTES, plan.chunksAt - start))
      if (crc32(sums) !== u32(chunks, 4 * chunk)) throw damaged(from + start)
      space.set(plan.pageCount + chunk, sums)
      for (let page = start > 0 ? plan.pageCount : CHECKSUMS_PER_CHUNK * chunk; page < Math.min(plan.pageCount, CHECKSUMS_PER_CHUNK * (chunk + 1)); page++) {
        const whole = bytes.slice(page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, plan.bodyBytes))
        checkPage(page, whole, 0, whole.byteLength, sums)
        space.set(page, whole)
      }
    }
  }
  if (options.tail !== undefined && checks !== undefined) admitTail(options.tail, checks)

  const admit = (page: number, given: Uint8Array): Awaitable<Uint8Array> => {
    const bytes = plainBytes(given)
    const keep = (sums: Uint8Array | undefined): Uint8Array => {
      if (sums !== undefined) checkPage(page, bytes, 0, bytes.byteLength, sums)
      if (!closed) space.set(page, bytes)
      return bytes
    }
    if (checks === undefined) return keep(undefined)
    const sums = checksums(Math.floor(page / CHECKSUMS_PER_CHUNK), checks)
    return sums instanceof Promise ? sums.then(keep) : keep(sums)
  }

  const load = (page: number, signal?: AbortSignal): Awaitable<Uint8Array> => {
    const cached = at(page)
    if (cached !== undefined) return cached
    let loading = pending.get(page)
    if (loading === undefined) {
      const start = page * PAGE_BYTES
      const length = Math.min(PAGE_BYTES, sizeBytes - start)
      const view = source.peek(start, length)
      // shared by everyone who waits for the page, so no caller's signal goes into it
      const admitted = view === undefined ? source.read(start, length).then((bytes) => admit(page, bytes)) : admit(page, plainBytes(view).slice())
      if (!(admitted instanceof Promise)) return admitted
      loading = admitted.finally(() => { pending.delete(page) })
      pending.set(page, loading)
    }
    return withdrawable(loading, signal)
  }

  const isWanted = (page: number): boolean => page * PAGE_BYTES < sizeBytes && !pending.has(page) && space.get(page) === undefined

  const loadAround = (page: number, first: number, last: number, signal?: AbortSignal): Awaitable<Uint8Array> => {
    if (first === last || at(page) !== undefined || pending.has(page)) return load(page, signal)
    let from = page
    let to = page
    while (to < last && to - from + 1 < maxAround && isWanted(to + 1)) to++
    while (from > first && to - from + 1 < maxAround && isWanted(from - 1)) from--
    const start = from * PAGE_BYTES
    const length = Math.min((to + 1) * PAGE_BYTES, sizeBytes) - start
    if (from === to || source.peek(start, length) !== undefined) return load(page, signal)
    const bytes = source.read(start, length)
    for (let other = from; other <= to; other++) {
      const skip = (other - from) * PAGE_BYTES
      const admitted = bytes.then((all) => admit(other, plainBytes(all).slice(skip, skip + PAGE_BYTES))).finally(() => { pending.delete(other) })
      admitted.catch(() => {}) // whoever asks for that page is told
      pending.set(other, admitted)
    }
    return load(page, signal)
  }

  const run = async (from: number, to: number, signal?: AbortSignal): Promise<Uint8Array> => {
    if (closed) throw new IoError('IO_CLOSED', 'index is closed')
    const firstPage = Math.floor(from / PAGE_BYTES)
    const start = checks === undefined ? from : firstPage * PAGE_BYTES
    const end = checks === undefined ? to : Math.min(Math.ceil(to / PAGE_BYTES) * PAGE_BYTES, sizeBytes)
    const bytes = peekPlain(source, start, end - start) ?? await readPlain(source, start, end - start, { signal })
    if (checks !== undefined) {
      for (let page = firstPage, at = 0; at < bytes.byteLength; page++, at += PAGE_BYTES) {
        const sums = checksums(Math.floor(page / CHECKSUMS_PER_CHUNK), checks)
        checkPage(page, bytes, at, Math.min(at + PAGE_BYTES, bytes.byteLength), sums instanceof Promise ? await withdrawable(sums, signal) : sums)
      }
    }
    return bytes.subarray(from - start, to - start)
  }

  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    space.clear()
    if (owns) await source.close()
  }
  return { pageBytes: PAGE_BYTES, trusted: checks !== undefined, spread: isRemote ? SPREAD_REMOTE : SPREAD_LOCAL, at, load, loadAround, run, close }
}

const u32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

const damaged = (offset: number): CarV2Error =>
  new CarV2Error('CARV2_INDEX_DAMAGED', `index page does not match its checksum; at=${offset}`, { offset })
