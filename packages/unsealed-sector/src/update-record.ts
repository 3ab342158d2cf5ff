/**
 * The record of an update: stands behind a trailer while our writer replaces that, and holds the new one, so that neither is
 * lost wherever the replacement is cut off.
 *
 *     at    size  field
 *     0     16    magic, `dagstore-trailer`
 *     16    4     form, u32 little-endian: 1
 *     20    4     bytes of the old trailer, length included, u32
 *     24    4     bytes of the new one, u32
 *     28    4     CRC-32 of the old one, u32
 *     32    4     CRC-32 of the new one, u32
 *     36    4     CRC-32 of bytes 0 to 36, u32
 *     40          the new trailer, if it has at most 464 bytes; else it begins at 512
 *
 * It starts at a multiple of 512 bytes behind both trailers and ends, padded with zeros, at another one: its head is written
 * whole or not at all. At least four zeros end it, which is the length of no trailer of such a file.
 *
 * As long as the new trailer in it is not whole, the old one was not touched; while the old one is written over, the new one
 * in it is whole; before that is taken away, the new one stands in place of the old one.
 */
import { crc32 } from '@dagstore/hashes'

/** What a disk writes whole or not at all; a sector's data ends on such a border. */
export const RECORD_ALIGNMENT = 512

const MAGIC = new TextEncoder().encode('dagstore-trailer')
const FORM = 1
const HEAD_BYTES = 40
const INLINE_BYTES = 464
const END_BYTES = 4

export interface UpdateRecord {
  /** Where it begins, from the end of the data. */
  readonly at: number
  /** What the file says is in use: the new trailer, or the old one as long as the new one is not whole. */
  readonly trailer: Uint8Array
}

/** The least multiple of {@link RECORD_ALIGNMENT} that is no less. */
export const aligned = (bytes: number): number => Math.ceil(bytes / RECORD_ALIGNMENT) * RECORD_ALIGNMENT

/** What a trailer and the record of its update take, when both trailers are as long as one may be. */
export const tailBytes = (maxTrailerBytes: number): number => aligned(maxTrailerBytes) + RECORD_ALIGNMENT + aligned(maxTrailerBytes + END_BYTES)

/**
 * A record in the parts to be written and synced one after the other.
 *
 * @param old - what stands behind the data now; `next` - the trailer that shall
 */
export const encodeRecord = (old: Uint8Array, next: Uint8Array): Uint8Array[] => {
  const head = new Uint8Array(RECORD_ALIGNMENT)
  const view = new DataView(head.buffer)
  head.set(MAGIC)
  for (const [i, value] of [FORM, old.byteLength, next.byteLength, crc32(old), crc32(next)].entries()) view.setUint32(16 + 4 * i, value, true)
  view.setUint32(36, crc32(head.subarray(0, 36)), true)
  if (next.byteLength <= INLINE_BYTES) {
    head.set(next, HEAD_BYTES)
    return [head]
  }
  const body = new Uint8Array(aligned(next.byteLength + END_BYTES))
  body.set(next)
  return [head, body]
}

/** The record in what lies behind the data; `undefined`: there is none that counts. */
export const findRecord = (tail: Uint8Array): UpdateRecord | undefined => {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  // the last one: a repair writes its own behind one that led nowhere
  for (let at = aligned(tail.byteLength - RECORD_ALIGNMENT); at > 0; at -= RECORD_ALIGNMENT) {
    if (at + RECORD_ALIGNMENT > tail.byteLength || !startsRecord(tail.subarray(at, at + MAGIC.byteLength))) continue
    const u32 = (field: number): number => view.getUint32(at + field, true)
    if (u32(36) !== crc32(tail.subarray(at, at + 36)) || u32(16) !== FORM) continue
    const next = cut(tail, u32(24) <= INLINE_BYTES ? at + HEAD_BYTES : at + RECORD_ALIGNMENT, u32(24), u32(32))
    // while the record is being taken away it may be without its body, but then the new trailer stands where it belongs
    const trailer = next ?? cut(tail, 0, u32(20), u32(28)) ?? cut(tail, 0, u32(24), u32(32))
    if (trailer !== undefined) return { at, trailer }
  }
  return undefined
}

/** Whether bytes, at least one, are the magic of a record or the start of it. */
export const startsRecord = (bytes: Uint8Array): boolean => bytes.subarray(0, MAGIC.byteLength).every((byte, i) => byte === MAGIC[i])

const cut = (tail: Uint8Array, at: number, length: number, crc: number): Uint8Array | undefined => {
  const bytes = tail.subarray(at, at + length)
  return bytes.byteLength === length && crc32(bytes) === crc ? bytes : undefined
}
