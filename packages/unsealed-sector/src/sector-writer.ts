/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Adds pieces to an unsealed sector file and frees them. A piece is written and synced before the trailer names it, so
 * whatever the trailer says is in use can be read. How the trailer is replaced: docs/formats/sector.md.
 *
 * Source: lotus extern/sector-storage/partialfile/partialfile.go `MarkAllocated`, `Free`. Stricter: a place in use is not
 * written to. Looser: the bytes of what is freed stay until the place is used again.
 */
import type { ByteProgress, CallOptions, WritableFile } from '@dagstore/io'
import { CHUNK_PADDED, type Fr32, isPieceSize, unpaddedBytes } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import { PLAIN_FR32 } from './fr32.ts'
import { writePadded } from './padded-data.ts'
import { bytesIn, joinRanges, type SectorRange, touches, withinRange, withoutRange } from './range.ts'
import { checkSectorSize } from './sector-size.ts'
import { createTrailerWriter, type TrailerWriter } from './trailer-writer.ts'

export interface SectorWriterOptions {
  /** One of {@link SECTOR_SIZES}. */
  readonly sectorBytes: number
  /**
   * The ranges in use as their owner remembers them: what to write when the trailer itself is damaged, or is nothing but
   * zeros, which without this means that nothing is in use. Else unused.
   */
  readonly repair?: readonly SectorRange[] | undefined
  /**
   * Ranges not in use that may hold other bytes than zeros, as their owner remembers them: of pieces whose writing was cut off
   * or that were freed. They are read, and cleared where needed, when a new piece comes there with a payload that ends before
   * them. @default all that is not in use; nothing in a file that is new
   */
  readonly litter?: readonly SectorRange[] | undefined
  /** What pads; an engine of `@dagstore/piece`. @default plain JavaScript */
  readonly fr32?: Fr32 | undefined
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
  /**
   * Take a range out of use, whole pieces or not; what of it is not in use stays so. On return it is free even after a crash;
   * its bytes stay where they are until another piece comes there.
   *
   * @param offsetPadded - a multiple of 128
   * @param lengthPadded - a multiple of 128
   * @throws {SectorError} `SECTOR_TOO_SMALL`: the range goes beyond the sector, or the list of what is left beyond 1 MiB.
   *   `SECTOR_CLOSED`.
   * @throws {IoError} `IO_FULL`, `IO_FAILED`
   * @throws {RangeError} no multiples of 128
   */
  free(offsetPadded: number, lengthPadded: number, options?: CallOptions): Promise<{ readonly freedBytes: number }>
  /** Waits for the calls under way, then closes the file. Idempotent. */
  close(): Promise<void>
}

/**
 * Open a sector file for writing; an empty one becomes a sector with nothing in it. An update of the trailer that a crash
 * cut off is finished or undone. The writer owns `file` from then on; when opening fails it stays the caller's.
 *
 * @throws {SectorError} `SECTOR_TRUNCATED`: shorter than the sector, and not empty. `SECTOR_BAD_TRAILER`: the trailer is
 *   damaged and no `repair` was given.
 * @throws {RangeError} no sector has this size, or `repair` or `litter` are no ranges of it
 */
export const openSectorWriter = async (file: WritableFile, options: SectorWriterOptions): Promise<SectorWriter> => {
  const { repair, litter, fr32 = PLAIN_FR32 } = options
  const sectorBytes = checkSectorSize(options.sectorBytes)
  for (const ranges of [repair, litter]) checkRanges(ranges ?? [], sectorBytes)
  const isNew = file.sizeBytes === 0
  const trailer = await createTrailerWriter(file, sectorBytes, repair)
  return new FileSectorWriter(file, sectorBytes, trailer, litter ?? (isNew ? [] : [{ start: 0, length: sectorBytes }]), fr32)
}

class FileSectorWriter implements SectorWriter {
  readonly sectorBytes: number
  readonly #file: WritableFile
  readonly #trailer: TrailerWriter
  readonly #fr32: Fr32
  /** Where there may be other bytes than zeros although it is not in use; joined. What of it is in use does not matter. */
  #litter: readonly SectorRange[]
  #queue: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor (file: WritableFile, sectorBytes: number, trailer: TrailerWriter, litter: readonly SectorRange[], fr32: Fr32) {
    this.#file = file
    this.sectorBytes = sectorBytes
    this.#trailer = trailer
    this.#litter = joinRanges(litter)
    this.#fr32 = fr32
  }

  get allocated (): readonly SectorRange[] {
    return this.#trailer.ranges
  }

  async writePiece (offset: number, paddedBytes: number, payload: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: WritePieceOptions = {}): Promise<{ payloadBytes: number }> {
    options.signal?.throwIfAborted()
    if (!isPieceSize(paddedBytes)) throw new RangeError(`not the size of a piece; padded=${paddedBytes}`)
    this.#checkPlace(offset, paddedBytes, paddedBytes)
    return this.#inTurn(() => this.#write({ start: offset, length: paddedBytes }, payload, options))
  }

  async free (offset: number, length: number, { signal }: CallOptions = {}): Promise<{ freedBytes: number }> {
    signal?.throwIfAborted()
    if (!Number.isSafeInteger(length) || length < 1 || length % CHUNK_PADDED !== 0) throw new RangeError(`not whole chunks of 128 bytes; length=${length}`)
    this.#checkPlace(offset, length, CHUNK_PADDED)
    return this.#inTurn(async () => {
      signal?.throwIfAborted()
      const { ranges } = this.#trailer
      const left = withoutRange(ranges, offset, length)
      const freedBytes = bytesIn(ranges) - bytesIn(left)
      if (freedBytes === 0) return { freedBytes }
      // what remains in use there is no litter, but that is looked at when a piece comes
      this.#soil({ start: offset, length })
      await this.#trailer.replace(left)
      return { freedBytes }
    })
  }

  close (): Promise<void> {
    this.#closing ??= this.#queue.then(() => this.#file.close())
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> {
    return this.close()
  }

  #checkPlace (offset: number, length: number, alignment: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset % alignment !== 0) {
      throw new RangeError(`does not start at a multiple of ${alignment}; offset=${offset} length=${length}`)
    }
    if (offset + length <= this.sectorBytes) return
    throw new SectorError('SECTOR_TOO_SMALL', `beyond the sector; sector=${this.sectorBytes} offset=${offset} length=${length}`, { offset })
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
    await this.#trailer.goOn()
    const litter = withinRange(this.#litter, piece.start, piece.length)
    // until the piece is in use, what was written of it is litter
    this.#soil(piece)
    const maxBytes = unpaddedBytes(piece.length)
    const { payloadBytes } = await writePadded(this.#file, piece, payload, { fr32: this.#fr32, litter, maxBytes, signal, onProgress })
    await this.#file.sync()
    signal?.throwIfAborted()
    await this.#trailer.replace(joinRanges([...this.#trailer.ranges, piece]))
    this.#litter = withoutRange(this.#litter, piece.start, piece.length)
    return { payloadBytes }
  }

  #soil ({ start, length }: SectorRange): void {
    this.#litter = joinRanges([...withoutRange(this.#litter, start, length), { start, length }])
  }
}

const checkRanges = (ranges: readonly SectorRange[], sectorBytes: number): void => {
  const last = joinRanges(ranges).at(-1)
  if (last !== undefined && last.start + last.length > sectorBytes) throw new RangeError(`ranges beyond the sector; sector=${sectorBytes} end=${last.start + last.length}`)
}
