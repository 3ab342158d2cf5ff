import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { sortedOrder } from '../src/sort-digests.ts'

describe('sortedOrder', () => {
  it.each([
    { digestBytes: 0, alphabet: 256 }, { digestBytes: 1, alphabet: 256 }, { digestBytes: 3, alphabet: 4 },
    { digestBytes: 4, alphabet: 256 }, { digestBytes: 6, alphabet: 2 }, { digestBytes: 32, alphabet: 2 }, { digestBytes: 32, alphabet: 256 },
  ])('is by digest, then by offset: digests of $digestBytes bytes of $alphabet values, seed 81', ({ digestBytes, alphabet }) => {
    const random = seededRandom(81)
    for (const count of [0, 1, 2, 256, 257, 5000]) {
      const digests = random.bytes(count * digestBytes).map((byte) => byte % alphabet)
      const offsets = Float64Array.from({ length: count }, () => random.int(1000))
      const at = (i: number): Uint8Array => digests.subarray(i * digestBytes, (i + 1) * digestBytes)
      const expected = Array.from({ length: count }, (_, i) => i).sort((a, b) => Buffer.compare(at(a), at(b)) || offsets[a]! - offsets[b]! || a - b)
      const key = (i: number): string => `${Buffer.from(at(i)).toString('hex')} ${offsets[i]}`
      expect([...sortedOrder(digests, digestBytes, offsets, count)].map(key)).toEqual(expected.map(key))
    }
  })
})
