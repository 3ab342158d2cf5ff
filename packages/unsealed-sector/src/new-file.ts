/**
 * A sector file that is being made. On its way from nothing to data and trailer it passes the length of a sector without a
 * trailer, which means that all of it is in use, so a mark stands at its start until it is long enough:
 *
 *     1. the mark in the first 512 bytes; sync
 *     2. the file as long as its data and an empty list, a hole; sync
 *     3. zeros over the mark; sync
 */
import type { WritableFile } from '@dagstore/io'
import { SectorError } from './errors.ts'

const MARK = new TextEncoder().encode('dagstore: this sector file is being made')
const MARKED_BYTES = 512
const EMPTY_TRAILER_BYTES = 4
const SCAN_BYTES = 1 << 20

/** How many bytes from the start of a file {@link isBeingMade} wants to see, or the whole of a shorter one. */
export const MARK_BYTES: number = MARK.byteLength

/** Whether a file starts with the mark. */
export const isBeingMade = (start: Uint8Array): boolean => start.byteLength >= MARK_BYTES && MARK.every((byte, i) => start[i] === byte)

/**
 * Make a file that is shorter than its sector, or that has the mark, a sector with nothing in use.
 *
 * @throws {SectorError} `SECTOR_TRUNCATED`: there are other bytes in it than zeros and the mark
 */
export const makeSectorFile = async (file: WritableFile, sectorBytes: number): Promise<void> => {
  const start = await file.read(0, Math.min(MARK_BYTES, file.sizeBytes))
  if (!isBeingMade(start)) {
    await checkZeros(file, sectorBytes)
    const mark = new Uint8Array(MARKED_BYTES)
    mark.set(MARK)
    await file.write(0, mark)
    await file.sync()
  }
  await file.truncate(sectorBytes + EMPTY_TRAILER_BYTES)
  await file.sync()
  await file.write(0, new Uint8Array(MARKED_BYTES))
  await file.sync()
}

/** So far only zeros, or the mark cut short. */
const checkZeros = async (file: WritableFile, sectorBytes: number): Promise<void> => {
  for (let at = 0; at < file.sizeBytes; at += SCAN_BYTES) {
    const bytes = await file.read(at, Math.min(SCAN_BYTES, file.sizeBytes - at))
    const from = at === 0 && bytes.every((byte, i) => i >= MARK_BYTES || byte === MARK[i]) ? MARK_BYTES : 0
    if (bytes.subarray(from).some((byte) => byte !== 0)) throw new SectorError('SECTOR_TRUNCATED', `file shorter than its sector; want=${sectorBytes} got=${file.sizeBytes}`, { offset: file.sizeBytes })
  }
}
