/** The older codec 0x0400, made from the buckets of 0x0401: one bucket for each digest length, hash codes forgotten. */
import { OFFSET_BYTES } from './entry-columns.ts'
import { BUCKET_HEAD_BYTES, type IndexBucket } from './index-directory.ts'
import { writeBucketHead } from './index-directory-codec.ts'
import { readOffset } from './index-search.ts'
import { INDEX_SORTED } from './index-view.ts'
import { sortedOrder } from './sort-digests.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** @param body - the bytes that the buckets lie in */
export const sortedCodecChunks = function * (body: Uint8Array, buckets: readonly IndexBucket[]): Generator<Uint8Array, void, undefined> {
  const widths = [...new Set(buckets.map(({ width }) => width))].sort((a, b) => a - b)
  const head = new Uint8Array(varintBytes(INDEX_SORTED) + 4)
  new DataView(head.buffer).setInt32(writeVarint(head, 0, INDEX_SORTED), widths.length, true)
  yield head
  for (const width of widths) {
    const parts = buckets.filter((bucket) => bucket.width === width)
    const bucketHead = new Uint8Array(BUCKET_HEAD_BYTES)
    writeBucketHead(new DataView(bucketHead.buffer), 0, width, parts.reduce((sum, { count }) => sum + count, 0))
    yield bucketHead
    yield parts.length === 1 ? bucketBytes(body, parts[0]!) : merged(parts.map((part) => bucketBytes(body, part)), width)
  }
}

const bucketBytes = (body: Uint8Array, { start, count, width }: IndexBucket): Uint8Array => body.subarray(start, start + count * width)

/** Entries of several buckets of one width, by digest, equal ones by offset. */
const merged = (parts: readonly Uint8Array[], width: number): Uint8Array => {
  const digestBytes = width - OFFSET_BYTES
  const count = parts.reduce((sum, part) => sum + part.byteLength, 0) / width
  const digests = new Uint8Array(count * digestBytes)
  const offsets = new Float64Array(count)
  let n = 0
  for (const part of parts) {
    for (let at = 0; at < part.byteLength; at += width, n++) {
      digests.set(part.subarray(at, at + digestBytes), n * digestBytes)
      offsets[n] = readOffset(part, at + digestBytes, at)
    }
  }
  const out = new Uint8Array(count * width)
  const view = new DataView(out.buffer)
  let to = 0
  for (const i of sortedOrder(digests, digestBytes, offsets, count)) {
    out.set(digests.subarray(i * digestBytes, (i + 1) * digestBytes), to)
    view.setBigUint64(to + digestBytes, BigInt(offsets[i]!), true)
    to += width
  }
  return out
}
