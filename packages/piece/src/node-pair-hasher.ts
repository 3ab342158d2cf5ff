/** The nodes of a tree by Node's own sha2-256. */
import * as crypto from 'node:crypto'
import { NODE_BYTES, type PairHasher } from './pair-hasher.ts'

const PAIR_BYTES = 2 * NODE_BYTES

/** A digest as text of one character per byte, which costs half of one as a buffer; runtimes that imitate Node may lack `hash`. */
const digestText = (pair: Uint8Array): string => typeof crypto.hash === 'function'
  ? crypto.hash('sha256', pair, 'binary')
  : crypto.createHash('sha256').update(pair).digest('binary')

/** Three times as fast as the plain JavaScript one, one call per node. */
export const createNodePairHasher = (): PairHasher => {
  const pair = new Uint8Array(PAIR_BYTES)
  return {
    name: 'crypto',
    hashPairs (nodes, pairs) {
      for (let at = 0; at < pairs; at++) {
        const from = at * PAIR_BYTES
        for (let byte = 0; byte < PAIR_BYTES; byte++) pair[byte] = nodes[from + byte]!
        const parent = digestText(pair)
        const to = at * NODE_BYTES
        for (let byte = 0; byte < NODE_BYTES; byte++) nodes[to + byte] = parent.charCodeAt(byte)
        nodes[to + NODE_BYTES - 1]! &= 0x3f
      }
    },
  }
}
