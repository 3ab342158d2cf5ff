/**
 * Replaces the trailer of a sector file so that a cut at any moment leaves the old one, the new one, or a file that no
 * reader takes for either:
 *
 *     1. grow the file: zeros behind the old trailer, at least 8 more than either trailer needs; sync
 *     2. write the new trailer over the old one, and zeros over what is left of that; sync
 *     3. cut the file behind the new trailer; sync
 *
 * Between 1 and 3 the file ends in zeros, which is the length of no trailer that would fit. A trailer within one disk
 * sector of 512 bytes is old or new even then, so both the next writer and our reader take it up; of an empty list only
 * zeros are left, which only the writer takes for one. A longer one may be a mixture: the next writer needs the ranges from
 * its caller.
 */
import type { WritableFile } from '@dagstore/io'
import { SectorError } from './errors.ts'
import { joinRanges, type SectorRange } from './range.ts'
import { checkTailLength, decodeTail, encodeTrailer, MAX_TRAILER_BYTES, SLACK_BYTES, type Trailer } from './trailer.ts'

const SCAN_BYTES = 1 << 20

export interface TrailerWriter {
  /** As the trailer says, or said before an update that failed. */
  readonly ranges: readonly SectorRange[]
  /** Durable on return. A failed call may be repeated. */
  replace(ranges: readonly SectorRange[]): Promise<void>
}

/**
 * @param repair - ranges in use, for a trailer that was torn or is blank
 * @throws {SectorError} `SECTOR_TRUNCATED`, `SECTOR_BAD_TRAILER`
 */
export const createTrailerWriter = async (file: WritableFile, sectorBytes: number, repair: readonly SectorRange[] | undefined): Promise<TrailerWriter> => {
  const trailer = await findTrailer(file, sectorBytes, repair)
  let ranges = trailer.ranges
  const replace = async (next: readonly SectorRange[]): Promise<void> => {
    const bytes = encodeTrailer(next)
    if (bytes.byteLength > MAX_TRAILER_BYTES) throw new SectorError('SECTOR_TOO_SMALL', `too many ranges for a trailer; trailer=${bytes.byteLength} max=${MAX_TRAILER_BYTES}`)
    const oldBytes = file.sizeBytes - sectorBytes
    await file.truncate(sectorBytes + Math.max(oldBytes, bytes.byteLength) + SLACK_BYTES)
    await file.sync()
    const over = new Uint8Array(Math.max(oldBytes, bytes.byteLength))
    over.set(bytes)
    await file.write(sectorBytes, over)
    await file.sync()
    await file.truncate(sectorBytes + bytes.byteLength)
    await file.sync()
    ranges = next
  }
  if (trailer.state === 'cut off' || trailer.state === 'blank') await replace(ranges)
  return { get ranges () { return ranges }, replace }
}

const findTrailer = async (file: WritableFile, sectorBytes: number, repair: readonly SectorRange[] | undefined): Promise<Trailer> => {
  const tailBytes = file.sizeBytes - sectorBytes
  if (tailBytes < 0) return findNothing(file, sectorBytes)
  checkTailLength(tailBytes, sectorBytes)
  const tail = await file.read(sectorBytes, tailBytes)
  let found: Trailer | undefined
  try {
    found = decodeTail(tail, sectorBytes)
  } catch (error) {
    if (repair === undefined || !(error instanceof SectorError) || error.code !== 'SECTOR_BAD_TRAILER') throw error
  }
  if (found !== undefined && (found.state !== 'blank' || repair === undefined)) return found
  const ranges = joinRanges(repair ?? [])
  const last = ranges.at(-1)
  if (last !== undefined && last.start + last.length > sectorBytes) throw new RangeError(`repair beyond the sector; sector=${sectorBytes}`)
  return { ranges, state: 'cut off' }
}

/** A file that was just made, or whose making a crash cut off: so far only zeros. */
const findNothing = async (file: WritableFile, sectorBytes: number): Promise<Trailer> => {
  for (let at = 0; at < file.sizeBytes; at += SCAN_BYTES) {
    const bytes = await file.read(at, Math.min(SCAN_BYTES, file.sizeBytes - at))
    if (bytes.some((byte) => byte !== 0)) throw new SectorError('SECTOR_TRUNCATED', `file shorter than its sector; want=${sectorBytes} got=${file.sizeBytes}`, { offset: file.sizeBytes })
  }
  await file.truncate(sectorBytes + encodeTrailer([]).byteLength)
  await file.sync()
  return { ranges: [], state: 'whole' }
}
