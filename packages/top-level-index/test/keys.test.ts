import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCount, encodeCount, entryKey, entryPart, runOf } from '../src/keys.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

describe('entryPart', () => {
  it.each([
    { why: 'a sha2-256: two bytes and 20 of the digest', multihash: `1220${'ab'.repeat(32)}`, part: `1220${'ab'.repeat(20)}` },
    { why: 'a blake2b-256, whose code is three bytes long', multihash: `a0e40220${'cd'.repeat(32)}`, part: `a0e40220${'cd'.repeat(20)}` },
    { why: 'a short digest, whole', multihash: '1204aabbccdd', part: '1204aabbccdd' },
    { why: 'an identity, whole', multihash: `0030${'11'.repeat(48)}`, part: `0030${'11'.repeat(48)}` },
    { why: 'a long identity, cut at 64 bytes', multihash: `0064${'11'.repeat(100)}`, part: `0064${'11'.repeat(62)}` },
    { why: 'bytes that are no multihash', multihash: 'ff'.repeat(80), part: 'ff'.repeat(40) },
    { why: 'a varint that never ends', multihash: '80', part: '80' },
  ])('keeps $why', ({ multihash, part }) => {
    expect(hex(entryPart(unhex(multihash)))).toBe(part)
  })

  it('never makes a key of one hash function the start of another', () => {
    const multihashes = fc.tuple(fc.constantFrom([0x12], [0xa0, 0xe4, 0x02], [0]), fc.uint8Array({ maxLength: 70 }))
      .map(([code, digest]) => Uint8Array.from([...code, digest.byteLength, ...digest]))
    fc.assert(fc.property(multihashes, multihashes, (one, other) => {
      const [a, b] = [hex(entryPart(one)), hex(entryPart(other))]
      expect(a.startsWith(b)).toBe(a === b)
    }), { seed: 24, numRuns: 2000 })
  })
})

describe('entryKey', () => {
  it('puts prefix, tag and run around the part, and gives the run back', () => {
    const key = entryKey(unhex('1201ff'), 0xfedcba98, unhex('2121'))
    expect(hex(key)).toBe('2121651201fffedcba98')
    expect(runOf(key)).toBe(0xfedcba98)
  })
})

describe('counts', () => {
  it('go through u64 without loss up to 2^53 - 1', () => {
    for (const count of [0, 1, 0xffffffff, 0x100000000, Number.MAX_SAFE_INTEGER]) expect(decodeCount(encodeCount(count))).toBe(count)
    expect(decodeCount(unhex('0020000000000000'))).toBeUndefined()
    expect(decodeCount(unhex('00'))).toBeUndefined()
  })
})
