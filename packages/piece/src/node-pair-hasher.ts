/** The nodes of a tree by Node's own sha2-256. */
import * as crypto from 'node:crypto'
import { NODE_BYTES, type PairHasher } from './pair-hasher.ts'

const PAIR_WORDS = 2 * NODE_BYTES / 4

/**
 * About three times as fast as the plain JavaScript one: one call per node, its digest as text, one character per byte, which
 * costs half of one as a buffer.
 */
export const createNodePairHasher = (): PairHasher => {
  const pair = new Uint8Array(2 * NODE_BYTES)
  const pairWords = new Uint32Array(pair.buffer)
  return {
    hashPairs (nodes, pairs) {
      const words = new Uint32Array(nodes.buffer, nodes.byteOffset, pairs * PAIR_WORDS)
      for (let at = 0; at < pairs; at++) {
        for (let word = 0; word < PAIR_WORDS; word++) pairWords[word] = words[at * PAIR_WORDS + word]!
        const parent = crypto.hash('sha256', pair, 'binary')
        const to = at * NODE_BYTES
        for (let byte = 0; byte < NODE_BYTES; byte++) nodes[to + byte] = parent.charCodeAt(byte)
        nodes[to + NODE_BYTES - 1]! &= 0x3f
      }
    },
  }
}
