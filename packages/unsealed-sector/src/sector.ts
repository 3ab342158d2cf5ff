/// <reference lib="esnext.disposable" preserve="true" />
/** An unsealed sector file, opened to read the pieces in it; nothing is ever written. */
import { type ByteSource, type CallOptions, IoError, withdrawable } from '@dagstore/io'
import { CHUNK_PADDED, type Fr32 } from '@dagstore/piece'
import { SectorError } from './errors.ts'
import { PLAIN_FR32 } from './fr32.ts'
import { type ListedSource, type SectorOpener, readChangingList, readList } from './list-reading.ts'
import { createPieceSource, type PieceSourceOptions } from './piece-source.ts'
import { covers, type SectorRange } from './range.ts'

/** How often a read begins that meets a file written to. */
const READ_ATTEMPTS = 4

export interface OpenSectorOptions extends CallOptions {
  /** One of {@link SECTOR_SIZES}; default: the largest that fits into the file. */
  readonly sectorBytes?: number | undefined
  /** What unpads; an engine of `@dagstore/piece`. @default plain JavaScript */
  readonly fr32?: Fr32 | undefined
}

export interface FindPieceOptions extends PieceSourceOptions, CallOptions {}

export interface UnsealedSector extends AsyncDisposable {
  /** Padded. */
  readonly sectorBytes: number
  /** Padded bytes in use when the list was last read, ascending, no two touching. */
  readonly allocated: readonly SectorRange[]
  /** Whether all of a piece is there, by the list that was last read. */
  isAllocated(offsetPadded: number, lengthPadded: number): boolean
  /**
   * The unpadded bytes of a piece, zero tail included, for random reads. Each read fetches the chunks it needs, so it
   * belongs to the caller alone. Readable until the sector is closed, or {@link refresh} no longer finds the piece: then reads
   * reject with `IO_SOURCE_LOST`, as they do with `IO_SOURCE_CHANGED` when it finds another file.
   *
   * @param offsetPadded - multiple of 128
   * @param lengthPadded - multiple of 128
   * @throws {SectorError} `SECTOR_NOT_ALLOCATED`: some of it is not in use, by the list that was last read
   * @throws {RangeError} no multiples of 128, or an `identity` of another size
   */
  openPiece(offsetPadded: number, lengthPadded: number, options?: PieceSourceOptions): ByteSource
  /** As {@link openPiece}, but a piece that the list lacks is looked for in the list that the file has now. */
  findPiece(offsetPadded: number, lengthPadded: number, options?: FindPieceOptions): Promise<ByteSource>
  /**
   * Read the list again. Whatever was added or freed before the call is in it. A sector opened from a source, whose bytes do
   * not change, keeps the list it has. When it rejects, the list stays as it was.
   *
   * @returns whether the list is another one
   * @throws {SectorError} `SECTOR_TRUNCATED`, `SECTOR_BAD_TRAILER`: after several attempts, since a writer may be at it
   */
  refresh(options?: CallOptions): Promise<boolean>
  /** Closes the source. Idempotent. */
  close(): Promise<void>
}

/**
 * Open a sector file and read which ranges are in use. The sector owns `file`, when it is a source, from then on; when
 * opening fails it stays the caller's.
 *
 * @param file - a source; or how to open one, again and again, of a file that others add pieces to and free them from
 * @throws {SectorError} `SECTOR_TRUNCATED`: shorter than a sector. `SECTOR_BAD_TRAILER`: what follows the data does not
 *   say which ranges are in use.
 */
export const openSector = async (file: ByteSource | SectorOpener, options: OpenSectorOptions = {}): Promise<UnsealedSector> => {
  const { sectorBytes, fr32 = PLAIN_FR32, signal } = options
  if (typeof file !== 'function') return new FileSector(await readList(file, sectorBytes, { signal }), fr32, undefined)
  return new FileSector(await readChangingList(file, sectorBytes, { signal }), fr32, file)
}

class FileSector implements UnsealedSector {
  readonly sectorBytes: number
  readonly #fr32: Fr32
  readonly #open: SectorOpener | undefined
  #listed: ListedSource
  /** The reading under way, and the one that starts after it for all who ask meanwhile. */
  #reading: Promise<unknown> = Promise.resolve()
  #next: Promise<boolean> | undefined
  readonly #lifetime: AbortController = new AbortController()
  #closing: Promise<void> | undefined

  constructor (listed: ListedSource, fr32: Fr32, open: SectorOpener | undefined) {
    this.sectorBytes = listed.sectorBytes
    this.#listed = listed
    this.#fr32 = fr32
    this.#open = open
  }

