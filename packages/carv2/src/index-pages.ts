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
 * There is room for all pages of a shorter index: whoever asks for a third one gets sixteen at a time, and all of a very short
 * one. Who wants one block alone is not kept waiting for that.
 */
const ALONE_READS = 2
const CLUSTERED_BYTES = 16 << 20
const CLUSTER_PAGES = 16
const SHORT_PAGES = 32
/** Then those that the cache has lost meanwhile are forgotten. */
const MAX_UNCHECKED = 8192

const clusterPages = (sizeBytes: number, isRemote: boolean): number =>
  isRemote || sizeBytes > CLUSTERED_BYTES ? 1 : sizeBytes <= SHORT_PAGES * PAGE_BYTES ? SHORT_PAGES : CLUSTER_PAGES

/**
 * The first `sizeBytes` of a source. With `checks` every page is compared with its checksum before it is used.
 *
 * @param options.owns - whether closing closes the source
 */
export const sourcePages = (source: ByteSource, sizeBytes: number, space: PageSpace, options: PagesOptions): IndexPages => {
  // nothing that lives as long as the index may refer to the options: the tail is long
  const { checks, owns } = options
  const isRemote = source.cost.kind === 'remote'
  const clustered = clusterPages(sizeBytes, isRemote)
  let reads = 0
  const pending = new Map<number, Promise<Uint8Array>>()
  /** Pages that come with one that was asked for. */
  const coming = new Map<number, Promise<void>>()
  /** Pages that came so, and were not looked at yet. */
  const unchecked = new Set<number>()
  let closed = false

  const at = (page: number): Uint8Array | undefined => {
    if (closed) throw new IoError('IO_CLOSED', 'index is closed')
    const bytes = space.get(page)
    return bytes === undefined || !unchecked.has(page) || isRight(page, bytes) ? bytes : undefined
  }

  /** False also where that cannot be told at once: the page is then read again, and what is wrong with it is told. */
  const isRight = (page: number, bytes: Uint8Array): boolean => {
    const sums = checks === undefined ? undefined : space.get(checks.plan.pageCount + Math.floor(page / CHECKSUMS_PER_CHUNK))
    if (sums === undefined || crc32(bytes) !== sumOf(page, sums)) return false
    unchecked.delete(page)
    return true
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
    if (crc32(bytes, from, to) !== sumOf(page, sums)) throw damaged(page * PAGE_BYTES)
  }

  /** Keep pages that nobody has asked for yet. */
  const keepUnchecked = (page: number, bytes: Uint8Array): void => {
    if (checks !== undefined) unchecked.add(page)
    if (unchecked.size > MAX_UNCHECKED) for (const other of unchecked) if (other !== page && space.get(other) === undefined) unchecked.delete(other)
    space.set(page, bytes)
  }

  /** What the tail has; its checksums are checked before they are kept. */
  const admitTail = ({ start, bytes }: { start: number, bytes: Uint8Array }, { plan, chunks }: PageChecks): void => {
    for (let chunk = 0; chunk < plan.chunkCount; chunk++) {
      const from = plan.bodyBytes + PAGE_BYTES * chunk - start
      if (from < 0) continue
      const sums = bytes.slice(from, Math.min(from + PAGE_BYTES, plan.chunksAt - start))
      if (crc32(sums) !== u32(chunks, 4 * chunk)) throw damaged(from + start)
      space.set(plan.pageCount + chunk, sums)
      for (let page = start > 0 ? plan.pageCount : CHECKSUMS_PER_CHUNK * chunk; page < Math.min(plan.pageCount, CHECKSUMS_PER_CHUNK * (chunk + 1)); page++) {
        keepUnchecked(page, bytes.slice(page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, plan.bodyBytes)))
      }
    }
  }
  if (options.tail !== undefined && checks !== undefined) admitTail(options.tail, checks)

  const admit = (page: number, given: Uint8Array): Awaitable<Uint8Array> => {
    const bytes = plainBytes(given)
    const keep = (sums: Uint8Array | undefined): Uint8Array => {
      if (sums !== undefined) checkPage(page, bytes, 0, bytes.byteLength, sums)
      if (!closed) space.set(page, bytes)
      unchecked.delete(page)
      return bytes
    }
    if (checks === undefined) return keep(undefined)
    const sums = checksums(Math.floor(page / CHECKSUMS_PER_CHUNK), checks)
    return sums instanceof Promise ? sums.then(keep) : keep(sums)
  }

  const load = (page: number, signal?: AbortSignal): Awaitable<Uint8Array> => {
    const cached = at(page)
    if (cached !== undefined) return cached
    const arrival = coming.get(page)
    if (arrival !== undefined) return withdrawable(arrival, signal).then(() => load(page, signal))
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

  const isWanted = (page: number): boolean => page * PAGE_BYTES < sizeBytes && !pending.has(page) && !coming.has(page) && space.get(page) === undefined

  const loadAround = (page: number, first: number, last: number, signal?: AbortSignal): Awaitable<Uint8Array> => {
    if (at(page) !== undefined || pending.has(page) || coming.has(page)) return load(page, signal)
    const cluster = reads++ < ALONE_READS ? 1 : clustered
    const maxAround = Math.max(cluster, isRemote ? MAX_AROUND_REMOTE : MAX_AROUND_LOCAL)
    const base = page - page % cluster
    let from = page
    let to = page
    while (to < Math.max(last, base + cluster - 1) && to - from + 1 < maxAround && isWanted(to + 1)) to++
    while (from > Math.min(first, base) && to - from + 1 < maxAround && isWanted(from - 1)) from--
    const start = from * PAGE_BYTES
    const length = Math.min((to + 1) * PAGE_BYTES, sizeBytes) - start
    if (from === to || source.peek(start, length) !== undefined) return load(page, signal)
    return withdrawable(loadWith(page, from, to, source.read(start, length)), signal)
  }

  /** The page and those around it from `bytes`, which begin with `from`; the others are checked when somebody wants them. */
  const loadWith = (page: number, from: number, to: number, bytes: Promise<Uint8Array>): Promise<Uint8Array> => {
    const others = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((other) => other !== page)
    const own = bytes.then((given) => {
      const all = plainBytes(given)
      const part = (at: number): Uint8Array => all.slice((at - from) * PAGE_BYTES, (at - from + 1) * PAGE_BYTES)
      if (!closed) for (const other of others) keepUnchecked(other, part(other))
      return part(page)
    })
    // whoever waits for one of the others reads it when this fails
    const arrival = own.then(() => {}, () => {}).finally(() => { for (const other of others) coming.delete(other) })
    for (const other of others) coming.set(other, arrival)
    const loading = own.then((part) => admit(page, part)).finally(() => { pending.delete(page) })
    pending.set(page, loading)
    return loading
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

/** In the checksums of its chunk. */
const sumOf = (page: number, sums: Uint8Array): number => u32(sums, 4 * (page % CHECKSUMS_PER_CHUNK))

const u32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

const damaged = (offset: number): CarV2Error =>
  new CarV2Error('CARV2_INDEX_DAMAGED', `index page does not match its checksum; at=${offset}`, { offset })
