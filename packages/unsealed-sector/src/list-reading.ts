/**
 * The list of ranges of a file that others may write to meanwhile.
 *
 * A source has the length that the file had when it was opened, and a list is only right together with that length; and one
 * read is not one moment. So a list counts when it is read twice alike and the file, opened anew, is as long as before; or
 * when it is in the record of an update, which has check sums. Only while the record itself is written there may be none.
 */
import { type ByteSource, type CallOptions, IoError, systemClock } from '@dagstore/io'
import { SectorError } from './errors.ts'
import { isBeingMade, MARK_BYTES } from './new-file.ts'
import type { SectorRange } from './range.ts'
import { checkSectorSize, SECTOR_SIZES } from './sector-size.ts'
import { checkTailLength, decodeTail } from './trailer.ts'

/** How often a list is read that is none; a file that is not being written gives the same one each time. */
const FAILURES = 12
/** Of those, so many come at once; then a writer gets time to sync, longer each time: 0.2 s in all. */
const AT_ONCE = 4
const LONGEST_PAUSE_MS = 48
/** How often a list is read that was another one each time: a busy writer is no reason to give up soon. */
const CHANGES = 200
/** A tail that is shorter holds no list. */
const LIST_BYTES = 4

export interface ListedSource {
  readonly source: ByteSource
  readonly sectorBytes: number
  /** Ascending, no two touching. */
  readonly ranges: readonly SectorRange[]
}

/** A new source of the same file; the caller closes it. */
export type SectorOpener = (options: CallOptions) => Promise<ByteSource>

/**
 * Read the list of a source whose bytes do not change.
 *
 * @throws {SectorError} `SECTOR_TRUNCATED`, `SECTOR_BAD_TRAILER`
 */
export const readList = async (source: ByteSource, askedSectorBytes: number | undefined, options: CallOptions): Promise<ListedSource> => {
  const sectorBytes = sectorBytesOf(source.sizeBytes, askedSectorBytes)
  return { source, sectorBytes, ranges: (await readOnce(source, sectorBytes, options)).ranges }
}

/**
 * Read the list of a file that may change. The source in the result is open, every other one closed again.
 *
 * @throws {SectorError} `SECTOR_TRUNCATED`, `SECTOR_BAD_TRAILER`: also when there was one each time
 */
export const readChangingList = async (open: SectorOpener, askedSectorBytes: number | undefined, options: CallOptions): Promise<ListedSource> => {
  let source = await open(options)
  const renew = async (): Promise<ByteSource> => {
    const [before, now] = [source, await open(options)]
    source = now
    await before.close()
    return before
  }
  try {
    for (let failures = 0, changes = 0; ;) {
      let failure: unknown
      try {
        const sectorBytes = sectorBytesOf(source.sizeBytes, askedSectorBytes)
        const first = await readOnce(source, sectorBytes, options)
        if (first.isChecked) return { source, sectorBytes, ranges: first.ranges }
        const before = await renew()
        if (before.sizeBytes === source.sizeBytes && isSameFile(before, source)) {
          const { tail, ranges } = await readOnce(source, sectorBytes, options)
          if (isEqual(first.tail, tail)) return { source, sectorBytes, ranges }
        }
      } catch (error) {
        if (!mayPass(error)) throw error
        failure = error
      }
      options.signal?.throwIfAborted()
      if (failure === undefined) {
        if (++changes === CHANGES) throw new SectorError('SECTOR_BAD_TRAILER', `list of ranges changes all the time; attempts=${changes}`)
        continue
      }
      if (++failures === FAILURES) throw failure
      if (failures > AT_ONCE) await systemClock.sleep(Math.min(LONGEST_PAUSE_MS, 2 ** (failures - AT_ONCE)), options)
      await renew()
    }
  } catch (error) {
    await source.close()
    throw error
  }
}

const readOnce = async (source: ByteSource, sectorBytes: number, { signal }: CallOptions): Promise<{ readonly tail: Uint8Array, readonly ranges: readonly SectorRange[], readonly isChecked: boolean }> => {
  const tailBytes = source.sizeBytes - sectorBytes
  checkTailLength(tailBytes, sectorBytes)
  const tail = await source.read(sectorBytes, tailBytes, { signal })
  if (tailBytes < LIST_BYTES && isBeingMade(await source.read(0, MARK_BYTES, { signal }))) {
    throw new SectorError('SECTOR_TRUNCATED', 'sector file is being made', { offset: source.sizeBytes })
  }
  const { ranges, state, isChecked = false } = decodeTail(tail, sectorBytes)
  if (state === 'blank') throw new SectorError('SECTOR_BAD_TRAILER', `nothing but zeros behind the data; tail=${tailBytes}`, { offset: sectorBytes })
  return { tail, ranges, isChecked }
}

const sectorBytesOf = (fileBytes: number, asked: number | undefined): number => {
  const sectorBytes = asked === undefined ? SECTOR_SIZES.findLast((size) => size <= fileBytes) : checkSectorSize(asked)
  if (sectorBytes !== undefined && fileBytes >= sectorBytes) return sectorBytes
  throw new SectorError('SECTOR_TRUNCATED', `file shorter than a sector; want=${sectorBytes ?? SECTOR_SIZES[0]} got=${fileBytes}`, { offset: fileBytes })
}

/** Errors of a file that somebody writes to at this moment. */
const mayPass = (error: unknown): boolean =>
  error instanceof SectorError || (error instanceof IoError && (error.code === 'IO_TRUNCATED' || error.code === 'IO_SOURCE_CHANGED'))

const isSameFile = ({ identity: a }: ByteSource, { identity: b }: ByteSource): boolean => a.kind !== 'file' || b.kind !== 'file' || a.inode === b.inode

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
