/**
 * Replaces the trailer of a sector file so that a cut at any moment leaves the old one or the new one to be read:
 *
 *     1. write the record of the update behind the old trailer, its head first when it has a body; sync after each
 *     2. write the new trailer over the old one, and zeros over what is left of that; sync
 *     3. cut the file behind the head of the record, when it has a body; sync
 *     4. cut the file behind the new trailer; sync
 *
 * Between 1 and 4 the file ends in zeros, which is the length of no trailer that would fit: Lotus refuses it, we read it.
 * A file without a trailer first gets one that has everything in use: three bytes of it, sync, all of it, sync.
 */
import type { WritableFile } from '@dagstore/io'
import { SectorError } from './errors.ts'
import { isBeingMade, makeSectorFile, MARK_BYTES } from './new-file.ts'
import { joinRanges, type SectorRange } from './range.ts'
import { checkTailLength, decodeTail, encodeTrailer, MAX_TRAILER_BYTES, OPENING_BYTES, type Trailer } from './trailer.ts'
import { aligned, encodeRecord, findRecord, RECORD_ALIGNMENT } from './update-record.ts'

/** Of no version of RLE+, and of no length. */
const UNREADABLE = 0xff

export interface TrailerWriter {
  /** As the trailer says, or said before an update that failed. */
  readonly ranges: readonly SectorRange[]
  /** Durable on return. A failed call may be repeated. @throws {SectorError} `SECTOR_TOO_SMALL`: the list is too long */
  replace(ranges: readonly SectorRange[]): Promise<void>
  /** After an update that failed: once more the file says `ranges`, before anything is written that they do not name. */
  goOn(): Promise<void>
}

/**
 * Finishes or undoes what was cut off.
 *
 * @param repair - ranges in use, inside the sector, for a trailer that is damaged or blank
 * @throws {SectorError} `SECTOR_TRUNCATED`, `SECTOR_BAD_TRAILER`
 */
export const createTrailerWriter = async (file: WritableFile, sectorBytes: number, repair: readonly SectorRange[] | undefined): Promise<TrailerWriter> => {
  const known = repair === undefined ? undefined : joinRanges(repair)
  if (await isUnfinished(file, sectorBytes)) await makeSectorFile(file, sectorBytes)
  const tail = await readTail(file, sectorBytes)
  const found = readTrailer(tail, sectorBytes, known)
  const writer = new FileTrailerWriter(file, sectorBytes, found?.ranges ?? known ?? [], found?.state !== 'absent')
  if (found === undefined) await writer.repair()
  else if (found.state === 'absent' ? tail.byteLength > 0 : found.state !== 'whole') await writer.settle()
  return writer
}

class FileTrailerWriter implements TrailerWriter {
  readonly #file: WritableFile
  readonly #sectorBytes: number
  #ranges: readonly SectorRange[]
  #hasTrailer: boolean
  /** Something of an update that failed stands in the file. */
  #isUnsettled = false

  constructor (file: WritableFile, sectorBytes: number, ranges: readonly SectorRange[], hasTrailer: boolean) {
    this.#file = file
    this.#sectorBytes = sectorBytes
    this.#ranges = ranges
    this.#hasTrailer = hasTrailer
  }

  get ranges (): readonly SectorRange[] {
    return this.#ranges
  }

