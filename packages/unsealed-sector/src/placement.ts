/**
 * Where a new piece goes. A piece starts at a multiple of its own padded size, in the first sector with room for it.
 *
 * Source: lotus extern/storage-sealing `GetRequiredPadding`, for the alignment. Looser: gaps that alignment left are used
 * by later pieces, since these sectors are not sealed.
 */
import { isPieceSize, MAX_PIECE_PADDED } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import { touches } from './range.ts'
import { SECTOR_SIZES } from './sector-size.ts'

export interface PlacedSector<N extends number | bigint = number> {
  readonly number: N
  /** Padded. */
  readonly sectorBytes: number
  /** What is in it, in padded bytes, in any order. */
  readonly pieces: readonly { readonly offset: number, readonly length: number }[]
}

export interface Placement<N extends number | bigint = number> {
  /** The number of a sector that was given, or `new`: make one. */
  readonly sector: N | 'new'
  readonly sectorBytes: number
  /** Padded; 0 in a new sector. */
  readonly offset: number
}

/**
 * The first free and aligned place in the sectors as they are given, else a new sector of the smallest size that holds
 * the piece.
 *
 * @param paddedBytes - padded size of the piece
 * @throws {SectorError} `SECTOR_TOO_SMALL`: larger than any sector
 * @throws {RangeError} not the size of a piece
 */
export const planPlacement = <N extends number | bigint>(sectors: readonly PlacedSector<N>[], paddedBytes: number): Placement<N> => {
  const smallest = SECTOR_SIZES.find((size) => size >= paddedBytes)
  if (paddedBytes > MAX_PIECE_PADDED) throw new SectorError('SECTOR_TOO_SMALL', `no sector holds such a piece; padded=${paddedBytes} max=${MAX_PIECE_PADDED}`)
  if (smallest === undefined || !isPieceSize(paddedBytes)) throw new RangeError(`not the size of a piece; padded=${paddedBytes}`)
  for (const sector of sectors) {
    const offset = freeOffset(sector, paddedBytes)
    if (offset !== undefined) return { sector: sector.number, sectorBytes: sector.sectorBytes, offset }
  }
  return { sector: 'new', sectorBytes: smallest, offset: 0 }
}

const freeOffset = ({ sectorBytes, pieces }: PlacedSector<number | bigint>, size: number): number | undefined => {
  const taken = pieces.map(({ offset, length }) => ({ start: offset, length }))
  // the first free place starts at 0 or at the first aligned byte behind some piece
  const starts = [0, ...taken.map(({ start, length }) => Math.ceil((start + length) / size) * size)].sort((a, b) => a - b)
  return starts.find((start) => start + size <= sectorBytes && !touches(taken, start, size))
}
