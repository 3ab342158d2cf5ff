/** An index in memory: to be written, compared or looked into. */
import type { CidPrefix } from './cid-prefixes.ts'
import { type EntryRows, RECORD_BYTES } from './entry-rows.ts'
import type { IndexBucket } from './index-directory.ts'
import { planStandard, writeHeads } from './index-directory-codec.ts'
import { factsOf, type IndexSubject } from './index-facts.ts'
import { FenceTaker } from './index-fences.ts'
import type { IndexFooter } from './index-footer.ts'
import { memoryPages } from './index-pages.ts'
import { PageSums, planTrailer, trailerChunks, type TrailerPlan } from './index-trailer.ts'
import { INDEX_SORTED, type IndexCodec, type IndexFacts, type IndexView, MULTIHASH_INDEX_SORTED } from './index-view.ts'
import { PagedIndexView } from './paged-index-view.ts'
import { sortedCodecChunks } from './sorted-codec.ts'

export interface BuiltIndex {
  readonly facts: IndexFacts
  readonly entryCount: number
  /** Length of the standard bytes with codec 0x0401. */
  readonly standardBytes: number
  /** Length of all that {@link BuiltIndex.encode} gives. */
  readonly sizeBytes: number
  /** Standard bytes and our trailer, in order, in chunks that must not be written. */
  encode(): Iterable<Uint8Array>
  /** Standard bytes only, for readers that want nothing behind them. @default 0x0401 */
  encodeStandard(codec?: IndexCodec): Iterable<Uint8Array>
  /** Lookups in memory; every answer is a plain value. Closing it frees nothing else. */
  view(): IndexView
}

/** @param groups - none is empty; ascending by code, then by digest length */
export const buildIndexBody = (
  groups: readonly EntryRows[],
  subject: IndexSubject & { readonly identityCids: 'included' | 'excluded', readonly prefixes: readonly CidPrefix[] },
): BuiltIndex => {
  const directory = planStandard(groups)
  const { standardBytes, entryCount, buckets } = directory
  const plan = planTrailer(directory)
  const body = bodyOf(groups, buckets, plan)
  const footer: Omit<IndexFooter, 'tailCrc' | 'bucketCount'> = { ...subject, standardBytes, entryCount }
  const facts = factsOf(directory, footer)
  return {
    facts,
    entryCount,
    standardBytes,
    sizeBytes: plan.sizeBytes,
    * encode () {
      yield * chunksOf(body)
      const sums = new PageSums()
      sums.add(body)
      const fences = new FenceTaker(buckets, entryCount)
      for (const bucket of buckets) fences.see(body, bucket.start, bucket, 0, bucket.count)
      yield * trailerChunks(sums.finish(), fences.bytes, directory, footer)
    },
    encodeStandard: (codec = MULTIHASH_INDEX_SORTED) =>
      codec === INDEX_SORTED ? sortedCodecChunks(body, buckets) : chunksOf(body.subarray(0, standardBytes)),
    view: () => new PagedIndexView(facts, memoryPages(body), directory, { recordsAt: plan.recordsAt, prefixes: footer.prefixes, fences: undefined }),
  }
}

/** Heads, entries and records. A function of its own, so that no closure of an index keeps the rows that it was made from. */
const bodyOf = (groups: readonly EntryRows[], buckets: readonly IndexBucket[], plan: TrailerPlan): Uint8Array => {
  const body = new Uint8Array(plan.bodyBytes)
  writeHeads(body, buckets)
  buckets.forEach(({ start, firstOrdinal }, i) => {
    groups[i]!.writeSorted(body, start, plan.recordsAt + RECORD_BYTES * firstOrdinal)
  })
  return body
}

const CHUNK_BYTES = 1 << 20

const chunksOf = function * (bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
}