  async replace (ranges: readonly SectorRange[]): Promise<void> {
    const next = encodeTrailer(ranges)
    if (next.byteLength > MAX_TRAILER_BYTES) throw new SectorError('SECTOR_TOO_SMALL', `too many ranges for a trailer; trailer=${next.byteLength} max=${MAX_TRAILER_BYTES}`)
    await this.goOn()
    this.#isUnsettled = true
    if (!this.#hasTrailer) await this.#putFirst()
    await this.#update(next)
    this.#isUnsettled = false
    this.#ranges = ranges
  }

  async goOn (): Promise<void> {
    if (!this.#isUnsettled) return
    await this.settle()
    this.#isUnsettled = false
  }

  /** Make what the file says the ranges at hand, after an update that did not end. */
  async settle (): Promise<void> {
    if (!this.#hasTrailer) {
      await this.#file.truncate(this.#sectorBytes)
      await this.#file.sync()
      return
    }
    const wanted = encodeTrailer(this.#ranges)
    // what can be read need not be on the disk yet: a sync may be what failed, or what a process that ended did not come to
    await this.#file.sync()
    const tail = await readTail(this.#file, this.#sectorBytes)
    const record = findRecord(tail)
    // a record may have the only whole copy of the trailer in it, and only as long as no third one is written in front of it
    if (record !== undefined) await this.#putOver(record.trailer, record.at)
    if (!startsWith(record?.trailer ?? tail, wanted)) await this.#update(wanted)
    else if (record === undefined) await this.#putOver(wanted, undefined)
  }

  /** Replace what is damaged: made unreadable first, so that no part of it is taken for anything beside parts of the new one. */
  async repair (): Promise<void> {
    await this.#file.write(this.#sectorBytes, new Uint8Array(RECORD_ALIGNMENT).fill(UNREADABLE))
    await this.#file.sync()
    await this.#file.truncate(this.#sectorBytes + RECORD_ALIGNMENT)
    await this.#file.sync()
    await this.#update(encodeTrailer(this.#ranges))
  }

  async #putFirst (): Promise<void> {
    const full = encodeTrailer([{ start: 0, length: this.#sectorBytes }])
    for (const part of [full.subarray(0, OPENING_BYTES), full]) {
      await this.#file.write(this.#sectorBytes, part)
      await this.#file.sync()
    }
    this.#hasTrailer = true
  }

  async #update (next: Uint8Array): Promise<void> {
    const old = await readTail(this.#file, this.#sectorBytes)
    const recordAt = aligned(Math.max(old.byteLength, next.byteLength))
    let at = recordAt
    for (const part of encodeRecord(old, next)) {
      await this.#file.write(this.#sectorBytes + at, part)
      await this.#file.sync()
      at += part.byteLength
    }
    await this.#putOver(next, recordAt)
  }

  /** @param recordAt - of a record that counts, from the end of the data */
  async #putOver (next: Uint8Array, recordAt: number | undefined): Promise<void> {
    const over = new Uint8Array(recordAt ?? next.byteLength)
    over.set(next)
    await this.#file.write(this.#sectorBytes, over)
    await this.#file.sync()
    if (recordAt !== undefined) await this.#cutTo(recordAt + RECORD_ALIGNMENT)
    await this.#cutTo(next.byteLength)
  }

  async #cutTo (tailBytes: number): Promise<void> {
    const sizeBytes = this.#sectorBytes + tailBytes
    if (sizeBytes === this.#file.sizeBytes) return
    await this.#file.truncate(sizeBytes)
    await this.#file.sync()
  }
}

const readTail = (file: WritableFile, sectorBytes: number): Promise<Uint8Array> => file.read(sectorBytes, file.sizeBytes - sectorBytes)

const startsWith = (bytes: Uint8Array, start: Uint8Array): boolean => start.every((byte, i) => byte === bytes[i])

/** Shorter than its data and a length, or with the mark of a file that is being made. */
const isUnfinished = async (file: WritableFile, sectorBytes: number): Promise<boolean> => {
  const tailBytes = file.sizeBytes - sectorBytes
  if (tailBytes < 0) return true
  checkTailLength(tailBytes, sectorBytes)
  // before a file is made it has no list, afterwards an empty one
  if (tailBytes > 4) return false
  return isBeingMade(await file.read(0, MARK_BYTES))
}

/** `undefined`: damaged, or nothing but zeros, and the owner knows better. */
const readTrailer = (tail: Uint8Array, sectorBytes: number, known: readonly SectorRange[] | undefined): Trailer | undefined => {
  try {
    const found = decodeTail(tail, sectorBytes)
    return found.state === 'blank' && known !== undefined ? undefined : found
  } catch (error) {
    if (known === undefined || !(error instanceof SectorError) || error.code !== 'SECTOR_BAD_TRAILER') throw error
    return undefined
  }
}
