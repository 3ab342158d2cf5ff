/** The nodes of a tree by native code that the user installed. */
import { NODE_BYTES, type PairHasher } from './pair-hasher.ts'

/** What of `@chainsafe/hashtree` is used: the sha2-256 of each 64 bytes of `input`, one after the other, into `output`. */
export interface NativeHashtree {
  hashInto(input: Uint8Array, output: Uint8Array): void
}

const STRIDE = 2 * NODE_BYTES
const PART_PAIRS = 1024

/** It clears the top two bits of every node, which the native code does not. */
export const createNativePairHasher = (hashtree: NativeHashtree): PairHasher => {
  const parents = new Uint8Array(PART_PAIRS * NODE_BYTES)
  return {
    name: 'native',
    hashPairs (nodes, pairs) {
      for (let done = 0; done < pairs; done += PART_PAIRS) {
        const count = Math.min(PART_PAIRS, pairs - done)
        const part = parents.subarray(0, count * NODE_BYTES)
        hashtree.hashInto(nodes.subarray(done * STRIDE, (done + count) * STRIDE), part)
        for (let at = NODE_BYTES - 1; at < part.byteLength; at += NODE_BYTES) part[at]! &= 0x3f
        nodes.set(part, done * NODE_BYTES)
      }
    },
  }
}
