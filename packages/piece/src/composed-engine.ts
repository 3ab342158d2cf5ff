/** An engine of two parts: fr32 of one kind, nodes by a hasher. */
import { BLOCK_PADDED, BLOCK_UNPADDED, blockChunks, type Fr32, type PieceEngine } from './engine.ts'
import { NODE_BYTES, type PairHasher } from './pair-hasher.ts'
import { CHUNK_PADDED, CHUNK_UNPADDED } from './sizes.ts'
import { zeroNode } from './zero-nodes.ts'

export const composeEngine = (fr32: Fr32, hasher: PairHasher): PieceEngine => {
  const chunked = new Uint8Array(BLOCK_UNPADDED)
  const nodes = new Uint8Array(BLOCK_PADDED)
  return {
    name: hasher.name,
    padInto: (input, output) => fr32.padInto(input, output),
    unpadInto: (padded, output) => fr32.unpadInto(padded, output),
    hashPairs: (given, pairs) => { hasher.hashPairs(given, pairs) },
    commit: (payload) => {
      const chunks = blockChunks(payload)
      chunked.set(payload)
      chunked.fill(0, payload.byteLength, chunks * CHUNK_UNPADDED)
      fr32.padInto(chunked.subarray(0, chunks * CHUNK_UNPADDED), nodes)
      let height = 0
      for (let count = chunks * CHUNK_PADDED / NODE_BYTES; count > 1; count = Math.ceil(count / 2)) {
        if (count % 2 === 1) nodes.set(zeroNode(height), count * NODE_BYTES)
        hasher.hashPairs(nodes, Math.ceil(count / 2))
        height++
      }
      return { height, node: nodes.slice(0, NODE_BYTES) }
    },
  }
}
