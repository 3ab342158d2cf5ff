/**
 * CARs whose leaves are references into other files: to read such a section as the block that its CID names is wrong.
 *
 *     0a length path | 10 varint offset | 18 varint size
 *
 * Source: go-filestore `pb.DataObj`; go-fil-markets stores/filestore.go, which stores them under keys `/filestore/…`.
 */
import { createHashes, IDENTITY, SHA2_256 } from '@dagstore/hashes'
import type { ByteSource, CallOptions } from '@dagstore/io'
import { CID_BAD, CID_CUT, CidCursor } from './cid.ts'
import { CarV2Error } from './errors.ts'
import type { CarLayout } from './layout.ts'
import { readVarint, varintBytes } from './varint.ts'

/** What a reference says; lengths in bytes. */
export interface FileReferenceFields {
  /** Relative to `/`, without one in front. */
  readonly path: string
  readonly offset: number
  readonly size: number
}

/** A path of 4,096 bytes, and what stands around it. */
export const MAX_REFERENCE_BYTES = 4200
const RAW = 0x55
const hashes = createHashes()
/** Sections that are looked at, and bytes that are read for it. */
const PROBED_SECTIONS = 2048
const PROBED_BYTES = 1 << 18
const KEY_PREFIX = new TextEncoder().encode('/filestore/')

/**
 * The fields of a reference. They may come in any order and unknown ones are skipped; offset and size are 0 when they are absent.
 *
 * @returns `undefined`: no reference, or one without a path, or whose path is no text
 */
export const decodeFileReference = (bytes: Uint8Array): FileReferenceFields | undefined => {
  if (bytes.byteLength > MAX_REFERENCE_BYTES) return undefined
  let path: Uint8Array | undefined
  let [offset, size] = [0, 0]
  for (let at = 0; at < bytes.byteLength;) {
    const tag = protoVarint(bytes, at)
    if (tag === undefined || tag.value < 8) return undefined
    at = tag.end
    const [field, wire] = [Math.floor(tag.value / 8), tag.value % 8]
    if (wire === 0) {
      const number = protoVarint(bytes, at)
      if (number === undefined || field === 1) return undefined
      if (field === 2) offset = number.value
      if (field === 3) size = number.value
      at = number.end
    } else {
      const length = wire === 1 ? { value: 8, end: at } : wire === 5 ? { value: 4, end: at } : wire === 2 ? protoVarint(bytes, at) : undefined
      if (length === undefined || length.end + length.value > bytes.byteLength || (field <= 3 && (field !== 1 || wire !== 2))) return undefined
      if (field === 1) path = bytes.subarray(length.end, length.end + length.value)
      at = length.end + length.value
    }
  }
  if (path === undefined || path.byteLength === 0) return undefined
  try {
    return { path: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(path), offset, size }
  } catch {
    return undefined
  }
}

/** As protobuf has them: not only minimal ones, of at most 10 bytes. `undefined`: cut, too long, or above 2^53 - 1. */
const protoVarint = (bytes: Uint8Array, from: number): { readonly value: number, readonly end: number } | undefined => {
  let [value, factor] = [0, 1]
  for (let at = from; at < Math.min(bytes.byteLength, from + 10); at++, factor *= 128) {
    value += (bytes[at]! & 0x7f) * factor
    if (bytes[at]! < 0x80) return Number.isSafeInteger(value) ? { value, end: at + 1 } : undefined
  }
  return undefined
}

/** Whether a section is a reference under its key: it says where bytes are, and does not hash to what its CID says. */
export const isReferenceSection = (hashCode: number, digest: Uint8Array, data: Uint8Array): boolean => {
  if (hashCode !== IDENTITY && hashCode !== SHA2_256) return false
  if (hashCode === IDENTITY && !KEY_PREFIX.every((byte, i) => digest[i] === byte)) return false
  return decodeFileReference(data) !== undefined && !hashes.matches(hashCode, digest, data)
}

/**
 * Whether a CAR holds references into other files among its first sections. One read of at most 256 KiB: a CAR of
 * references begins with short sections.
 *
 * @throws {IoError} the source can not be read. What is no section ends the search.
 */
export const probeReferences = async (source: ByteSource, layout: CarLayout, { signal }: CallOptions = {}): Promise<boolean> => {
  const from = layout.payloadStart + layout.headerBytes
  const length = Math.min(PROBED_BYTES, layout.payloadBytes - layout.headerBytes, source.sizeBytes - from)
  if (length <= 0) return false
  signal?.throwIfAborted()
  const bytes = source.peek(from, length) ?? await source.read(from, length, { signal })
  const cid = new CidCursor()
  for (let at = 0, seen = 0; at < length && seen < PROBED_SECTIONS; seen++) {
    const sectionBytes = readVarint(bytes, at, length)
    if (sectionBytes <= 0) return false
    const cidAt = at + varintBytes(sectionBytes)
    const end = cidAt + sectionBytes
    if (end > length) return false
    const cidBytes = cid.read(bytes, cidAt, end)
    if (cidBytes === CID_CUT || cidBytes === CID_BAD) return false
    const dataAt = cidAt + cidBytes
    if (cid.codec === RAW && end - dataAt <= MAX_REFERENCE_BYTES && bytes[dataAt] === 0x0a && isReferenceSection(cid.hashCode, bytes.subarray(cid.digestAt, dataAt), bytes.subarray(dataAt, end))) return true
    at = end
  }
  return false
}

/**
 * That a CAR holds its data itself, as far as {@link probeReferences} sees it.
 *
 * @param what - names it in the message
 * @throws {CarV2Error} `CARV2_REFERENCES`
 */
export const refuseReferences = async (source: ByteSource, layout: CarLayout, what: string, options: CallOptions = {}): Promise<void> => {
  if (!await probeReferences(source, layout, options)) return
  throw new CarV2Error('CARV2_REFERENCES', `${what} holds references into other files, not the data itself; make a CAR of the data from it first (client generate-car --car)`)
}
