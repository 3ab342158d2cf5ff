import { createBytesSource } from '@dagstore/io'
import { seededBytes } from '@dagstore-tooling/fixtures'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { padFr32 } from '../src/fr32.ts'
import { paddedRange, readUnpadded, unpaddedRange } from '../src/fr32-range.ts'
import { createPieceEngine } from '../src/node-engine.ts'

describe('paddedRange', () => {
  it.each([
    { start: 0, end: 1, want: { start: 0, end: 128, skip: 0 } },
    { start: 0, end: 127, want: { start: 0, end: 128, skip: 0 } },
    { start: 126, end: 128, want: { start: 0, end: 256, skip: 126 } },
    { start: 127, end: 128, want: { start: 128, end: 256, skip: 0 } },
    { start: 300, end: 300, want: { start: 256, end: 256, skip: 46 } },
    { start: 127 * 2 ** 29 - 1, end: 127 * 2 ** 29, want: { start: 2 ** 36 - 128, end: 2 ** 36, skip: 126 } },
  ])('holds the payload from $start to $end', ({ start, end, want }) => {
    expect(paddedRange(start, end)).toEqual(want)
  })
  it.each([[-1, 1], [2, 1], [0.5, 1], [0, 1.5], [0, Number.NaN], [0, 2 ** 53], [Number.NaN, 1], [0, Number.POSITIVE_INFINITY]])('refuses %s to %s', (start, end) => {
    expect(() => paddedRange(start, end)).toThrow(RangeError)
  })
})

describe('unpaddedRange', () => {
  it('is the way back', () => {
    expect(unpaddedRange(128, 512)).toEqual({ start: 127, end: 508 })
    expect(unpaddedRange(256, 256)).toEqual({ start: 254, end: 254 })
    fc.assert(fc.property(fc.nat(2 ** 40), fc.nat(2 ** 30), (start, length) => {
      const range = paddedRange(start, start + length)
      const back = unpaddedRange(range.start, range.end)
      expect(back.start + range.skip).toBe(start)
      if (length > 0) expect(back.end).toBeGreaterThanOrEqual(start + length)
      expect(range.end - range.start).toBeLessThan(length / 127 * 128 + 256)
    }), { seed: 1 })
  })
  it.each([[1, 128], [0, 127], [256, 128], [-128, 0], [0, Number.NaN]])('refuses %s to %s', (start, end) => {
    expect(() => unpaddedRange(start, end)).toThrow(RangeError)
  })
})

describe('readUnpadded', () => {
  const payload = seededBytes(5, 127 * 20)
  const before = 256
  const source = createBytesSource(new Uint8Array([...new Uint8Array(before).fill(0xee), ...padFr32(payload)]))

  it('reads any range of a piece that stands anywhere in its source', async () => {
    const engine = createPieceEngine()
    await fc.assert(fc.asyncProperty(fc.nat(payload.byteLength), fc.nat(payload.byteLength), fc.boolean(), async (a, b, fast) => {
      const [from, to] = a < b ? [a, b] : [b, a]
      const got = await readUnpadded(source, from, to - from, { pieceOffset: before, engine: fast ? engine : undefined })
      expect(got).toEqual(payload.subarray(from, to))
    }), { seed: 1, numRuns: 200 })
  })
  it('refuses what lies behind the source, before it reads', async () => {
    const outOfRange = { code: 'IO_OUT_OF_RANGE' }
    await expect(readUnpadded(source, payload.byteLength, 1, { pieceOffset: before })).rejects.toMatchObject(outOfRange)
    await expect(readUnpadded(source, 0, 2 ** 50, { pieceOffset: before })).rejects.toMatchObject(outOfRange)
    await expect(readUnpadded(source, -1, 1)).rejects.toBeInstanceOf(RangeError)
    await expect(readUnpadded(source, 0, -1)).rejects.toBeInstanceOf(RangeError)
  })
  it('rejects with the reason of an abort', async () => {
    const reason = new Error('enough')
    await expect(readUnpadded(source, 0, 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
