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
      const stride = digestBytes + 8 + 5
      const rows = random.bytes(count * stride).map((byte) => byte % alphabet)
      const view = new DataView(rows.buffer)
      const offsets = Array.from({ length: count }, () => random.int(1000) * 2 ** 30)
      offsets.forEach((offset, i) => { view.setBigUint64(i * stride + digestBytes, BigInt(offset), true) })
      const at = (i: number): Uint8Array => rows.subarray(i * stride, i * stride + digestBytes)
      const expected = Array.from({ length: count }, (_, i) => i).sort((a, b) => Buffer.compare(at(a), at(b)) || offsets[a]! - offsets[b]! || a - b)
      const key = (i: number): string => `${Buffer.from(at(i)).toString('hex')} ${offsets[i]}`
      expect([...sortedOrder(rows, stride, digestBytes, count)].map(key)).toEqual(expected.map(key))
    }
  })
})
