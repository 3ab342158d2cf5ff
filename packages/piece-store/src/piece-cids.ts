/** Many piece CIDs in little memory: 36 bytes each. */
import { pieceCidV1, type PieceCidFacts } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'

const BYTES = 32

/** v1, each once, by the bytes of their commitments: an order that does not depend on how they came. */
export const sortedPieceCids = (facts: Iterable<PieceCidFacts>): Iterable<CID> => {
  let packed = new Uint8Array(BYTES * 64)
  let count = 0
  for (const { commitment } of facts) {
    if (packed.length === count * BYTES) {
      const twice = new Uint8Array(packed.length * 2)
      twice.set(packed)
      packed = twice
    }
    packed.set(commitment, count++ * BYTES)
  }
  const compare = (a: number, b: number): number => {
    for (let at = 0; at < BYTES; at++) {
      const difference = packed[a * BYTES + at]! - packed[b * BYTES + at]!
      if (difference !== 0) return difference
    }
    return 0
  }
  const order = Uint32Array.from({ length: count }, (_, at) => at).sort(compare)
  return {
    * [Symbol.iterator] () {
      for (let at = 0; at < count; at++) {
        if (at > 0 && compare(order[at]!, order[at - 1]!) === 0) continue
        yield pieceCidV1(packed.subarray(order[at]! * BYTES, (order[at]! + 1) * BYTES))
      }
    },
  }
}
