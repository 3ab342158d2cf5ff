import { varint as plainVarint } from '@dagstore-tooling/fixtures'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeVarint, encodeVarint } from '../src/index.ts'
import { varintBytes } from '../src/varint.ts'

const edges = [0, 1, 127, 128, 16383, 16384, 2 ** 21 - 1, 2 ** 21, 2 ** 28 - 1, 2 ** 28, 2 ** 35 - 1, 2 ** 35, 2 ** 42, 2 ** 49 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER]

describe('varint', () => {
  it.each(edges)('%d survives a round trip in the bytes that a plain writer makes', (value) => {
    const bytes = encodeVarint(value)
    expect(bytes).toEqual(plainVarint(value))
    expect(varintBytes(value)).toBe(bytes.byteLength)
    expect(decodeVarint(bytes)).toEqual({ value, length: bytes.byteLength })
  })

  it('reads any safe integer at any place, whatever follows (property)', () => {
    fc.assert(fc.property(fc.maxSafeNat(), fc.uint8Array(), fc.uint8Array(), (value, before, after) => {
      const bytes = Uint8Array.of(...before, ...encodeVarint(value), ...after)
      expect(decodeVarint(bytes, before.byteLength)).toEqual({ value, length: encodeVarint(value).byteLength })
    }), { seed: 1 })
  })

  it.each([
    { why: 'nothing is there', bytes: [], code: 'CARV2_TRUNCATED' },
    { why: 'it is cut', bytes: [0xff, 0xff], code: 'CARV2_TRUNCATED' },
    { why: 'zero is written with two bytes', bytes: [0x80, 0x00], code: 'CARV2_BAD_VARINT' },
    { why: 'one is written with three bytes', bytes: [0x81, 0x80, 0x00], code: 'CARV2_BAD_VARINT' },
    { why: 'it goes on behind nine bytes', bytes: [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], code: 'CARV2_BAD_VARINT' },
    { why: 'it is 2^53', bytes: [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], code: 'CARV2_BAD_VARINT' },
    { why: 'it is 2^63 - 1', bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], code: 'CARV2_BAD_VARINT' },
  ])('is refused when $why', ({ bytes, code }) => {
    expect(() => decodeVarint(Uint8Array.of(9, ...bytes), 1)).toThrow(expect.objectContaining({ code, offset: 1 }))
  })

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('does not write %d', (value) => {
    expect(() => encodeVarint(value)).toThrow(RangeError)
  })
})
