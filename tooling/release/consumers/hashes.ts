import { asMultihashHasher, BLAKE2B_256, createHashes, type Hashes, HashError } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'

export const firstUse = async (bytes: Uint8Array): Promise<boolean> => {
  const pure: Hashes = createHashes({ hashers: [{ code: 0x300000, name: 'mine', digest: (input) => input.subarray(0, 1) }] })
  const fast: Hashes = await openHashes()
  const { digest } = await asMultihashHasher(fast, BLAKE2B_256).digest(bytes)
  try {
    return pure.matches(BLAKE2B_256, digest, bytes)
  } catch (error) {
    return !(error instanceof HashError && error.code === 'HASH_UNKNOWN')
  }
}
