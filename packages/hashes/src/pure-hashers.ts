/** Hash functions in plain JavaScript: they run everywhere and give the digests that the fast forms give. */
import { blake2b } from '@noble/hashes/blake2.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { HashError } from './errors.ts'
import { equalBytes, type Hasher } from './hasher.ts'

export const IDENTITY = 0x00
export const SHA2_256 = 0x12
export const SHA2_512 = 0x13
export const BLAKE2B_256 = 0xb220

/** Longest content that {@link IDENTITY} takes: what is to be a digest stands in every CID and index that names it. */
export const IDENTITY_MAX_BYTES = 2048

export const sha2256: Hasher = { code: SHA2_256, name: 'sha2-256', digest: (bytes) => sha256(bytes) }
export const sha2512: Hasher = { code: SHA2_512, name: 'sha2-512', digest: (bytes) => sha512(bytes) }
export const blake2b256: Hasher = { code: BLAKE2B_256, name: 'blake2b-256', digest: (bytes) => blake2b(bytes, { dkLen: 32 }) }

/** The content is its own digest. */
export const identity: Hasher = {
  code: IDENTITY,
  name: 'identity',
  digest: (bytes) => {
    if (bytes.byteLength <= IDENTITY_MAX_BYTES) return Uint8Array.from(bytes)
    throw new HashError('HASH_TOO_LONG', `content too long for an identity digest; max=${IDENTITY_MAX_BYTES} got=${bytes.byteLength}`, { hashCode: IDENTITY })
  },
  matches: equalBytes,
}

export const pureHashers: readonly Hasher[] = [sha2256, sha2512, blake2b256, identity]
