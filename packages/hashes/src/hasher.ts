/** One hash function: the extension point. */

export interface Hasher {
  /** Multicodec code of the hash function. */
  readonly code: number
  /** Multicodec name, such as `sha2-256`. */
  readonly name: string
  /** The digest without any prefix, in memory owned by the caller. Keeps no reference to `bytes`. */
  digest(bytes: Uint8Array): Uint8Array
  /** Whether `bytes` hash to `digest`, where that is cheaper than making the digest. Default: compares `digest(bytes)`. */
  matches?(bytes: Uint8Array, digest: Uint8Array): boolean
  /** The digest of each block, where several at once are cheaper than one by one. Default: `digest` of each. */
  digestAll?(blocks: readonly Uint8Array[]): Uint8Array[]
  /** Whether each block hashes to the digest in its place, likewise; as many digests as blocks. Default: `matches` of each. */
  matchesAll?(blocks: readonly Uint8Array[], digests: readonly Uint8Array[]): boolean[]
}

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.byteLength !== b.byteLength) return false
  for (let at = 0; at < a.byteLength; at++) if (a[at] !== b[at]) return false
  return true
}
