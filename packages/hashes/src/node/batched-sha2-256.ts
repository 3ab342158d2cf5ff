/** sha2-256 of batches: by Node's crypto one by one, or four at once in WebAssembly, whichever is faster. */
import type { Hasher } from '../hasher.ts'
import type { BatchHasher } from '../wasm-hashers.ts'

/** With instructions of the processor, calling them costs more than the vectors take for blocks up to here. */
const SMALL_BYTES = 128

/**
 * @param one - fastest for one block
 * @param many - fastest for batches, but where the processor has instructions for the hash
 */
export const batchedSha2256 = (one: Hasher, many: BatchHasher, hasInstructions: boolean): Hasher => {
  const isForMany = (blocks: readonly Uint8Array[]): boolean => !hasInstructions || blocks.every(({ byteLength }) => byteLength <= SMALL_BYTES)
  return {
    ...one,
    digestAll: (blocks) => isForMany(blocks) ? many.digestAll(blocks) : blocks.map((bytes) => one.digest(bytes)),
    matchesAll: (blocks, digests) => isForMany(blocks) ? many.matchesAll(blocks, digests) : blocks.map((bytes, i) => one.matches!(bytes, digests[i]!)),
  }
}
