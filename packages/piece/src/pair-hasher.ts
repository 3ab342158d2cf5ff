/**
 * One level of a piece's tree: sha2-256 of two neighbouring nodes, its top two bits cleared.
 *
 * Source: lotus-proofs `filecoin-hashers` sha256; go-fil-commp-hashhash `commp.go`.
 */
import { sha256 } from '@noble/hashes/sha2.js'

export const NODE_BYTES = 32

/** What hashes the nodes of a tree; the speed of a commitment is the speed of this. */
export interface PairHasher {
  /** For people and reports. */
  readonly name: string
  /**
   * Replace the nodes 2i and 2i + 1 by their parent at i, for every i below `pairs`: in place, the rest of `nodes` keeps
   * whatever it holds.
   *
   * @param nodes - at least `64 * pairs` bytes
   */
  hashPairs(nodes: Uint8Array, pairs: number): void
}

/** In plain JavaScript, for every host. */
export const createPairHasher = (): PairHasher => ({
  name: 'plain',
  hashPairs (nodes, pairs) {
    for (let pair = 0; pair < pairs; pair++) {
      const parent = sha256(nodes.subarray(2 * NODE_BYTES * pair, 2 * NODE_BYTES * (pair + 1)))
      parent[NODE_BYTES - 1]! &= 0x3f
      nodes.set(parent, NODE_BYTES * pair)
    }
  },
})
