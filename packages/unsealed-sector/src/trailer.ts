/**
 * What follows the data of a sector file: which padded bytes of it are in use.
 *
 *     at              size  field
 *     sectorBytes     n     RLE+ of the ranges in use
 *     sectorBytes+n   4     n, u32 little-endian; the end of the file
 *
 * No trailer at all (a file of exactly `sectorBytes`): everything is in use.
 *
 * While our writer replaces a trailer, zeros stand behind it: see docs/formats/sector.md. A trailer that cannot be torn,
 * because it lies within one disk sector, is read in that state too.
 *
 * Source: lotus extern/sector-storage/partialfile/partialfile.go `OpenPartialFile`; c68257236 for the form without trailer.
 */
import { SectorError } from './errors.ts'
import type { SectorRange } from './range.ts'
import { decodeRlePlus, encodeRlePlus } from './rle-plus.ts'

/** Longer ones are refused; 64 GiB in pieces of 1 MiB with gaps between them need a tenth of it. */
export const MAX_TRAILER_BYTES: number = 1 << 20
/** The zeros that stand behind a trailer while it is replaced, at least. */
export const SLACK_BYTES = 8
/** What a disk writes whole or not at all; a sector's data ends on such a border. */
const ATOMIC_BYTES = 512
const LENGTH_BYTES = 4

export interface Trailer {
  readonly ranges: readonly SectorRange[]
  /**
   * `cut off`: the zeros of an update that did not end stand behind it. `blank`: nothing but zeros, more than an empty list
   * takes: an update of an empty list did not end, or a list was lost; `ranges` are then empty.
   */
  readonly state: 'whole' | 'absent' | 'cut off' | 'blank'
}

/** The trailer with its length, as it stands behind the data. */
export const encodeTrailer = (ranges: readonly SectorRange[]): Uint8Array => {
  const list = encodeRlePlus(ranges)
  const trailer = new Uint8Array(list.byteLength + LENGTH_BYTES)
  trailer.set(list)
  new DataView(trailer.buffer).setUint32(list.byteLength, list.byteLength, true)
  return trailer
}

/** @throws {SectorError} `SECTOR_BAD_TRAILER`: longer than any trailer is */
export const checkTailLength = (tailBytes: number, sectorBytes: number): void => {
  if (tailBytes <= MAX_TRAILER_BYTES + 2 * SLACK_BYTES) return
  throw new SectorError('SECTOR_BAD_TRAILER', `too much behind the data; sector=${sectorBytes} tail=${tailBytes}`, { offset: sectorBytes })
}

/**
 * Read what lies behind the data.
 *
 * @param tail - all of it, its length checked
 * @throws {SectorError} `SECTOR_BAD_TRAILER`
 */
export const decodeTail = (tail: Uint8Array, sectorBytes: number): Trailer => {
  if (tail.byteLength === 0) return { ranges: [{ start: 0, length: sectorBytes }], state: 'absent' }
  const listBytes = lengthAt(tail, tail.byteLength - LENGTH_BYTES)
  if (listBytes !== undefined && listBytes + LENGTH_BYTES === tail.byteLength) {
    return { ranges: decodeRlePlus(tail.subarray(0, listBytes), { maxEnd: sectorBytes }), state: 'whole' }
  }
  const last = tail.findLastIndex((byte) => byte !== 0)
  if (last === -1 && tail.byteLength > LENGTH_BYTES) return { ranges: [], state: 'blank' }
  const ranges = decodeCutOff(tail, last, sectorBytes)
  if (ranges !== undefined) return { ranges, state: 'cut off' }
  throw new SectorError('SECTOR_BAD_TRAILER', `trailer length disagrees with the file; tail=${tail.byteLength} trailer=${listBytes}`, { offset: sectorBytes })
}

/** A trailer with zeros behind it, short enough that it is either the old one or the new one; `last` is not zero. */
const decodeCutOff = (tail: Uint8Array, last: number, sectorBytes: number): readonly SectorRange[] | undefined => {
  for (let listBytes = last; listBytes > last - LENGTH_BYTES && listBytes > 0; listBytes--) {
    // one that reached the end of its disk sector may have lost its last bytes there
    if (listBytes + SLACK_BYTES > ATOMIC_BYTES || lengthAt(tail, listBytes) !== listBytes) continue
    return decodeRlePlus(tail.subarray(0, listBytes), { maxEnd: sectorBytes })
  }
  return undefined
}

const lengthAt = (tail: Uint8Array, at: number): number | undefined =>
  at >= 0 && at + LENGTH_BYTES <= tail.byteLength ? new DataView(tail.buffer, tail.byteOffset).getUint32(at, true) : undefined
