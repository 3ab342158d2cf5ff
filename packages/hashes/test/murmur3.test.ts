import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { murmur3Into } from '../src/murmur3.ts'

const hashOf = (bytes: Uint8Array): string => {
  const out = new Uint32Array(4)
  murmur3Into(bytes, out, 1)
  expect([out[0], out[3]]).toEqual([0, 0])
  return [out[1]!, out[2]!].map((half) => half.toString(16).padStart(8, '0')).join('')
}

/** The reference implementation with numbers of any size. */
const plain = (bytes: Uint8Array): string => {
  const u64 = (value: bigint): bigint => BigInt.asUintN(64, value)
  const rotate = (value: bigint, by: bigint): bigint => u64(value << by) | u64(value) >> (64n - by)
  const [c1, c2] = [0x87c37b91114253d5n, 0x4cf5ad432745937fn]
  const first = (k: bigint): bigint => u64(rotate(u64(k * c1), 31n) * c2)
  const second = (k: bigint): bigint => u64(rotate(u64(k * c2), 33n) * c1)
  const finish = (value: bigint): bigint => {
    let h = value
    for (const factor of [0xff51afd7ed558ccdn, 0xc4ceb9fe1a85ec53n]) h = u64((h ^ h >> 33n) * factor)
    return h ^ h >> 33n
  }
  const padded = Buffer.alloc(Math.floor(bytes.byteLength / 16) * 16 + 16)
  padded.set(bytes)
  let [h1, h2] = [0n, 0n]
  for (let at = 0; at < padded.byteLength; at += 16) {
    const isLast = at + 16 === padded.byteLength
    h1 ^= first(padded.readBigUInt64LE(at))
    if (!isLast) h1 = u64(u64(rotate(h1, 27n) + h2) * 5n + 0x52dce729n)
    h2 ^= second(padded.readBigUInt64LE(at + 8))
    if (!isLast) h2 = u64(u64(rotate(h2, 31n) + h1) * 5n + 0x38495ab5n)
  }
  const length = BigInt(bytes.byteLength)
  h1 = u64((h1 ^ length) + (h2 ^ length))
  h2 = u64((h2 ^ length) + h1)
  return u64(finish(h1) + finish(h2)).toString(16).padStart(16, '0')
}

describe('murmur3', () => {
  // computed with the reference implementation (smhasher), seed 0, first eight bytes big-endian of the first word
  it.each([
    ['', '0000000000000000'],
    ['hello', 'cbd8a7b341bd9b02'],
    ['hello, world', '342fac623a5ebc8e'],
    ['The quick brown fox jumps over the lazy dog.', 'cd99481f9ee902c9'],
  ])('of %j', (text, hash) => {
    expect(hashOf(new TextEncoder().encode(text))).toBe(hash)
  })

  // written by spaolacci/murmur3 1.1.0 `Sum64`, which boxo uses
  it.each([
    ['', 0n], ['a', 0x85555565f6597889n], ['beep boop', 0xacfe9c5bbf88f075n], ['fifteen letters', 0xfbc30219f974cdaan], ['sixteen letters!', 0x0eafa617026b6a62n],
    ['seventeen letters', 0x5fe570cc0f2090efn], ['ünïcode \u2603 of more than two blocks in all', 0x8efb296a80c38c62n], ['x'.repeat(255), 0xd1a161d018039a7en],
  ])('of %j, as Go has it', (words, hash) => {
    expect(BigInt(`0x${hashOf(new TextEncoder().encode(words))}`)).toBe(hash)
  })

  it('is that of numbers of any size, for bytes of every length', () => {
    const random = seededRandom('murmur3')
    for (let length = 0; length < 400; length++) {
      const bytes = random.pick([() => random.bytes(length), () => new Uint8Array(length).fill(0xff), () => new Uint8Array(length)])()
      expect(hashOf(bytes)).toBe(plain(bytes))
    }
  })
})
