import { describe, expect, it } from 'vitest'
import { isPieceSize, MAX_PIECE_PADDED, paddedBytes, pieceBytes, unpaddedBytes } from '../src/sizes.ts'

describe('paddedBytes and unpaddedBytes', () => {
  it('convert whole chunks both ways', () => {
    for (const chunks of [0, 1, 2, 8, 1000, 2 ** 29]) {
      expect(paddedBytes(127 * chunks)).toBe(128 * chunks)
      expect(unpaddedBytes(128 * chunks)).toBe(127 * chunks)
    }
  })
  it.each([1, 126, 128, 127.5, -127, Number.NaN, 2 ** 53])('refuse %s unpadded bytes', (bytes) => {
    expect(() => paddedBytes(bytes)).toThrow(RangeError)
  })
  it.each([1, 127, 129, -128, Number.POSITIVE_INFINITY])('refuse %s padded bytes', (bytes) => {
    expect(() => unpaddedBytes(bytes)).toThrow(RangeError)
  })
})

describe('pieceBytes', () => {
  it.each([
    [1, 128], [127, 128], [128, 256], [254, 256], [255, 512], [508, 512], [509, 1024],
    [127 * 2 ** 29, MAX_PIECE_PADDED], [127 * 2 ** 28 + 1, MAX_PIECE_PADDED], [127 * 2 ** 28, MAX_PIECE_PADDED / 2],
  ])('puts a payload of %i bytes into a piece of %i', (payload, padded) => {
    expect(pieceBytes(payload)).toEqual({ padded, unpadded: padded / 128 * 127 })
  })
  it('refuses an empty payload', () => {
    expect(() => pieceBytes(0)).toThrow(expect.objectContaining({ code: 'PIECE_TOO_SMALL' }))
  })
  it('refuses a payload over 64 GiB padded, and names both sizes', () => {
    const payload = 127 * 2 ** 29 + 1
    expect(() => pieceBytes(payload)).toThrow(expect.objectContaining({ code: 'PIECE_TOO_LARGE' }))
    try {
      pieceBytes(payload)
    } catch (error) {
      expect(String(error)).toContain(String(payload))
      expect(String(error)).toContain(String(MAX_PIECE_PADDED))
    }
  })
  it.each([-1, 0.5, Number.NaN, 2 ** 53])('takes %s for no number of bytes', (bytes) => {
    expect(() => pieceBytes(bytes)).toThrow(RangeError)
  })
})

describe('isPieceSize', () => {
  it('accepts every power of two from 128 to 64 GiB and nothing else', () => {
    for (let size = 128; size <= MAX_PIECE_PADDED; size *= 2) {
      expect(isPieceSize(size)).toBe(true)
      expect(isPieceSize(size + 1)).toBe(false)
      expect(isPieceSize(size - 1)).toBe(false)
    }
    for (const size of [0, 1, 64, 384, -128, Number.NaN, 2 * MAX_PIECE_PADDED]) expect(isPieceSize(size)).toBe(false)
  })
})
