import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partOf } from '../../src/http/range.ts'

describe('partOf', () => {
  it.each([
    { range: 'bytes=0-0', part: { from: 0, to: 0 } },
    { range: 'bytes=6-16', part: { from: 6, to: 16 } },
    { range: 'bytes=6-', part: { from: 6, to: 30 } },
    { range: 'bytes=6-99', part: { from: 6, to: 30 } },
    { range: 'bytes=-1', part: { from: 30, to: 30 } },
    { range: 'bytes=-99', part: { from: 0, to: 30 } },
    { range: 'Bytes = , 1 - 2 ,', part: { from: 1, to: 2 } },
    { range: 'bytes=30-99999999999999999999', part: { from: 30, to: 30 } },
  ])('cuts $range of 31 bytes', ({ range, part }) => {
    expect(partOf(range, 31)).toEqual(part)
  })

  it.each(['bytes=31-', 'bytes=31-40', 'bytes=-0', 'bytes=99999999999999999999-'])('finds no byte of 31 in %s', (range) => {
    expect(partOf(range, 31)).toBe('outside')
  })

  it.each(['bytes=0-4,6-16', 'bytes=2-1', 'bytes=a-b', 'bytes=-', 'bytes=', 'bytes', '', 'items=0-1', 'bytes=0x1-2', 'bytes=1.5-2'])('takes %j for the whole', (range) => {
    expect(partOf(range, 31)).toBeUndefined()
  })

  // in a time that grew with the square of their length these would run into that of a test
  it.each([`bytes=1-${' '.repeat(100_000)}x`, `bytes=1-${' '.repeat(50_000)}2${' '.repeat(50_000)}x`, `bytes=-${' '.repeat(100_000)}x`, `bytes${' '.repeat(100_000)}x`])('is not held up by what nearly is one (case %#)', (range) => {
    expect(partOf(range, 31)).toBeUndefined()
  })

  it('finds no byte of nothing', () => {
    expect(partOf('bytes=0-', 0)).toBe('outside')
    expect(partOf('bytes=-5', 0)).toBe('outside')
  })

  it('stays inside, whatever is asked', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.tuple(fc.bigInt({ min: -10n, max: 10n ** 21n }), fc.bigInt({ min: -10n, max: 10n ** 21n })).map(([a, b]) => `bytes=${a}-${b}`)), fc.nat(100), (range, size) => {
      const part = partOf(range, size)
      if (typeof part === 'object') expect(0 <= part.from && part.from <= part.to && part.to < size).toBe(true)
    }), { seed: 7 })
  })
})
