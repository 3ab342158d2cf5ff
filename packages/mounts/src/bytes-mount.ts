/**
 * Bytes that stand in the URL itself: `bytes:` and their base64url text without padding (RFC 4648, section 5). For demos,
 * tests and very small CARs.
 */
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, type SourceIdentity } from '@dagstore/io'
import { base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import { MountError } from './errors.ts'
import type { Mount, MountFactory } from './mount.ts'
import { afterScheme } from './url-scheme.ts'

/** The most bytes that a `bytes:` URL may hold: URLs are written into records. */
export const MAX_BYTES_URL_BYTES = 65_536

const SHA2_256 = 0x12
const RAW = 0x55

/** @throws {RangeError} more than {@link MAX_BYTES_URL_BYTES} */
export const bytesUrl = (bytes: Uint8Array): string => {
  if (bytes.byteLength > MAX_BYTES_URL_BYTES) throw new RangeError(`too many bytes for a URL; max=${MAX_BYTES_URL_BYTES} got=${bytes.byteLength}`)
  return `bytes:${base64url.baseEncode(bytes)}`
}

/** Scheme `bytes`. Random access, from memory; the identity is the sha2-256 CID of the bytes. */
export const bytesMount = (): MountFactory => ({ scheme: 'bytes', mount: mountBytes })

const mountBytes = (url: string): Mount => {
  const bytes = decodeBytes(afterScheme(url, 'bytes'))
  return {
    url: bytesUrl(bytes),
    stat: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      return { exists: true, sizeBytes: bytes.byteLength, ready: true, access: 'random' }
    },
    open: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      return { access: 'random', source: createBytesSource(bytes, { identity: identityOf(bytes) }) }
    },
  }
}

const identityOf = (bytes: Uint8Array): SourceIdentity => {
  const multihash = decodeMultihash(createHashes().multihash(SHA2_256, bytes))
  return { kind: 'content', cid: CID.createV1(RAW, multihash).toString(), sizeBytes: bytes.byteLength }
}

const decodeBytes = (text: string): Uint8Array => {
  // the longest legal text; checked before anything is decoded
  if (text.length > Math.ceil(MAX_BYTES_URL_BYTES * 4 / 3)) throw new MountError('MOUNT_BAD_URL', `bytes URL is too long; max=${MAX_BYTES_URL_BYTES} bytes`)
  try {
    const bytes = base64url.baseDecode(text)
    // one text per value: padding, a stray last letter or unused bits that are set are refused
    if (base64url.baseEncode(bytes) === text) return bytes
  } catch (cause) {
    throw new MountError('MOUNT_BAD_URL', 'bytes URL is not base64url', { cause })
  }
  throw new MountError('MOUNT_BAD_URL', 'bytes URL is not base64url without padding')
}
