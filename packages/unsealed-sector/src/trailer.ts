/**
 * What follows the data of a sector file: which padded bytes of it are in use.
 *
 *     at              size  field
 *     sectorBytes     n     RLE+ of the ranges in use
 *     sectorBytes+n   4     n, u32 little-endian; the end of the file
 *
 * No trailer at all (a file of exactly `sectorBytes`): everything is in use.
 *
 * While our writer replaces a trailer, zeros and a record of the update stand behind it (update-record.ts): whatever a cut
 * leaves of that is read as the old trailer or as the new one. See docs/formats/sector.md.
 *
 * Source: lotus extern/sector-storage/partialfile/partialfile.go `OpenPartialFile`; c68257236 for the form without trailer.
 * Stricter: ranges are whole chunks of 128 bytes, as those of pieces are; a trailer has at most 1 MiB.
 */
import { CHUNK_PADDED } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import type { SectorRange } from './range.ts'
import { decodeRlePlus, encodeRlePlus } from './rle-plus.ts'
import { findRecord, RECORD_ALIGNMENT, startsRecord, tailBytes as withRecord } from './update-record.ts'

/** List and length; longer ones are refused. 64 GiB in pieces of 1 MiB with gaps between them need a tenth of it. */
export const MAX_TRAILER_BYTES: number = 1 << 20
/** Of the trailer of a whole sector, as many bytes as no trailer is short: see {@link opensFullTrailer}. */
export const OPENING_BYTES = 3
const LENGTH_BYTES = 4

export interface Trailer {
  readonly ranges: readonly SectorRange[]
  /**
   * `absent`: none, or the first bytes of the first one. `updating`: a replacement did not end; `ranges` are the old or the
   * new ones. `blank`: nothing but zeros, more than an empty list takes: an update of an empty list did not end, or a list
   * was lost; `ranges` are then empty.
   */
  readonly state: 'whole' | 'absent' | 'updating' | 'blank'
  /** By check sums, so that it cannot be a mixture of two. */
  readonly isChecked?: boolean
}

/** The trailer with its length, as it stands behind the data. */
export const encodeTrailer = (ranges: readonly SectorRange[]): Uint8Array => {
  const list = encodeRlePlus(ranges)
  const trailer = new Uint8Array(list.byteLength + LENGTH_BYTES)
  trailer.set(list)
  new DataView(trailer.buffer).setUint32(list.byteLength, list.byteLength, true)
  return trailer
}

/** @throws {SectorError} `SECTOR_BAD_TRAILER`: longer than a trailer and the record of its update are */
export const checkTailLength = (tailBytes: number, sectorBytes: number): void => {
  if (tailBytes <= withRecord(MAX_TRAILER_BYTES)) return
  throw new SectorError('SECTOR_BAD_TRAILER', `too much behind the data; sector=${sectorBytes} tail=${tailBytes}`, { offset: sectorBytes })
}

/**
 * Read what lies behind the data.
 *
 * @param tail - all of it, its length checked
 * @throws {SectorError} `SECTOR_BAD_TRAILER`
 */
export const decodeTail = (tail: Uint8Array, sectorBytes: number): Trailer => {
  if (opensFullTrailer(tail, sectorBytes)) return { ranges: [{ start: 0, length: sectorBytes }], state: 'absent' }
  const whole = decodeList(tail, sectorBytes)
  if (whole !== undefined) return { ranges: whole, state: 'whole' }
  const record = findRecord(tail)
  if (record !== undefined) {
    const ranges = decodeList(record.trailer, sectorBytes)
    if (ranges !== undefined) return { ranges, state: 'updating', isChecked: true }
  }
  // no record, or one that was cut off before it counted: the trailer before it is untouched
  const ends = tail.byteLength > LENGTH_BYTES ? [tail.byteLength, cutRecordAt(tail)] : []
  for (const end of ends) {
    const found = end === undefined ? undefined : decodeCutOff(tail.subarray(0, end), sectorBytes)
    if (found !== undefined) return found
  }
  throw bad(sectorBytes, `no list of ranges ends with the file; tail=${tail.byteLength} trailer=${lengthAt(tail, tail.byteLength - LENGTH_BYTES)}`)
}

/**
 * Whether these are the first bytes, not all of them, of the trailer that has the whole sector in use, of which the first
 * {@link OPENING_BYTES} may stand alone with zeros behind: what a writer leaves that was cut off while it put a trailer behind
 * a file that had none.
 */
export const opensFullTrailer = (tail: Uint8Array, sectorBytes: number): boolean => {
  if (tail.byteLength === 0) return true
  const full = encodeTrailer([{ start: 0, length: sectorBytes }])
  if (tail.byteLength > full.byteLength) return false
  const isAlike = (from: number): boolean => tail.every((byte, i) => byte === (i < from ? full[i] : 0))
  if (tail.byteLength <= OPENING_BYTES && isAlike(0)) return true
  return isAlike(OPENING_BYTES) || (tail.byteLength < full.byteLength && isAlike(tail.byteLength))
}

/** `undefined`: the length at the end is another one. */
const decodeList = (trailer: Uint8Array, sectorBytes: number): readonly SectorRange[] | undefined => {
  const listBytes = trailer.byteLength - LENGTH_BYTES
  if (lengthAt(trailer, listBytes) !== listBytes) return undefined
  if (trailer.byteLength > MAX_TRAILER_BYTES) throw bad(sectorBytes, `list of ranges is too long; max=${MAX_TRAILER_BYTES} got=${trailer.byteLength}`)
  const ranges = decodeRlePlus(trailer.subarray(0, listBytes), { maxEnd: sectorBytes })
  const broken = ranges.find(({ start, length }) => start % CHUNK_PADDED !== 0 || length % CHUNK_PADDED !== 0)
  if (broken === undefined) return ranges
  throw bad(sectorBytes, `range is not whole chunks of 128 bytes; start=${broken.start} length=${broken.length}`)
}

/** A trailer with zeros behind it. */
const decodeCutOff = (tail: Uint8Array, sectorBytes: number): Trailer | undefined => {
  const last = tail.findLastIndex((byte) => byte !== 0)
  if (last === -1) return { ranges: [], state: 'blank' }
  // the last byte that is not zero is one of the four of the length
  for (let listBytes = last; listBytes > last - LENGTH_BYTES && listBytes > 0; listBytes--) {
    if (lengthAt(tail, listBytes) !== listBytes) continue
    const ranges = decodeList(tail.subarray(0, listBytes + LENGTH_BYTES), sectorBytes)
    if (ranges !== undefined) return { ranges, state: 'updating' }
  }
  return undefined
}

/** Where a record begins of which only the first bytes are there, with the end of the file behind them. */
const cutRecordAt = (tail: Uint8Array): number | undefined => {
  const at = Math.floor((tail.byteLength - 1) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT
  return at > 0 && startsRecord(tail.subarray(at)) ? at : undefined
}

const lengthAt = (tail: Uint8Array, at: number): number | undefined =>
  at >= 0 && at + LENGTH_BYTES <= tail.byteLength ? new DataView(tail.buffer, tail.byteOffset).getUint32(at, true) : undefined

const bad = (sectorBytes: number, message: string): SectorError => new SectorError('SECTOR_BAD_TRAILER', message, { offset: sectorBytes })
