/**
 * What follows the standard bytes of an index that we write: records, checksums, footer. Go readers stop before it.
 *
 *     at                 bytes       part
 *     0                  S           standard index, codec 0x0401
 *     S                  5 * n       records, in the order of the entries: u32 data length, u8 prefix row (255: read the section)
 *     B = S + 5n         4 * P       CRC-32 of each page of 4096 bytes of [0, B), the last page shorter; P = ceil(B / 4096)
 *     L = B + 4P         4 * C       CRC-32 of each 4096 bytes of [B, L), the last shorter; C = ceil(4P / 4096)
 *     F = L + 4C         4096        footer, see index-footer.ts
 *
 * Numbers are little-endian. docs/formats/index.md describes the same with an example.
 */
import { crc32 } from './crc32.ts'
import { RECORD_BYTES } from './entry-rows.ts'
import { FOOTER_BYTES } from './index-footer.ts'

/** One checksum covers so many bytes. */
export const PAGE_BYTES = 4096
/** Checksums of pages that one checksum of the second level covers. */
export const CHECKSUMS_PER_CHUNK: number = PAGE_BYTES / 4

/** Where the parts lie; bytes from the start of the index. */
export interface TrailerPlan {
  readonly recordsAt: number
  /** End of the records, and start of the first level of checksums. */
  readonly bodyBytes: number
  readonly pageCount: number
  /** Start of the second level. */
  readonly chunksAt: number
  readonly chunkCount: number
  readonly footerAt: number
  readonly sizeBytes: number
}

export const planTrailer = (standardBytes: number, entryCount: number): TrailerPlan => {
  const bodyBytes = standardBytes + RECORD_BYTES * entryCount
  const pageCount = Math.ceil(bodyBytes / PAGE_BYTES)
  const chunksAt = bodyBytes + 4 * pageCount
  const chunkCount = Math.ceil(pageCount / CHECKSUMS_PER_CHUNK)
  const footerAt = chunksAt + 4 * chunkCount
  return { recordsAt: standardBytes, bodyBytes, pageCount, chunksAt, chunkCount, footerAt, sizeBytes: footerAt + FOOTER_BYTES }
}

/** The CRC-32 of each page of `bytes`, as u32 little-endian. */
export const pageChecksums = (bytes: Uint8Array): Uint8Array => {
  const count = Math.ceil(bytes.byteLength / PAGE_BYTES)
  const out = new Uint8Array(4 * count)
  const view = new DataView(out.buffer)
  for (let page = 0; page < count; page++) {
    const from = page * PAGE_BYTES
    view.setUint32(4 * page, crc32(bytes, from, Math.min(from + PAGE_BYTES, bytes.byteLength)), true)
  }
  return out
}
