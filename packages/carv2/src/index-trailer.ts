/**
 * What follows the standard bytes of an index that we write: records, checksums, and the tail that an opening reads. Go
 * readers stop before it.
 *
 *     at                 bytes       part
 *     0                  S           standard index, codec 0x0401
 *     S                  5 * n       records, in the order of the entries: u32 data length, u8 prefix row (255: read the section)
 *     B = S + 5n         4 * P       CRC-32 of each page of 4096 bytes of [0, B), the last page shorter; P = ceil(B / 4096)
 *     L = B + 4P         4 * C       CRC-32 of each 4096 bytes of [B, L), the last shorter; C = ceil(4P / 4096)
 *     L + 4C             6 * f       fences: the first six bytes of each D-th digest of a bucket
 *     L + 4C + 6f        20 * b      buckets: u64 multihash code, u32 digest length, u64 number of entries
 *     F                  4096        footer, see index-footer.ts; it has the CRC-32 of [L, F)
 *
 * D is 1024, doubled until n / D is at most 2048. Numbers are little-endian. docs/formats/index.md describes the same with
 * an example.
 */
import { crc32, crc32Add } from '@dagstore/hashes'
import { RECORD_BYTES } from './entry-rows.ts'
import { CarV2Error } from './errors.ts'
import { MAX_BUCKETS, type IndexDirectory } from './index-directory.ts'
import { planStandard } from './index-directory-codec.ts'
import { fenceCount, FENCE_BYTES } from './index-fences.ts'
import { encodeFooter, FOOTER_BYTES, type IndexFooter } from './index-footer.ts'

/** One checksum covers so many bytes. */
export const PAGE_BYTES = 4096
/** Checksums of pages that one checksum of the second level covers. */
export const CHECKSUMS_PER_CHUNK: number = PAGE_BYTES / 4

const BUCKET_BYTES = 20

/** Where the parts lie; bytes from the start of the index. */
export interface TrailerPlan {
  readonly recordsAt: number
  /** End of the records, and start of the first level of checksums. */
  readonly bodyBytes: number
  readonly pageCount: number
  /** Start of the second level, and of what an opening reads. */
  readonly chunksAt: number
  readonly chunkCount: number
  readonly fencesAt: number
  readonly bucketsAt: number
  readonly footerAt: number
  readonly sizeBytes: number
}

export const planTrailer = ({ standardBytes, entryCount, buckets }: Pick<IndexDirectory, 'standardBytes' | 'entryCount' | 'buckets'>): TrailerPlan => {
  const checksums = planChecksums(standardBytes, entryCount)
  const fencesAt = checksums.chunksAt + 4 * checksums.chunkCount
  const bucketsAt = fencesAt + FENCE_BYTES * fenceCount(buckets, entryCount)
  const footerAt = bucketsAt + BUCKET_BYTES * buckets.length
  return { ...checksums, fencesAt, bucketsAt, footerAt, sizeBytes: footerAt + FOOTER_BYTES }
}

const planChecksums = (standardBytes: number, entryCount: number): Pick<TrailerPlan, 'recordsAt' | 'bodyBytes' | 'pageCount' | 'chunksAt' | 'chunkCount'> => {
  const bodyBytes = standardBytes + RECORD_BYTES * entryCount
  const pageCount = Math.ceil(bodyBytes / PAGE_BYTES)
  return { recordsAt: standardBytes, bodyBytes, pageCount, chunksAt: bodyBytes + 4 * pageCount, chunkCount: Math.ceil(pageCount / CHECKSUMS_PER_CHUNK) }
}

/** The CRC-32 of each page of bytes that come in pieces of any length. */
export class PageSums {
  #sums: Uint32Array = new Uint32Array(16)
  #count = 0
  #inPage = 0
  #sum = 0

