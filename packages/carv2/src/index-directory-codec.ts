/** The heads of a standard index that is to be written: where its buckets go, and the bytes between their entries. */
import { OFFSET_BYTES } from './entry-rows.ts'
import { BUCKET_HEAD_BYTES, type IndexBucket, type IndexDirectory } from './index-directory.ts'
import { MULTIHASH_INDEX_SORTED } from './index-view.ts'
import { varintBytes, writeVarint } from './varint.ts'

const CODEC_BYTES = varintBytes(MULTIHASH_INDEX_SORTED)
const COUNT_BYTES = 4
const CODE_BYTES = 8

/** Where a 0x0401 index of these groups puts its buckets. Groups ascend by code, then by digest length. */
export const planStandard = (groups: readonly { readonly code: number, readonly digestBytes: number, readonly count: number }[]): IndexDirectory => {
  const buckets: IndexBucket[] = []
  let at = CODEC_BYTES + COUNT_BYTES
  let entryCount = 0
  let lastCode = -1
  for (const { code, digestBytes, count } of groups) {
    if (code !== lastCode) at += CODE_BYTES + COUNT_BYTES
    lastCode = code
    at += BUCKET_HEAD_BYTES
    const width = digestBytes + OFFSET_BYTES
    buckets.push({ code, digestBytes, width, start: at, count, firstOrdinal: entryCount })
    at += width * count
    entryCount += count
  }
  return { codec: MULTIHASH_INDEX_SORTED, buckets, entryCount, standardBytes: at }
}

/** Everything but the entries: the start of the index, and what stands before the entries of each bucket. Buckets ascend. */
export const standardHeads = (buckets: readonly IndexBucket[]): { readonly start: Uint8Array, readonly heads: readonly Uint8Array[] } => {
  const start = new Uint8Array(CODEC_BYTES + COUNT_BYTES)
  writeVarint(start, 0, MULTIHASH_INDEX_SORTED)
  const heads: Uint8Array[] = []
  let codes = 0
  let ofCode = 0
  let bucketsOfCode = new DataView(start.buffer)
  let lastCode = -1
  for (const { code, width, count } of buckets) {
    const isNew = code !== lastCode
    const head = new Uint8Array((isNew ? CODE_BYTES + COUNT_BYTES : 0) + BUCKET_HEAD_BYTES)
    const view = new DataView(head.buffer)
    if (isNew) {
      codes++
      ofCode = 0
      lastCode = code!
      bucketsOfCode = view
      view.setBigUint64(0, BigInt(lastCode), true)
    }
    bucketsOfCode.setInt32(CODE_BYTES, ++ofCode, true)
    writeBucketHead(view, head.byteLength - BUCKET_HEAD_BYTES, width, count)
    heads.push(head)
  }
  new DataView(start.buffer).setInt32(CODEC_BYTES, codes, true)
  return { start, heads }
}

/** The same, where they belong among the entries. */
export const writeHeads = (into: Uint8Array, buckets: readonly IndexBucket[]): void => {
  const { start, heads } = standardHeads(buckets)
  into.set(start)
  buckets.forEach((bucket, i) => { into.set(heads[i]!, bucket.start - heads[i]!.byteLength) })
}

export const writeBucketHead = (view: DataView, at: number, width: number, count: number): void => {
  view.setUint32(at, width, true)
  view.setBigInt64(at + 4, BigInt(width * count), true)
}
