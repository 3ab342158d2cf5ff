/** The older codec 0x0400, made from the buckets of 0x0401: one bucket for each digest length, hash codes forgotten. */
import { compareRows, OFFSET_BYTES } from './entry-rows.ts'
import { BUCKET_HEAD_BYTES, type IndexBucket } from './index-directory.ts'
import { writeBucketHead } from './index-directory-codec.ts'
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
  const rows = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let end = 0
  for (const part of parts) {
    rows.set(part, end)
    end += part.byteLength
  }
  const view = new DataView(rows.buffer)
  const digestBytes = width - OFFSET_BYTES
  const keys = new Uint32Array(end / width)
  for (let i = 0; i < keys.length; i++) {
    for (let k = 0; k < 4; k++) keys[i] = keys[i]! * 256 + (k < digestBytes ? rows[i * width + k]! : 0)
  }
  const out = new Uint8Array(end)
  sortedOrder(keys, (a, b) => compareRows(view, a * width, view, b * width, digestBytes)).forEach((row, n) => {
    out.set(rows.subarray(row * width, (row + 1) * width), n * width)
  })
  return out
}
