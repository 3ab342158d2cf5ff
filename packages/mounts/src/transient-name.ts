/** Names of transient copies: safe on every file system, the same for the same shard, still telling a person which it is. */
import { createHashes } from '@dagstore/hashes'

const SHA2_256 = 0x12

/**
 * Where the copy of one data generation of a shard stands in its directory:
 *
 *     3f/3f0c…(32 hex digits)-bafk…(at most 64 characters of the key).7.transient
 *
 * The digits are the first half of the sha2-256 of the key, so that no two keys meet, whatever a file system does to letters.
 *
 * @param generation - a whole number from 0
 * @throws {RangeError} another generation
 */
export const transientName = (key: string, generation: number): string => {
  if (!Number.isSafeInteger(generation) || generation < 0) throw new RangeError(`generation out of range; got=${generation}`)
  const digest = createHashes().digest(SHA2_256, new TextEncoder().encode(key))
  const hex = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
  const readable = key.slice(0, 64).replaceAll(/[^a-z0-9-]/gu, '_')
  return `${hex.slice(0, 2)}/${hex}-${readable}.${generation}.transient`
}
