import fc from 'fast-check'
import { bytesToHex } from '@noble/hashes/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { padFr32, padFr32Into, unpadFr32, unpadFr32Into } from '../src/fr32.ts'
import { plainPad } from './plain.ts'

const counting = Uint8Array.from({ length: 127 }, (_, i) => i)

/** The same bytes at another address. */
const shifted = (bytes: Uint8Array, by: number): Uint8Array => {
  const room = new Uint8Array(bytes.byteLength + by)
  room.set(bytes, by)
  return room.subarray(by)
}

const chunkyBytes = fc.integer({ min: 0, max: 12 }).chain((chunks) => fc.uint8Array({ minLength: 127 * chunks, maxLength: 127 * chunks }))

describe('fr32', () => {
  it('pads the bytes 00 to 7e as Lotus does', () => {
    expect(bytesToHex(padFr32(counting))).toBe([
      '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      '8084888c9094989ca0a4a8acb0b4b8bcc0c4c8ccd0d4d8dce0e4e8ecf0f4f83c',
      '03142434445464748494a4b4c4d4e4f404152535455565758595a5b5c5d5e535',
      '175898d8185999d9195a9ada1a5b9bdb1b5c9cdc1c5d9ddd1d5e9ede1e5f9f1f',
    ].join(''))
    expect(bytesToHex(sha256(padFr32(counting)))).toBe('2d3a3726a51ee49729e39ae5a3095cb24ff3e4ec73fc696fcca19de4ab01cc0f')
  })
  it('leaves the top two bits of each word zero', () => {
    expect(bytesToHex(padFr32(new Uint8Array(127).fill(0xff)))).toBe(`${'ff'.repeat(31)}3f`.repeat(4))
  })
  it('equals the definition bit by bit, for every number of chunks and every address', () => {
    fc.assert(fc.property(chunkyBytes, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }), (input, inAt, outAt) => {
      const want = plainPad(input)
      const output = shifted(new Uint8Array(want.byteLength), outAt)
      expect(padFr32Into(shifted(input, inAt), output)).toBe(want.byteLength)
      expect(output).toEqual(want)
      const back = shifted(new Uint8Array(input.byteLength), inAt)
      expect(unpadFr32Into(shifted(want, outAt), back)).toBe(input.byteLength)
      expect(back).toEqual(input)
    }), { seed: 1, numRuns: 300 })
  })
  it('gives back what was padded, into the same memory too', () => {
    fc.assert(fc.property(chunkyBytes, fc.integer({ min: 0, max: 3 }), (input, at) => {
      expect(unpadFr32(padFr32(input))).toEqual(input)
      const inPlace = shifted(padFr32(input), at)
      unpadFr32Into(inPlace, inPlace)
      expect(inPlace.subarray(0, input.byteLength)).toEqual(input)
    }), { seed: 2, numRuns: 300 })
  })
  it('does not look at the bits that must be zero', () => {
    fc.assert(fc.property(chunkyBytes, fc.integer({ min: 0, max: 1 }), (input, at) => {
      const padded = padFr32(input)
      for (let top = 31; top < padded.byteLength; top += 32) padded[top]! |= 0xc0
      expect(unpadFr32(shifted(padded, at))).toEqual(input)
    }), { seed: 3, numRuns: 100 })
  })
  it('writes nothing behind its output', () => {
    const output = new Uint8Array(128 * 5 + 8).fill(0xaa)
    padFr32Into(new Uint8Array(127 * 5), output)
    expect(output.subarray(128 * 5)).toEqual(new Uint8Array(8).fill(0xaa))
    output.fill(0xaa)
    unpadFr32Into(new Uint8Array(128 * 5), output)
    expect(output.subarray(127 * 5)).toEqual(new Uint8Array(output.byteLength - 127 * 5).fill(0xaa))
  })
  it('refuses parts of chunks and an output that is too short', () => {
    expect(() => padFr32(new Uint8Array(128))).toThrow(RangeError)
    expect(() => unpadFr32(new Uint8Array(127))).toThrow(RangeError)
    expect(() => padFr32Into(new Uint8Array(127), new Uint8Array(127))).toThrow(RangeError)
    expect(() => unpadFr32Into(new Uint8Array(128), new Uint8Array(126))).toThrow(RangeError)
  })
  it('pads nothing to nothing', () => {
    expect(padFr32(new Uint8Array(0))).toEqual(new Uint8Array(0))
    expect(unpadFr32(new Uint8Array(0))).toEqual(new Uint8Array(0))
  })
})
