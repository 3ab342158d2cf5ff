/** An index that lies somewhere else: a detached file, or what follows the payload of a CARv2. */
import { crc32 } from '@dagstore/hashes'
import type { ByteSource, CallOptions } from '@dagstore/io'
import { CarV2Error } from './errors.ts'
import { type IndexDirectory, readDirectory } from './index-directory.ts'
import { factsOf } from './index-facts.ts'
import { IndexFences } from './index-fences.ts'
import { decodeFooter, FOOTER_BYTES, type IndexFooter, looksLikeFooter } from './index-footer.ts'
import { type IndexPages, sourcePages } from './index-pages.ts'
import { decodeTail, PAGE_BYTES, planTrailer, tailRange, type TrailerPlan } from './index-trailer.ts'
import { type IndexFacts, type IndexView, MULTIHASH_INDEX_SORTED } from './index-view.ts'
import { createPageCache, type PageCache, type PageSpace } from './page-cache.ts'
import { PagedIndexView } from './paged-index-view.ts'
import { readPlain } from './plain-bytes.ts'

export interface OpenIndexOptions extends CallOptions {
  /** Shared by all indices. @default one of 64 MiB for this index alone */
  readonly pages?: PageCache | undefined
  /** Whether closing the view, and a failed opening, close the source. @default false */
  readonly owns?: boolean | undefined
}

/** An index up to this length is read whole by the opening. */
const SHORT_BYTES = 16 * FOOTER_BYTES
/** What an opening reads of the end of a longer one: all that it needs. */
const MIN_TAIL_BYTES = 4 * FOOTER_BYTES
const MAX_TAIL_BYTES = 8 * FOOTER_BYTES
/** Over a network also all checksums of pages, a thousandth of the index, so that a lookup asks for no more of them. */
const MAX_REMOTE_TAIL_BYTES = 8 << 20

const tailBytes = ({ cost, sizeBytes }: ByteSource, end: number): number => {
  if (end <= SHORT_BYTES) return end
  const expected = MIN_TAIL_BYTES + Math.ceil(sizeBytes / 1000)
  return Math.min(end, cost.kind === 'remote' ? Math.min(expected, MAX_REMOTE_TAIL_BYTES) : Math.min(expected, MAX_TAIL_BYTES))
}

/**
 * Open an index file, with or without our trailer; of a CARv2 with an index, a window from the index offset to the end.
 * Reads the trailer's end or, where there is none, the bucket heads. Bytes behind the index are ignored. A trailer of a later
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
  if (atEnd !== undefined) return openWithTrailer(source, atEnd, space, owns)

  const bare = sourcePages(source, source.sizeBytes, space, { owns })
  const directory = await readDirectory(reader(bare, signal), source.sizeBytes)
  // zeros may follow, as in a piece that is longer than its CARv2
  const end = directory.codec === MULTIHASH_INDEX_SORTED ? planTrailer(directory).sizeBytes : Infinity
  const inside = end < source.sizeBytes ? await trailerEndingAt(source, end, signal) : undefined
  if (inside === undefined) return new PagedIndexView(factsOf(directory, undefined), bare, directory, undefined)
  space.clear()
  return openWithTrailer(source, inside, space, owns)
}

interface Trailer {
  readonly footer: IndexFooter
  readonly directory: IndexDirectory
  readonly plan: TrailerPlan
  /** Second level of checksums, fences and buckets. */
  readonly summary: Uint8Array
  readonly tail: { readonly start: number, readonly bytes: Uint8Array }
}

/** The trailer whose last byte is before `end`; `undefined`: there is none that this code understands. */
const trailerEndingAt = async (source: ByteSource, end: number, signal: AbortSignal | undefined): Promise<Trailer | undefined> => {
  if (end < FOOTER_BYTES) return undefined
  const start = end - tailBytes(source, end)
  const bytes = await readPlain(source, start, end - start, { signal })
  const footerBytes = bytes.subarray(bytes.byteLength - FOOTER_BYTES)
  if (!looksLikeFooter(footerBytes)) return undefined
  const footerAt = end - FOOTER_BYTES
  const footer = decodeFooter(footerBytes, footerAt)
  if (footer === undefined) return undefined
  const range = tailRange(footer, footerAt)
  if (range === undefined) throw new CarV2Error('CARV2_INDEX_DAMAGED', `index footer is not where it says; at=${footerAt}`, { offset: footerAt })
  const { from, to } = range
  const summary = from >= start ? bytes.slice(from - start, to - start) : await readPlain(source, from, to - from, { signal })
  if (crc32(summary) !== footer.tailCrc) {
    throw new CarV2Error('CARV2_INDEX_DAMAGED', `what precedes the index footer does not match its checksum; at=${from}`, { offset: from })
  }
  return { footer, ...decodeTail(summary, footer, footerAt), summary, tail: { start, bytes } }
}

const openWithTrailer = (source: ByteSource, { footer, directory, plan, summary, tail }: Trailer, space: PageSpace, owns: boolean): IndexView => {
  const { chunksAt, fencesAt, bucketsAt } = plan
  const chunks = summary.slice(0, fencesAt - chunksAt)
  const fences = readFences(summary.subarray(fencesAt - chunksAt, bucketsAt - chunksAt), directory, fencesAt)
  const pages = sourcePages(source, plan.bodyBytes, space, { checks: { plan, chunks }, owns, tail })
  return new PagedIndexView(readFacts(directory, footer, plan.footerAt), pages, directory, { recordsAt: plan.recordsAt, prefixes: footer.prefixes, fences })
}

const readFacts = (directory: IndexDirectory, footer: IndexFooter, offset: number): IndexFacts => {
  try {
    return factsOf(directory, footer)
  } catch (cause) {
    throw new CarV2Error('CARV2_INDEX_DAMAGED', `index footer holds a CARv1 header that is none; at=${offset}`, { cause, offset })
  }
}

const readFences = (bytes: Uint8Array, { buckets, entryCount }: IndexDirectory, offset: number): IndexFences => {
  try {
    return new IndexFences(bytes, buckets, entryCount)
  } catch (cause) {
    throw new CarV2Error('CARV2_INDEX_DAMAGED', `index fences do not ascend; at=${offset}`, { cause, offset })
  }
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
