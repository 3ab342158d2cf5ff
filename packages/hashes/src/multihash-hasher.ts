/** Our hash functions in the form that multiformats, js-stores and Helia take. */
import { from } from 'multiformats/hashes/hasher'
import type { SyncMultihashHasher } from 'multiformats/hashes/interface'
import type { Hashes } from './hashes.ts'
import { IDENTITY } from './pure-hashers.ts'

/**
 * One hash function as a multiformats hasher, digests at once; takes the option `truncate` as those of multiformats do.
 *
 * @throws {HashError} `HASH_UNKNOWN`
 */
export const asMultihashHasher = (hashes: Hashes, code: number): SyncMultihashHasher => {
  const hasher = from({
    code,
    name: hashes.name(code),
    encode: (bytes: Uint8Array) => hashes.digest(code, bytes) as Uint8Array<ArrayBuffer>,
    ...(code === IDENTITY ? { minDigestLength: 0 } : {}),
  })
  // multiformats types every hasher as perhaps asynchronous; with a synchronous `encode` none is
  return hasher as SyncMultihashHasher
}
