import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { bytesToHex } from '@noble/hashes/utils.js'
import { create } from 'fr32-sha2-256-trunc254-padded-binary-tree-multihash'
import { describe, expect, it } from 'vitest'
import { createCommP } from '../src/commp.ts'
import { createCommP as createNodeCommP } from '../src/node-commp.ts'

const peerOf = (payload: Uint8Array): string => {
  const hasher = create()
  hasher.write(payload)
  const multihash = new Uint8Array(hasher.multihashByteLength())
  hasher.digestInto(multihash, 0, true)
  hasher.free()
  return bytesToHex(multihash)
}

const random = seededRandom('peer')
const MIB = 2 ** 20
const lengths = [
  127, 128, 254, 255, 508, 1016, 1017, 65_023, 65_024, 65_025, 520_191, 520_192, 520_193, MIB, 5 * MIB, 5 * MIB - 1,
  ...Array.from({ length: 12 }, () => 127 + random.int(2 ** (8 + random.int(14)))),
]

describe('commP', () => {
  it.each(lengths)('of %i bytes is what fr32-sha2-256-trunc254-padded-binary-tree-multihash says', (length) => {
    const payload = seededBytes(length, length)
    const want = peerOf(payload)
    // the plain form is slow, and large payloads run no other code than small ones
    for (const open of length > MIB / 2 ? [createNodeCommP] : [createCommP, createNodeCommP]) {
      const commp = open()
      for (let at = 0; at < length; at += 100_003) commp.write(payload.subarray(at, at + 100_003))
      expect(bytesToHex(commp.finish().cidV2.multihash.bytes)).toBe(want)
    }
  })
})
