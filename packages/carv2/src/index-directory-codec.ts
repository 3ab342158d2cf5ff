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

/** Everything but the entries of the buckets planned, which ascend. */
export const writeHeads = (into: Uint8Array, buckets: readonly IndexBucket[]): void => {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  writeVarint(into, 0, MULTIHASH_INDEX_SORTED)
  let codes = 0
  let bucketsAt = 0
  let ofCode = 0
  let lastCode = -1
  for (const { code, start, width, count } of buckets) {
    const headAt = start - BUCKET_HEAD_BYTES
    if (code !== lastCode) {
      codes++
      ofCode = 0
      lastCode = code!
      bucketsAt = headAt - COUNT_BYTES
      view.setBigUint64(bucketsAt - CODE_BYTES, BigInt(lastCode), true)
    }
    view.setInt32(bucketsAt, ++ofCode, true)
    writeBucketHead(view, headAt, width, count)
  }
  view.setInt32(CODEC_BYTES, codes, true)
}


export const writeBucketHead = (view: DataView, at: number, width: number, count: number): void => {
  view.setUint32(at, width, true)
  view.setBigInt64(at + 4, BigInt(width * count), true)
}