  get allocated (): readonly SectorRange[] {
    return this.#listed.ranges
  }

  isAllocated (offset: number, length: number): boolean {
    return covers(this.#listed.ranges, offset, length)
  }

  openPiece (start: number, length: number, options?: PieceSourceOptions): ByteSource {
    checkChunks(start, length)
    if (!this.isAllocated(start, length)) throw new SectorError('SECTOR_NOT_ALLOCATED', `no such piece in the sector; offset=${start} length=${length}`, { offset: start })
    const { source } = this.#listed
    return createPieceSource({
      start,
      length,
      fileIdentity: source.identity,
      cost: source.cost,
      fr32: this.#fr32,
      read: (at, bytes, call) => this.#read(source, start, length, at, bytes, call),
      peek: (at, bytes) => this.#checked(source, start, length).peek(start + at, bytes),
      closeSector: () => this.close(),
    }, options)
  }

  async findPiece (start: number, length: number, { signal, ...options }: FindPieceOptions = {}): Promise<ByteSource> {
    checkChunks(start, length)
    signal?.throwIfAborted()
    if (!this.isAllocated(start, length)) await this.refresh({ signal })
    return this.openPiece(start, length, options)
  }

  async refresh ({ signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted()
    this.#checkOpen()
    const open = this.#open
    if (open === undefined) return false
    // one that has begun may have looked already
    this.#next ??= this.#reading.then(() => {
      const reading = this.#readAgain(open)
      this.#reading = reading.catch(() => {}) // reported to those who asked
      this.#next = undefined
      return reading
    })
    return withdrawable(this.#next, signal)
  }

  close (): Promise<void> {
    this.#closing ??= (async () => {
      this.#lifetime.abort()
      await this.#next?.catch(() => {}) // reported to those who asked
      await this.#reading
      await this.#listed.source.close()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> {
    return this.close()
  }

  /** Belongs to all who asked: only `close` stops it. */
  async #readAgain (open: SectorOpener): Promise<boolean> {
    this.#checkOpen()
    const before = this.#listed
    let listed: ListedSource
    try {
      listed = await readChangingList(open, this.sectorBytes, { signal: this.#lifetime.signal })
    } catch (error) {
      this.#checkOpen()
      throw error
    }
    this.#listed = listed
    await before.source.close()
    return before.ranges.length !== listed.ranges.length || before.ranges.some(({ start, length }, i) => listed.ranges[i]!.start !== start || listed.ranges[i]!.length !== length)
  }

  async #read (first: ByteSource, start: number, length: number, at: number, bytes: number, call: CallOptions): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      const source = this.#checked(first, start, length)
      try {
        const padded = await source.read(start + at, bytes, call)
        // what was freed meanwhile may hold another piece by now
        this.#checked(first, start, length)
        return padded
      } catch (error) {
        if (this.#open === undefined || !(error instanceof IoError) || this.#closing !== undefined) throw error
        // closed by a refresh meanwhile
        if (error.code === 'IO_CLOSED' && source !== this.#listed.source) continue
        // a source that was opened anew by its name finds that the file was written to
        if (error.code !== 'IO_SOURCE_CHANGED' || attempt === READ_ATTEMPTS) throw error
        if (source === this.#listed.source) await this.refresh(call)
      }
    }
  }

  /** The source to read a piece from that was opened on `first`. */
  #checked (first: ByteSource, start: number, length: number): ByteSource {
    this.#checkOpen()
    const { source } = this.#listed
    if (source === first) return source
    const [then, now] = [first.identity, source.identity]
    if (then.kind === 'file' && now.kind === 'file' && then.inode !== now.inode) throw new IoError('IO_SOURCE_CHANGED', 'sector file was replaced', { retry: 'later', offset: start })
    if (!this.isAllocated(start, length)) throw new IoError('IO_SOURCE_LOST', 'piece is no longer in the sector', { retry: 'later', offset: start })
    return source
  }

  #checkOpen (): void {
    if (this.#closing !== undefined) throw new IoError('IO_CLOSED', 'sector is closed')
  }
}

const checkChunks = (start: number, length: number): void => {
  const isWhole = (bytes: number): boolean => Number.isSafeInteger(bytes) && bytes >= 0 && bytes % CHUNK_PADDED === 0
  if (!isWhole(start) || !isWhole(length) || length === 0) throw new RangeError(`not whole chunks of 128 bytes; offset=${start} length=${length}`)
}
