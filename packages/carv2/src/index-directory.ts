/**
 * The standard bytes of an index: which buckets it has, and where.
 *
 *     varint codec
 *     0x0401: i32 number of codes; code* = u64 multihash code | list
 *     0x0400: list
 *     list = i32 number of buckets; bucket* = u32 width | i64 length in bytes | entry*
 *     entry = digest of width - 8 bytes | u64 offset of the section in the CARv1 payload
 *
 * Numbers are little-endian; codes, widths and digests ascend. Bytes may follow the last bucket.
 *
 * Source: go-car v2/index/indexsorted.go `singleWidthIndex.Unmarshal`, mhindexsorted.go. The specification leaves the
 * counts out and calls the length a count. Stricter: codes and widths must ascend, so none is there twice; a length is a
 * multiple of its width; everything lies inside the source.
 */
import type { Awaitable } from '@dagstore/io'
import { OFFSET_BYTES } from './entry-rows.ts'
import { CarV2Error } from './errors.ts'
import { INDEX_SORTED, type IndexCodec, MULTIHASH_INDEX_SORTED } from './index-view.ts'
import { MAX_VARINT_BYTES, readVarint, varintBytes } from './varint.ts'

export interface IndexBucket {
  /** Multihash code; `undefined` for codec 0x0400. */
  readonly code: number | undefined
  readonly digestBytes: number
  /** Of one entry: digest and offset. */
  readonly width: number
  /** Of the first entry, from the start of the index. */
  readonly start: number
  readonly count: number
  /** How many entries stand before this bucket. */
  readonly firstOrdinal: number
}

export interface IndexDirectory {
  readonly codec: IndexCodec
  readonly buckets: readonly IndexBucket[]
  readonly entryCount: number
  /** End of the last bucket. */
  readonly standardBytes: number
}

/** A digest length that go-car's reader would refuse too. */
const MAX_WIDTH = 32 << 20
/** Pairs of multihash code and digest length; no index may have more. */
export const MAX_BUCKETS: number = 1 << 16
const CODE_HEAD_BYTES = 12
/** u32 width and i64 length before the entries of a bucket. */
export const BUCKET_HEAD_BYTES = 12

/**
 * Walk over the bucket heads; entries are not read.
 *
 * @param read - bytes [at, at + length) of the index, which lie inside `sizeBytes`
 * @throws {CarV2Error} `CARV2_BAD_INDEX`, `CARV2_UNKNOWN_INDEX`, `CARV2_TOO_LARGE`: more than 65,536 buckets; `offset` counts
 *   from the start of the index
 */
export const readDirectory = async (read: (at: number, length: number) => Awaitable<Uint8Array>, sizeBytes: number): Promise<IndexDirectory> => {
  const buckets: IndexBucket[] = []
  let entryCount = 0
  let at = 0

  const bad = (what: string): CarV2Error => new CarV2Error('CARV2_BAD_INDEX', `index: ${what}; at=${at}`, { offset: at })
  const take = async (length: number, what: string): Promise<DataView> => {
    if (length > sizeBytes - at) throw bad(`ends inside ${what}`)
    const bytes = await read(at, length)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  }
  /** How many of something follow, each with a head of `headBytes`. */
  const takeCount = async (what: string, headBytes: number): Promise<number> => {
    const count = (await take(4, what)).getInt32(0, true)
    if (count < 0 || count * headBytes > sizeBytes - at - 4) throw bad(`${what}; got=${count}`)
    if (count > MAX_BUCKETS) throw new CarV2Error('CARV2_TOO_LARGE', `index: ${what}; max=${MAX_BUCKETS} got=${count}`, { offset: at })
    at += 4
    return count
  }
  const walkBuckets = async (code: number | undefined): Promise<void> => {
    const count = await takeCount('number of buckets', BUCKET_HEAD_BYTES)
    let lastWidth = 0
    for (let i = 0; i < count; i++) {
      const head = await take(BUCKET_HEAD_BYTES, 'a bucket head')
      const width = head.getUint32(0, true)
      if (width < OFFSET_BYTES || width > MAX_WIDTH) throw bad(`bucket width; min=${OFFSET_BYTES} max=${MAX_WIDTH} got=${width}`)
      if (width <= lastWidth) throw bad(`bucket widths do not ascend; got=${width} after=${lastWidth}`)
      lastWidth = width
      const length = head.getBigInt64(4, true)
      const room = sizeBytes - at - BUCKET_HEAD_BYTES
      if (length < 0n || length > BigInt(room)) throw bad(`bucket length; max=${room} got=${length}`)
      const bytes = Number(length)
      if (bytes % width !== 0) throw bad(`bucket length is no multiple of its width; got=${bytes} width=${width}`)
      if (buckets.length === MAX_BUCKETS) throw new CarV2Error('CARV2_TOO_LARGE', `index: buckets; max=${MAX_BUCKETS}`, { offset: at })
      at += BUCKET_HEAD_BYTES
      buckets.push({ code, digestBytes: width - OFFSET_BYTES, width, start: at, count: bytes / width, firstOrdinal: entryCount })
      entryCount += bytes / width
      at += bytes
    }
  }

  const codec = await readCodec(read, sizeBytes)
  at = varintBytes(codec)
  if (codec === INDEX_SORTED) {
    await walkBuckets(undefined)
  } else {
    const codes = await takeCount('number of codes', CODE_HEAD_BYTES)
    let lastCode = -1
    for (let i = 0; i < codes; i++) {
      const wide = (await take(8, 'a multihash code')).getBigUint64(0, true)
      if (wide > BigInt(Number.MAX_SAFE_INTEGER)) throw bad(`multihash code; got=${wide}`)
      const code = Number(wide)
      if (code <= lastCode) throw bad(`multihash codes do not ascend; got=${code} after=${lastCode}`)
      lastCode = code
      at += 8
      await walkBuckets(code)
    }
  }
  return { codec, buckets, entryCount, standardBytes: at }
}

const readCodec = async (read: (at: number, length: number) => Awaitable<Uint8Array>, sizeBytes: number): Promise<IndexCodec> => {
  const bytes = await read(0, Math.min(MAX_VARINT_BYTES, sizeBytes))
  const codec = readVarint(bytes, 0, bytes.byteLength)
  if (codec === INDEX_SORTED || codec === MULTIHASH_INDEX_SORTED) return codec
  if (codec < 0) throw new CarV2Error('CARV2_BAD_INDEX', `index: no codec; size=${sizeBytes}`, { offset: 0 })
  throw new CarV2Error('CARV2_UNKNOWN_INDEX', `index codec; want=0x400 or 0x401 got=0x${codec.toString(16)}`, { offset: 0 })
}
