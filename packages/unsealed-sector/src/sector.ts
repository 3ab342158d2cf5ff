/// <reference lib="esnext.disposable" preserve="true" />
/** An unsealed sector file, opened to read the pieces in it; nothing is ever written. */
import type { ByteSource, CallOptions } from '@dagstore/io'
import { CHUNK_PADDED } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import { createPieceSource, type PieceSourceOptions } from './piece-source.ts'
import { covers, type SectorRange } from './range.ts'
import { checkSectorSize, SECTOR_SIZES } from './sector-size.ts'
import { checkTailLength, decodeTail } from './trailer.ts'

export interface OpenSectorOptions extends CallOptions {
  /** One of {@link SECTOR_SIZES}; default: the largest that fits into the file. */
  readonly sectorBytes?: number | undefined
}

export interface UnsealedSector extends AsyncDisposable {
  /** Padded. */
  readonly sectorBytes: number
  /** Padded bytes in use when the sector was opened, ascending, no two touching. */
  readonly allocated: readonly SectorRange[]
  /** Whether all of a piece is there. */
  isAllocated(offsetPadded: number, lengthPadded: number): boolean
  /**
   * The unpadded bytes of a piece, zero tail included, for random reads. Each read fetches the chunks it needs, so it
   * belongs to the caller alone. Readable until the sector is closed.
   *
   * @param offsetPadded - multiple of 128
   * @param lengthPadded - multiple of 128
   * @throws {SectorError} `SECTOR_NOT_ALLOCATED`: some of it is not in use
   * @throws {RangeError} no multiples of 128, or an `identity` of another size
   */
  openPiece(offsetPadded: number, lengthPadded: number, options?: PieceSourceOptions): ByteSource
  /** Closes the source. Idempotent. */
  close(): Promise<void>
}

/**
 * Open a sector file and read its trailer once; pieces that are added later need another opening. The sector owns
 * `source` from then on; when opening fails it stays the caller's.
 *
 * @throws {SectorError} `SECTOR_TRUNCATED`: shorter than a sector. `SECTOR_BAD_TRAILER`: what follows the data does not
 *   say which ranges are in use.
 */
export const openSector = async (source: ByteSource, options: OpenSectorOptions = {}): Promise<UnsealedSector> => {
  const sectorBytes = sectorBytesOf(source.sizeBytes, options.sectorBytes)
  const tailBytes = source.sizeBytes - sectorBytes
  checkTailLength(tailBytes, sectorBytes)
  const tail = await source.read(sectorBytes, tailBytes, { signal: options.signal })
  const { ranges: allocated, state } = decodeTail(tail, sectorBytes)
  if (state === 'blank') throw new SectorError('SECTOR_BAD_TRAILER', `nothing but zeros behind the data; tail=${tailBytes}`, { offset: sectorBytes })
  const isAllocated = (offset: number, length: number): boolean => covers(allocated, offset, length)
  const close = (): Promise<void> => source.close()
  return {
    sectorBytes,
    allocated,
    isAllocated,
    openPiece: (offset, length, piece) => {
      if (!isWholeChunks(offset) || !isWholeChunks(length) || length === 0) {
        throw new RangeError(`not whole chunks of 128 bytes; offset=${offset} length=${length}`)
      }
      if (!isAllocated(offset, length)) throw new SectorError('SECTOR_NOT_ALLOCATED', `no such piece in the sector; offset=${offset} length=${length}`, { offset })
      return createPieceSource(source, offset, length, piece)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const sectorBytesOf = (fileBytes: number, asked: number | undefined): number => {
  const sectorBytes = asked === undefined ? SECTOR_SIZES.findLast((size) => size <= fileBytes) : checkSectorSize(asked)
  if (sectorBytes !== undefined && fileBytes >= sectorBytes) return sectorBytes
  throw new SectorError('SECTOR_TRUNCATED', `file shorter than a sector; want=${sectorBytes ?? SECTOR_SIZES[0]} got=${fileBytes}`, { offset: fileBytes })
}

const isWholeChunks = (bytes: number): boolean => Number.isSafeInteger(bytes) && bytes >= 0 && bytes % CHUNK_PADDED === 0
