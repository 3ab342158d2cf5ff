/**
 * The last 4096 bytes of an index that we write.
 *
 *     at    size  field
 *     0     8     magic 'dagstidx'
 *     8     4     u32 version, 2
 *     12    4     u32 flags; bit 0: identity CIDs are left out; others zero
 *     16    8     u64 length of the standard bytes
 *     24    8     u64 number of entries
 *     32    8     u64 start of the CARv1 payload in the source
 *     40    8     u64 end of the last section, from the start of the payload
 *     48    4     u32 CRC-32 of the tail before the footer: second level of checksums, fences, buckets
 *     52    2     u16 rows of the prefix table
 *     54    2     u16 length of the identity
 *     56    4     u32 length of the CARv1 header; 0: it did not fit
 *     60    4     u32 number of buckets
 *     64    9r    prefix rows: u8 CID version, u64 codec
 *     …           identity: u8 kind, u64 size, then by kind  0: not known (length 1)   1 content, 2 version: UTF-8
 *                 3 file: i64 modification time in ns, u64 inode
 *     …           CARv1 header, its length varint included; zeros up to
 *     4084  8     magic
 *     4092  4     u32 CRC-32 of bytes 0 to 4091
 *
 * Numbers are little-endian. An identity or a header that does not fit is left out: the first as kind 0, the second as
 * length 0, and the reader takes it from the CAR.
 */
import { crc32 } from '@dagstore/hashes'
import type { SourceIdentity } from '@dagstore/io'
import { type CidPrefix, MAX_PREFIXES } from './cid-prefixes.ts'
import { CarV2Error } from './errors.ts'

export const FOOTER_BYTES = 4096
export const TRAILER_VERSION = 2
const MAGIC = Uint8Array.of(0x64, 0x61, 0x67, 0x73, 0x74, 0x69, 0x64, 0x78)
const FIELDS_END = 64
const PREFIX_BYTES = 9
const MAGIC_AGAIN_AT = FOOTER_BYTES - 12
const CRC_AT = FOOTER_BYTES - 4
const IDENTITY_EXCLUDED = 1
/** An identity may be an ETag of a server; a longer one is not worth its place. */
const MAX_IDENTITY_BYTES = 1024

export interface IndexFooter {
  readonly standardBytes: number
  readonly entryCount: number
  readonly payloadStart: number
  readonly payloadEnd: number
  readonly identityCids: 'included' | 'excluded'
  readonly tailCrc: number
  readonly bucketCount: number
  readonly prefixes: readonly CidPrefix[]
  readonly source: SourceIdentity | undefined
  /** With its length varint. */
  readonly carV1Header: Uint8Array | undefined
}

export const encodeFooter = (footer: IndexFooter): Uint8Array => {
  const out = new Uint8Array(FOOTER_BYTES)
  const view = new DataView(out.buffer)
  const u64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true)
  out.set(MAGIC)
  view.setUint32(8, TRAILER_VERSION, true)
  view.setUint32(12, footer.identityCids === 'excluded' ? IDENTITY_EXCLUDED : 0, true)
  u64(16, footer.standardBytes)
  u64(24, footer.entryCount)
  u64(32, footer.payloadStart)
  u64(40, footer.payloadEnd)
  view.setUint32(48, footer.tailCrc, true)
  view.setUint32(60, footer.bucketCount, true)
  view.setUint16(52, footer.prefixes.length, true)
  let at = FIELDS_END
  for (const { version, codec } of footer.prefixes) {
    out[at] = version
    u64(at + 1, codec)
    at += PREFIX_BYTES
  }
  const identity = encodeIdentity(footer.source)
  view.setUint16(54, identity.byteLength, true)
  out.set(identity, at)
  at += identity.byteLength
  const header = footer.carV1Header
  if (header !== undefined && at + header.byteLength <= MAGIC_AGAIN_AT) {
    view.setUint32(56, header.byteLength, true)
    out.set(header, at)
  }
  out.set(MAGIC, MAGIC_AGAIN_AT)
  view.setUint32(CRC_AT, crc32(out, 0, CRC_AT), true)
  return out
}

/** Whether the bytes were a footer once: either of its two magics is whole. */
export const looksLikeFooter = (bytes: Uint8Array): boolean =>
  bytes.byteLength === FOOTER_BYTES && (hasMagic(bytes, 0) || hasMagic(bytes, MAGIC_AGAIN_AT))

