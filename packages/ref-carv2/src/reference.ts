/**
 * References, and the CIDs under which they stand in a CAR.
 *
 *     value   0a length path | 10 varint offset | 18 varint size; the path without the `/` in front of it
 *     key     `/filestore/` and the multihash of the leaf in base32 of RFC 4648, upper case, without padding
 *     CID     version 1, raw; hash: the identity of the key (`identity-keys`), or its sha2-256 (`sha2-keys`)
 *
 * Source: go-filestore `fsrefstore.go` and `pb.DataObj`; go-fil-markets `stores/filestore.go` and `stores/kvcarbs.go`.
 */
import { decodeFileReference, encodeVarint } from '@dagstore/carv2'
import { createHashes, type Hashes, IDENTITY, SHA2_256 } from '@dagstore/hashes'
import { CID } from 'multiformats/cid'
import { base32upper } from 'multiformats/bases/base32'
import { create } from 'multiformats/hashes/digest'
import { RefCarError } from './errors.ts'
import type { FileReference } from './file-reference.ts'

/** Whose keys: `identity-keys` are those of go-fil-markets up to 1.14 and 1.17 to 1.19, `sha2-keys` those of 1.15 and from 1.20 on. */
export type Dialect = 'identity-keys' | 'sha2-keys'

const RAW = 0x55
const URL_PATH = /^https?:\/\//
const hashes = createHashes()
const textEncoder = new TextEncoder()

/**
 * @throws {RefCarError} `REF_CAR_BAD_REFERENCE`: a path that is not absolute, is no well-formed text or would be read as a URL
 * @throws {RangeError} offset or size
 */
export const encodeReference = (reference: FileReference): Uint8Array => {
  const { path } = reference
  if (!isReferable(path)) throw new RefCarError('REF_CAR_BAD_REFERENCE', `no path that a reference can have; path=${JSON.stringify(path)}`)
  return encodeReferable(reference)
}

/** As {@link encodeReference}, of a path that {@link isReferable}. @throws {RangeError} offset or size */
export const encodeReferable = ({ path, offset, size }: FileReference): Uint8Array => {
  const name = textEncoder.encode(path.slice(1))
  const parts = [Uint8Array.of(0x0a), encodeVarint(name.byteLength), name, Uint8Array.of(0x10), encodeVarint(offset), Uint8Array.of(0x18), encodeVarint(size)]
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

/** The longest path that readers take, in bytes of UTF-8. */
const MAX_PATH_BYTES = 4096

/** Whether a reference can say this path, and readers will find the same one in it. */
export const isReferable = (path: string): boolean =>
  path.length > 1 && path.startsWith('/') && cleaned(path.slice(1)) === path && !/\p{Surrogate}|\0/u.test(path) && textEncoder.encode(path).byteLength <= MAX_PATH_BYTES

/**
 * Fields may come in any order, and unknown ones are skipped; offset and size are 0 when absent. The path is made absolute, and
 * free of `.` and `..`.
 *
 * @throws {RefCarError} `REF_CAR_BAD_REFERENCE`: no reference, without a path, or one into a URL
 */
export const decodeReference = (bytes: Uint8Array): FileReference => {
  const fields = decodeFileReference(bytes)
  if (fields === undefined) throw new RefCarError('REF_CAR_BAD_REFERENCE', `no reference into a file; length=${bytes.byteLength}`)
  const { path, offset, size } = fields
  if (URL_PATH.test(path)) throw new RefCarError('REF_CAR_BAD_REFERENCE', 'reference into a URL')
  const clean = cleaned(path)
  if (clean === '/' || path.includes('\0')) throw new RefCarError('REF_CAR_BAD_REFERENCE', `reference without a file; path=${JSON.stringify(path)}`)
  return { path: clean, offset, size }
}

/** As Go's `filepath.Join("/", path)`. */
const cleaned = (path: string): string => {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** The key of a leaf, from its multihash: ASCII. */
export const keyOf = (multihash: Uint8Array): Uint8Array => textEncoder.encode(`/filestore/${base32upper.baseEncode(multihash)}`)

/** The CID under which the reference of a leaf stands. @param multihash - of the leaf. @param own - hashes sha2-256, perhaps faster */
export const keyCid = (multihash: Uint8Array, dialect: Dialect, own: Hashes = hashes): CID => {
  const key = keyOf(multihash)
  return CID.createV1(RAW, dialect === 'identity-keys' ? create(IDENTITY, key) : create(SHA2_256, own.digest(SHA2_256, key)))
}
