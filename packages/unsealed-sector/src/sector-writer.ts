/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Adds pieces to an unsealed sector file. A piece is written and synced before the trailer names it, so whatever the
 * trailer says is in use can be read. How the trailer is replaced: docs/formats/sector.md.
 */
import type { ByteProgress, CallOptions, WritableFile } from '@dagstore/io'
import { isPieceSize, unpaddedBytes } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import { writePadded } from './padded-data.ts'
import { joinRanges, type SectorRange, touches } from './range.ts'
import { checkSectorSize } from './sector-size.ts'
import { createTrailerWriter, type TrailerWriter } from './trailer-writer.ts'

export interface SectorWriterOptions {
  /** One of {@link SECTOR_SIZES}. */
  readonly sectorBytes: number
  /**
   * The ranges in use as their owner remembers them: what to write when the trailer itself was torn by a crash, or is
   * nothing but zeros, which without this means that nothing is in use. Else unused.
   */
  readonly repair?: readonly SectorRange[] | undefined
}

export interface WritePieceOptions extends CallOptions {
  /** Payload bytes, after each part that was written. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface SectorWriter extends AsyncDisposable {
  readonly sectorBytes: number
  /** Padded bytes in use, ascending, no two touching. */
  readonly allocated: readonly SectorRange[]
  /**
   * Write one piece: the payload fr32-padded, zeros up to its size (a hole where the file system can). On return it
   * survives a crash; on any failure or abort before that, nothing of it is in use. Calls run one after another.
   *
   * @param offsetPadded - a multiple of `paddedBytes`
   * @param paddedBytes - a power of two from 128
   * @throws {SectorError} `SECTOR_TOO_SMALL`: the piece goes beyond the sector. `SECTOR_OCCUPIED`: some of it is in use.
   *   `SECTOR_PAYLOAD_TOO_LONG`: more than the piece holds. `SECTOR_CLOSED`.
   * @throws {IoError} `IO_FULL`, `IO_FAILED`
   * @throws {RangeError} no such piece can be
   */
  writePiece(offsetPadded: number, paddedBytes: number, payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options?: WritePieceOptions): Promise<{ readonly payloadBytes: number }>
  /** Waits for the calls under way, then closes the file. Idempotent. */
  close(): Promise<void>
}

/**
 * Open a sector file for writing; an empty one becomes a sector with nothing in it. An update of the trailer that a crash
 * cut off is finished or undone. The writer owns `file` from then on; when opening fails it stays the caller's.
 *
 * @throws {SectorError} `SECTOR_TRUNCATED`: shorter than the sector, and not empty. `SECTOR_BAD_TRAILER`: the trailer is
 *   damaged and no `repair` was given.
 */
export const openSectorWriter = async (file: WritableFile, options: SectorWriterOptions): Promise<SectorWriter> => {
  const sectorBytes = checkSectorSize(options.sectorBytes)
  const isNew = file.sizeBytes === 0
  const trailer = await createTrailerWriter(file, sectorBytes, options.repair)
  return new FileSectorWriter(file, sectorBytes, trailer, isNew)
}

class FileSectorWriter implements SectorWriter {
  readonly sectorBytes: number
  readonly #file: WritableFile
  readonly #trailer: TrailerWriter
  /** Ranges not in use that may hold other bytes than zeros. */
  readonly #unclean: SectorRange[]
  #queue: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor (file: WritableFile, sectorBytes: number, trailer: TrailerWriter, isNew: boolean) {
    this.#file = file
    this.sectorBytes = sectorBytes
    this.#trailer = trailer
    this.#unclean = isNew ? [] : [{ start: 0, length: sectorBytes }]
  }

  get allocated (): readonly SectorRange[] {
    return this.#trailer.ranges
  }

  async writePiece (offset: number, paddedBytes: number, payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: WritePieceOptions = {}): Promise<{ payloadBytes: number }> {
    options.signal?.throwIfAborted()
    if (!isPieceSize(paddedBytes)) throw new RangeError(`not the size of a piece; padded=${paddedBytes}`)
    if (!Number.isSafeInteger(offset) || offset < 0 || offset % paddedBytes !== 0) {
      throw new RangeError(`a piece starts at a multiple of its size; offset=${offset} padded=${paddedBytes}`)
    }
    if (offset + paddedBytes > this.sectorBytes) {
      throw new SectorError('SECTOR_TOO_SMALL', `piece beyond the sector; sector=${this.sectorBytes} offset=${offset} padded=${paddedBytes}`, { offset })
    }
    return this.#inTurn(() => this.#write({ start: offset, length: paddedBytes }, payload, options))
  }

  close (): Promise<void> {
    this.#closing ??= this.#queue.then(() => this.#file.close())
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> {
    return this.close()
  }

  #inTurn<T> (work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new SectorError('SECTOR_CLOSED', 'sector writer is closed')
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => {}) // reported to the caller of this call; the next one starts anew
    return result
  }

  async #write (piece: SectorRange, payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, { signal, onProgress }: WritePieceOptions): Promise<{ payloadBytes: number }> {
    signal?.throwIfAborted()
    if (touches(this.#trailer.ranges, piece.start, piece.length)) {
      throw new SectorError('SECTOR_OCCUPIED', `another piece is there; offset=${piece.start} padded=${piece.length}`, { offset: piece.start })
    }
    const isUnclean = touches(this.#unclean, piece.start, piece.length)
    // until the piece is in use, what was written of it is litter
    this.#unclean.push(piece)
    const maxBytes = unpaddedBytes(piece.length)
    const { payloadBytes } = await writePadded(this.#file, piece, payload, { isUnclean, maxBytes, signal, onProgress })
    await this.#file.sync()
    signal?.throwIfAborted()
    await this.#trailer.replace(joinRanges([...this.#trailer.ranges, piece]))
    this.#unclean.splice(this.#unclean.lastIndexOf(piece), 1)
    return { payloadBytes }
  }
}
