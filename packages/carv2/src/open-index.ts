/** An index that lies somewhere else: a detached file, or what follows the payload of a CARv2. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { crc32 } from './crc32.ts'
import { CarV2Error } from './errors.ts'
import { type IndexDirectory, readDirectory } from './index-directory.ts'
import { factsOf } from './index-facts.ts'
import { decodeFooter, FOOTER_BYTES, type IndexFooter, looksLikeFooter } from './index-footer.ts'
import { type IndexPages, sourcePages } from './index-pages.ts'
import { PAGE_BYTES, planTrailer, type TrailerPlan } from './index-trailer.ts'
import { type IndexView, MULTIHASH_INDEX_SORTED } from './index-view.ts'
import { createPageCache, type PageCache, type PageSpace } from './page-cache.ts'
import { PagedIndexView } from './paged-index-view.ts'

export interface OpenIndexOptions extends CallOptions {
  /** Shared by all indices. @default one of 64 MiB for this index alone */
  readonly pages?: PageCache | undefined
  /** Whether closing the view, and a failed opening, close the source. @default false */
  readonly owns?: boolean | undefined
}

/** Footer and second level of checksums of most indices come with one read. */
const TAIL_BYTES = 2 * FOOTER_BYTES

/**
 * Open an index file, with or without our trailer; of a CARv2 with an index, a window from the index offset to the end.
 * Reads the bucket heads and, where there is one, the footer. Bytes behind the index are ignored. A trailer of a later
 * version is ignored too: the index then has no checksums and no lengths.
 *
 * @throws {CarV2Error} `CARV2_BAD_INDEX`: not well-formed; `CARV2_UNKNOWN_INDEX`: neither 0x0400 nor 0x0401;
 *   `CARV2_INDEX_DAMAGED`: a checksum does not match; `CARV2_TOO_LARGE`: too many buckets. `offset` counts from the start of
 *   the index. `IO_*`
 */
export const openIndex = async (source: ByteSource, options: OpenIndexOptions = {}): Promise<IndexView> => {
  const owns = options.owns === true
  const space = (options.pages ?? createPageCache()).space()
  try {
    return await open(source, space, owns, options.signal)
  } catch (error) {
    space.clear()
    if (owns) await source.close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}

const open = async (source: ByteSource, space: PageSpace, owns: boolean, signal: AbortSignal | undefined): Promise<IndexView> => {
  signal?.throwIfAborted()
  const atEnd = await trailerEndingAt(source, source.sizeBytes, signal)
  if (atEnd !== undefined) return openWithTrailer(source, atEnd, space, owns, signal)

  const bare = sourcePages(source, source.sizeBytes, space, { owns })
  const directory = await readDirectory(reader(bare, signal), source.sizeBytes)
  // zeros may follow, as in a piece that is longer than its CARv2
  const end = directory.codec === MULTIHASH_INDEX_SORTED ? planTrailer(directory.standardBytes, directory.entryCount).sizeBytes : Infinity
  const inside = end < source.sizeBytes ? await trailerEndingAt(source, end, signal) : undefined
  if (inside === undefined) return new PagedIndexView(factsOf(directory, undefined), bare, directory, undefined)
  space.clear()
  return openWithTrailer(source, inside, space, owns, signal)
}

interface Trailer { readonly footer: IndexFooter, readonly plan: TrailerPlan, readonly chunks: Uint8Array }

/** The trailer whose last byte is before `end`; `undefined`: there is none that this code understands. */
const trailerEndingAt = async (source: ByteSource, end: number, signal: AbortSignal | undefined): Promise<Trailer | undefined> => {
  if (end < FOOTER_BYTES) return undefined
  const tailAt = Math.max(0, end - TAIL_BYTES)
  const tail = await source.read(tailAt, end - tailAt, { signal })
  const bytes = tail.subarray(tail.byteLength - FOOTER_BYTES)
  if (!looksLikeFooter(bytes)) return undefined
  const offset = end - FOOTER_BYTES
  const footer = decodeFooter(bytes, offset)
  if (footer === undefined) return undefined
  const plan = planTrailer(footer.standardBytes, footer.entryCount)
  if (plan.footerAt !== offset) {
    throw new CarV2Error('CARV2_INDEX_DAMAGED', `index footer is not where it says; want=${plan.footerAt} at=${offset}`, { offset })
  }
  const { chunksAt, footerAt } = plan
  const chunks = chunksAt >= tailAt ? tail.slice(chunksAt - tailAt, footerAt - tailAt) : await source.read(chunksAt, footerAt - chunksAt, { signal })
  if (crc32(chunks) !== footer.chunksCrc) {
    throw new CarV2Error('CARV2_INDEX_DAMAGED', `index checksums do not match theirs; at=${chunksAt}`, { offset: chunksAt })
  }
  return { footer, plan, chunks }
}

const openWithTrailer = async (source: ByteSource, trailer: Trailer, space: PageSpace, owns: boolean, signal: AbortSignal | undefined): Promise<IndexView> => {
  const { footer, plan, chunks } = trailer
  const pages = sourcePages(source, plan.bodyBytes, space, { checks: { plan, chunks }, owns })
  const directory = await readDirectory(reader(pages, signal), footer.standardBytes)
  checkCounts(directory, footer, plan)
  return new PagedIndexView(factsOf(directory, footer), pages, directory, { recordsAt: plan.recordsAt, prefixes: footer.prefixes })
}

const checkCounts = (directory: IndexDirectory, footer: IndexFooter, plan: TrailerPlan): void => {
  const { codec, entryCount, standardBytes } = directory
  if (codec === MULTIHASH_INDEX_SORTED && entryCount === footer.entryCount && standardBytes === footer.standardBytes) return
  throw new CarV2Error('CARV2_INDEX_DAMAGED', `index and its footer differ; entries=${entryCount} footer=${footer.entryCount}`, { offset: plan.footerAt })
}

/** Any bytes of an index, through its pages. */
const reader = (pages: IndexPages, signal: AbortSignal | undefined) => async (at: number, length: number): Promise<Uint8Array> => {
  const out = new Uint8Array(length)
  for (let done = 0; done < length;) {
    const page = Math.floor((at + done) / PAGE_BYTES)
    const from = at + done - page * PAGE_BYTES
    const size = Math.min(length - done, PAGE_BYTES - from)
    out.set((await pages.load(page, signal)).subarray(from, from + size), done)
    done += size
  }
  return out
}