/**
 * Decode a footer. `undefined`: of a version that this code does not know, so the standard bytes are all there is.
 *
 * @param offset - where it lies in the index, for errors
 * @throws {CarV2Error} `CARV2_INDEX_DAMAGED`: its checksum does not match, or its fields contradict each other
 */
export const decodeFooter = (bytes: Uint8Array, offset: number): IndexFooter | undefined => {
  const damaged = (what: string): CarV2Error => new CarV2Error('CARV2_INDEX_DAMAGED', `index footer: ${what}; at=${offset}`, { offset })
  const view = new DataView(bytes.buffer, bytes.byteOffset, FOOTER_BYTES)
  if (crc32(bytes, 0, CRC_AT) !== view.getUint32(CRC_AT, true)) throw damaged('checksum')
  if (view.getUint32(8, true) !== TRAILER_VERSION) return undefined
  const u64 = (at: number): number => {
    const value = view.getBigUint64(at, true)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`field at ${at} above 2^53 - 1`)
    return Number(value)
  }
  const prefixCount = view.getUint16(52, true)
  const identityAt = FIELDS_END + PREFIX_BYTES * prefixCount
  const headerAt = identityAt + view.getUint16(54, true)
  const headerEnd = headerAt + view.getUint32(56, true)
  if (prefixCount > MAX_PREFIXES || headerEnd > MAGIC_AGAIN_AT) throw damaged('lengths')
  const prefixes: CidPrefix[] = []
  for (let at = FIELDS_END; at < identityAt; at += PREFIX_BYTES) {
    const version = bytes[at]!
    if (version !== 0 && version !== 1) throw damaged('CID version')
    prefixes.push({ version, codec: u64(at + 1) })
  }
  return {
    standardBytes: u64(16),
    entryCount: u64(24),
    payloadStart: u64(32),
    payloadEnd: u64(40),
    identityCids: (view.getUint32(12, true) & IDENTITY_EXCLUDED) === 0 ? 'included' : 'excluded',
    tailCrc: view.getUint32(48, true),
    bucketCount: view.getUint32(60, true),
    prefixes,
    source: decodeIdentity(bytes.subarray(identityAt, headerAt)),
    carV1Header: headerEnd > headerAt ? bytes.slice(headerAt, headerEnd) : undefined,
  }
}

const hasMagic = (bytes: Uint8Array, at: number): boolean => MAGIC.every((byte, i) => byte === bytes[at + i])

const KINDS = ['unknown', 'content', 'version', 'file'] as const

const encodeIdentity = (source: SourceIdentity | undefined): Uint8Array => {
  if (source === undefined) return new Uint8Array(1)
  const rest = source.kind === 'file' ? new Uint8Array(16) : new TextEncoder().encode(source.kind === 'content' ? source.cid : source.tag)
  if (9 + rest.byteLength > MAX_IDENTITY_BYTES) return new Uint8Array(1)
  if (source.kind === 'file') {
    const view = new DataView(rest.buffer)
    view.setBigInt64(0, source.mtimeNs, true)
    view.setBigUint64(8, source.inode, true)
  }
  const out = new Uint8Array(9 + rest.byteLength)
  out[0] = KINDS.indexOf(source.kind)
  new DataView(out.buffer).setBigUint64(1, BigInt(source.sizeBytes), true)
  out.set(rest, 9)
  return out
}

/** A kind that this code does not know, or a size that no source has, is like none. */
const decodeIdentity = (bytes: Uint8Array): SourceIdentity | undefined => {
  const kind = KINDS[bytes[0] ?? 0]
  if (kind === undefined || kind === 'unknown' || bytes.byteLength < 9) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const sizeBytes = Number(view.getBigUint64(1, true))
  if (!Number.isSafeInteger(sizeBytes)) return undefined
  if (kind === 'file') {
    if (bytes.byteLength !== 25) return undefined
    return { kind, sizeBytes, mtimeNs: view.getBigInt64(9, true), inode: view.getBigUint64(17, true) }
  }
  const text = new TextDecoder().decode(bytes.subarray(9))
  return kind === 'content' ? { kind, cid: text, sizeBytes } : { kind, tag: text, sizeBytes }
}
