import { plainRlePlus } from '@dagstore-tooling/fixtures'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SectorRange } from '../src/range.ts'
import { decodeRlePlus, encodeRlePlus } from '../src/rle-plus.ts'

const KIB = 1024
const GIB = 2 ** 30
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

/** Ascending ranges that do not touch, of lengths that use all three forms. */
const someRanges = fc.array(fc.tuple(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 36 })), fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 36 }))), { maxLength: 30 })
  .chain((runs) => fc.boolean().map((atZero): SectorRange[] => {
    let at = 0
    return runs.map(([gap, length], i) => {
      const start = at + (i === 0 && atZero ? 0 : gap)
      at = start + length
      return { start, length }
    })
  }))

describe('RLE+', () => {
  it.each([
    { about: 'nothing', ranges: [], text: '' },
    { about: 'a full sector of 2 KiB', ranges: [[0, 2 * KIB]], text: '041002' },
    { about: 'its first half', ranges: [[0, KIB]], text: '041001' },
    { about: 'its second half', ranges: [[KIB, KIB]], text: '0010014004' },
    { about: 'a full sector of 32 GiB', ranges: [[0, 32 * GIB]], text: '041010101030' },
    { about: '8 GiB at 8 GiB', ranges: [[8 * GIB, 8 * GIB]], text: '0010101010044040404010' },
    { about: 'runs of every form', ranges: [[0, 1], [2, 1], [4, 3], [11, 17]], text: '7c472202' },
  ])('writes $about as Lotus does', ({ ranges, text }) => {
    const listed = ranges.map(([start = 0, length = 0]) => ({ start, length }))
    expect(hex(encodeRlePlus(listed))).toBe(text)
    expect(decodeRlePlus(bytes(text))).toEqual(listed)
  })
  it('equals an encoder made bit by bit from the definition, and is read back', () => {
    fc.assert(fc.property(someRanges, (ranges) => {
      const encoded = encodeRlePlus(ranges)
      expect(hex(encoded)).toBe(hex(plainRlePlus(ranges)))
      expect(decodeRlePlus(encoded)).toEqual(ranges)
    }), { seed: 1, numRuns: 500 })
  })
  it('has one form for a set, whatever order and cuts its ranges come in', () => {
    expect(hex(encodeRlePlus([{ start: 1536, length: 512 }, { start: 0, length: 1024 }, { start: 1024, length: 512 }]))).toBe('041002')
  })
  it('refuses ranges that overlap or are none', () => {
    expect(() => encodeRlePlus([{ start: 0, length: 10 }, { start: 9, length: 10 }])).toThrow(RangeError)
    expect(() => encodeRlePlus([{ start: 0, length: 0 }])).toThrow(RangeError)
    expect(() => encodeRlePlus([{ start: -1, length: 1 }])).toThrow(RangeError)
    expect(() => encodeRlePlus([{ start: 2 ** 53, length: 1 }])).toThrow(RangeError)
  })
  it('reads a last run of unset bits, and a head without runs', () => {
    // 1, 1: one set bit, then one unset
    expect(decodeRlePlus(Uint8Array.of(0b11100))).toEqual([{ start: 0, length: 1 }])
    expect(decodeRlePlus(Uint8Array.of(0b100))).toEqual([])
  })
  it.each([
    { why: 'another version', text: '01' },
    { why: 'the highest version', text: '07' },
    { why: 'a zero byte at the end', text: '04100200' },
    { why: 'nothing but a zero byte', text: '00' },
    // 00 0, 01 0000, 1: then a run of one set bit
    { why: 'a short run of length 0', text: '1002' },
    // 00 0, 00 00000000, 1
    { why: 'a long run of length 0', text: '0020' },
    { why: 'a varint without end', text: `e0${'ff'.repeat(12)}` },
    { why: 'runs beyond a limit above 2^32', text: hex(encodeRlePlus([{ start: 0, length: 2 ** 52 }])) },
  ])('is refused with $why', ({ why, text }) => {
    const limits = why.startsWith('runs beyond') ? { maxEnd: 2 ** 52 - 1 } : {}
    expect(() => decodeRlePlus(bytes(text), limits)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
  })
  it('is refused when its runs end beyond the sector', () => {
    expect(decodeRlePlus(bytes('041002'), { maxEnd: 2048 })).toHaveLength(1)
    expect(() => decodeRlePlus(bytes('041002'), { maxEnd: 2047 })).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
    expect(() => decodeRlePlus(bytes('0010014004'), { maxEnd: 2047 })).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
  })
  it('is refused with more ranges than the limit, before they are kept', () => {
    const ones = new Uint8Array(1 << 20).fill(0xff)
    ones[0] = 0xfc
    expect(() => decodeRlePlus(ones, { maxRanges: 1000 })).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
    expect(() => decodeRlePlus(ones)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
  })
  it('never gives anything but ranges or a refusal for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (input) => {
      let ranges: SectorRange[]
      try {
        ranges = decodeRlePlus(input, { maxEnd: 2 ** 36 })
      } catch (error) {
        expect(error).toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
        return
      }
      let at = -1
      for (const { start, length } of ranges) {
        expect(start).toBeGreaterThan(at)
        expect(length).toBeGreaterThan(0)
        at = start + length
      }
      expect(at).toBeLessThanOrEqual(2 ** 36)
    }), { seed: 2, numRuns: 3000 })
  })
})
