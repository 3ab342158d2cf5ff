/** Roots of trees over nothing but zeros, by height; with them a zero tail costs one hash per level. */
import { createPairHasher, NODE_BYTES } from './pair-hasher.ts'
import { MAX_PIECE_PADDED, treeHeight } from './sizes.ts'

const known: Uint8Array[] = [new Uint8Array(NODE_BYTES)]

/**
 * The 32 bytes at the root of `2 ** height` zero leaves; not to be changed.
 *
 * @param height - 0 (a leaf) to 31 (64 GiB)
 */
export const zeroNode = (height: number): Uint8Array => {
  if (!Number.isInteger(height) || height < 0 || height > treeHeight(MAX_PIECE_PADDED)) throw new RangeError(`no such tree; height=${height}`)
  const hasher = createPairHasher()
  while (known.length <= height) {
    const below = known[known.length - 1]!
    const nodes = new Uint8Array(2 * NODE_BYTES)
    nodes.set(below)
    nodes.set(below, NODE_BYTES)
    hasher.hashPairs(nodes, 1)
    known.push(nodes.slice(0, NODE_BYTES))
  }
  return known[height]!
}
