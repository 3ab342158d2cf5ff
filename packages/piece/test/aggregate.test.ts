import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { bytesToHex } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { aggregatePieces, type PieceInfo } from '../src/aggregate.ts'
import { createCommP } from '../src/node-commp.ts'
import { MAX_PIECE_PADDED } from '../src/sizes.ts'
import { zeroNode } from '../src/zero-nodes.ts'
import { plainCommitment } from './plain.ts'

const pieceOf = (payload: Uint8Array): PieceInfo => {
  const commp = createCommP()
  commp.write(payload)
  return commp.finish()
}

/** The payload of a sector: pieces at their offsets, zeros elsewhere. */
const sectorOf = (payloads: readonly Uint8Array[], offsets: readonly number[], padded: number): Uint8Array => {
  const sector = new Uint8Array(padded / 128 * 127)
  for (const [i, payload] of payloads.entries()) sector.set(payload, offsets[i]! / 128 * 127)
  return sector
}

describe('aggregatePieces', () => {
  it('equals the commitment of all bytes of the sector', () => {
    const random = seededRandom('sectors')
    for (let run = 0; run < 25; run++) {
      const payloads = Array.from({ length: 1 + random.int(6) }, (_, i) => seededBytes(100 * run + i, 1 + random.int(127 * 2 ** random.int(7))))
      const pieces = payloads.map(pieceOf)
      const whole = aggregatePieces(pieces)
      const { root, padded } = plainCommitment(sectorOf(payloads, whole.offsets, whole.paddedBytes))
      expect({ ...whole, commitment: bytesToHex(whole.commitment) }).toEqual({ commitment: bytesToHex(root), paddedBytes: padded, offsets: whole.offsets })
      const sector = aggregatePieces(pieces, 4 * whole.paddedBytes)
      expect(bytesToHex(sector.commitment)).toBe(bytesToHex(plainCommitment(sectorOf(payloads, whole.offsets, 4 * whole.paddedBytes)).root))
      expect(sector.offsets).toEqual(whole.offsets)
    }
  })
  it('puts each piece at a multiple of its own size, and fills gaps with zeros', () => {
    const small = pieceOf(Uint8Array.of(1))
    const middle = pieceOf(new Uint8Array(400).fill(2))
    expect(aggregatePieces([small, middle, small])).toMatchObject({ offsets: [0, 512, 1024], paddedBytes: 2048 })
    expect(aggregatePieces([middle, small, small])).toMatchObject({ offsets: [0, 512, 640], paddedBytes: 1024 })
  })
  it('is the piece itself when it is alone, and its padding when the sector is larger', () => {
    const piece = pieceOf(seededBytes(4, 127))
    expect(aggregatePieces([piece]).commitment).toEqual(piece.commitment)
    expect(aggregatePieces([piece], 256).commitment).not.toEqual(piece.commitment)
  })
  it('makes the same of pieces as of their aggregates', () => {
    const pieces = [1, 2, 3, 4].map((seed) => pieceOf(seededBytes(seed, 500)))
    const halves = [aggregatePieces(pieces.slice(0, 2)), aggregatePieces(pieces.slice(2))]
    expect(aggregatePieces(halves).commitment).toEqual(aggregatePieces(pieces).commitment)
  })
  it('takes no piece at all for a sector that is told its size', () => {
    expect(aggregatePieces([], 2048)).toEqual({ commitment: zeroNode(6), paddedBytes: 2048, offsets: [] })
    expect(() => aggregatePieces([])).toThrow(expect.objectContaining({ code: 'PIECE_TOO_SMALL' }))
  })
  it('fills the largest sector, and refuses what does not fit', () => {
    const half: PieceInfo = { commitment: zeroNode(30), paddedBytes: MAX_PIECE_PADDED / 2 }
    const small = pieceOf(Uint8Array.of(1))
    expect(aggregatePieces([half, half])).toMatchObject({ commitment: zeroNode(31), paddedBytes: MAX_PIECE_PADDED })
    const tooLarge = expect.objectContaining({ code: 'PIECE_TOO_LARGE' }) as Error
    expect(() => aggregatePieces([half, half, small])).toThrow(tooLarge)
    expect(() => aggregatePieces([small, half, half])).toThrow(tooLarge)
    expect(() => aggregatePieces([small, small, small], 256)).toThrow(tooLarge)
  })
  it.each([0, 100, 64, 192, 2 * MAX_PIECE_PADDED, Number.NaN])('refuses a size of %s', (size) => {
    expect(() => aggregatePieces([{ commitment: new Uint8Array(32), paddedBytes: size }])).toThrow(RangeError)
    expect(() => aggregatePieces([], size)).toThrow(RangeError)
  })
  it('refuses what is no commitment', () => {
    expect(() => aggregatePieces([{ commitment: new Uint8Array(31), paddedBytes: 128 }])).toThrow(RangeError)
  })
})