  add (bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      const to = Math.min(bytes.byteLength, at + PAGE_BYTES - this.#inPage)
      this.#sum = crc32Add(this.#sum, bytes, at, to)
      this.#inPage += to - at
      at = to
      if (this.#inPage === PAGE_BYTES) this.#end()
    }
  }

  #end (): void {
    if (this.#count === this.#sums.length) {
      const longer = new Uint32Array(2 * this.#count)
      longer.set(this.#sums)
      this.#sums = longer
    }
    this.#sums[this.#count++] = this.#sum
    this.#sum = 0
    this.#inPage = 0
  }

  /** As u32 little-endian, one for each page; what came since the last whole page is one too. */
  finish (): Uint8Array {
    if (this.#inPage > 0) this.#end()
    const out = new Uint8Array(4 * this.#count)
    const view = new DataView(out.buffer)
    for (let i = 0; i < this.#count; i++) view.setUint32(4 * i, this.#sums[i]!, true)
    return out
  }
}

/** Everything behind the records, in order. */
export const trailerChunks = function * (sums: Uint8Array, fences: Uint8Array, directory: IndexDirectory, footer: Omit<IndexFooter, 'tailCrc' | 'bucketCount'>): Generator<Uint8Array, void, undefined> {
  yield sums
  const { chunksAt, fencesAt, bucketsAt, footerAt } = planTrailer(directory)
  const tail = new Uint8Array(footerAt - chunksAt)
  const chunks = new PageSums()
  chunks.add(sums)
  tail.set(chunks.finish())
  tail.set(fences, fencesAt - chunksAt)
  const view = new DataView(tail.buffer)
  let at = bucketsAt - chunksAt
  for (const { code, digestBytes, count } of directory.buckets) {
    view.setBigUint64(at, BigInt(code!), true)
    view.setUint32(at + 8, digestBytes, true)
    view.setBigUint64(at + 12, BigInt(count), true)
    at += BUCKET_BYTES
  }
  yield tail
  yield encodeFooter({ ...footer, bucketCount: directory.buckets.length, tailCrc: crc32(tail) })
}

/** Where [L, F) lies, by what the footer says. `undefined`: it can not be so. */
export const tailRange = ({ standardBytes, entryCount, bucketCount }: IndexFooter, footerAt: number): { readonly from: number, readonly to: number } | undefined => {
  if (bucketCount > MAX_BUCKETS) return undefined
  const { chunksAt, chunkCount } = planChecksums(standardBytes, entryCount)
  const least = 4 * chunkCount + BUCKET_BYTES * bucketCount
  const length = footerAt - chunksAt
  return length >= least && length <= least + FENCE_BYTES * fenceCount([{ count: entryCount }], entryCount) ? { from: chunksAt, to: footerAt } : undefined
}

/**
 * The directory in the tail [L, F), whose checksum was compared.
 *
 * @throws {CarV2Error} `CARV2_INDEX_DAMAGED`: it contradicts itself or the footer
 */
export const decodeTail = (tail: Uint8Array, footer: IndexFooter, footerAt: number): { readonly directory: IndexDirectory, readonly plan: TrailerPlan } => {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  const groups: { code: number, digestBytes: number, count: number }[] = []
  const damaged = (what: string): CarV2Error => new CarV2Error('CARV2_INDEX_DAMAGED', `index buckets: ${what}; at=${footerAt}`, { offset: footerAt - BUCKET_BYTES * footer.bucketCount })
  for (let at = tail.byteLength - BUCKET_BYTES * footer.bucketCount; at < tail.byteLength; at += BUCKET_BYTES) {
    const code = Number(view.getBigUint64(at, true))
    const digestBytes = view.getUint32(at + 8, true)
    const count = Number(view.getBigUint64(at + 12, true))
    const last = groups.at(-1)
    if (last !== undefined && (code < last.code || (code === last.code && digestBytes <= last.digestBytes))) throw damaged('do not ascend')
    if (!Number.isSafeInteger(code) || count === 0 || count > footer.entryCount) throw damaged('out of range')
    groups.push({ code, digestBytes, count })
  }
  const directory = planStandard(groups)
  const plan = planTrailer(directory)
  if (directory.standardBytes !== footer.standardBytes || directory.entryCount !== footer.entryCount || plan.footerAt !== footerAt) throw damaged('are not those of the index')
  return { directory, plan }
}
