/** The definitions, written out bit by bit and node by node: slow, and made without any code of ours. */
import { createHash } from 'node:crypto'

/** Bit b of each 127-byte chunk becomes bit b + 2 * floor(b / 254), lowest bit of a byte first. */
export const plainPad = (input: Uint8Array): Uint8Array => {
  const output = new Uint8Array(input.byteLength / 127 * 128)
  for (let bit = 0; bit < input.byteLength * 8; bit++) {
    if ((input[bit >> 3]! >> (bit & 7) & 1) === 0) continue
    const to = bit + 2 * Math.floor(bit / 254)
    output[to >> 3]! |= 1 << (to & 7)
  }
  return output
}

export const plainParent = (left: Uint8Array, right: Uint8Array): Uint8Array => {
  const parent = new Uint8Array(createHash('sha256').update(left).update(right).digest())
  parent[31]! &= 0x3f
  return parent
}

/** Every node of the piece hashed, zeros included. */
export const plainCommitment = (payload: Uint8Array): { root: Uint8Array, padded: number } => {
  let unpadded = 127
  while (unpadded < payload.byteLength) unpadded *= 2
  const whole = new Uint8Array(unpadded)
  whole.set(payload)
  const padded = plainPad(whole)
  let level = Array.from({ length: padded.byteLength / 32 }, (_, i) => padded.subarray(32 * i, 32 * i + 32))
  while (level.length > 1) level = Array.from({ length: level.length / 2 }, (_, i) => plainParent(level[2 * i]!, level[2 * i + 1]!))
  return { root: level[0]!, padded: padded.byteLength }
}
