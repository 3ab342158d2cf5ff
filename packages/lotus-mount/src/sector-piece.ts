/// <reference lib="esnext.disposable" preserve="true" />
/**
 * One copy of a piece in a sector file that its owner goes on using: other pieces are added to it while we read, and any day the
 * piece is cleared from it or the file removed. After each read the file is looked at; when it is not what it was, it is opened
 * anew by its name and its list of allocated ranges read, and what was read counts only if the piece is still in it.
 *
 * Source: lotus extern/sector-storage/partialfile/partialfile.go `MarkAllocated`, `Free`; its lock we cannot take.
 */
import { type ByteSource, type CallOptions, IoError, type SourceIdentity, withdrawable } from '@dagstore/io'
import type { Fr32 } from '@dagstore/piece'
import { openSector, SectorError } from '@dagstore/unsealed-sector'
import type { SectorFile } from './sector-file.ts'

export interface SectorPieceOptions extends CallOptions {
  /** Opens the file by its name. */
  readonly openFile: (options: CallOptions) => Promise<SectorFile | undefined>
  readonly offsetPadded: number
  readonly lengthPadded: number
  /** Of the unpadded piece. */
  readonly identity: SourceIdentity
  /** What unpads. @default plain JavaScript */
  readonly fr32?: Fr32 | undefined
}

/**
 * Open the copy. One descriptor is open at a time.
 *
 * @returns `undefined`: no such file, or the piece is not in it
 * @throws {IoError} what opening fails with; `IO_FAILED`, `retry` `later`: the file is no sector, or is being made one
 */
export const openSectorPiece = async (options: SectorPieceOptions): Promise<ByteSource | undefined> => {
  const first = await openCopy(options, options)
  return first === undefined ? undefined : new SectorPiece(options, first)
}

interface Copy { readonly file: SectorFile, readonly piece: ByteSource }

/** Of a file that somebody writes to all the time; the piece in it is as good as before. */
const WRITTEN_TO: ReadonlySet<string> = new Set(['IO_TRUNCATED', 'IO_SOURCE_CHANGED'])

const openCopy = async ({ openFile, offsetPadded, lengthPadded, identity, fr32 }: SectorPieceOptions, { signal }: CallOptions): Promise<Copy | undefined> => {
  const file = await openFile({ signal })
  if (file === undefined) return undefined
  try {
    const sector = await openSector(file, { fr32, signal })
    if (sector.isAllocated(offsetPadded, lengthPadded)) return { file, piece: sector.openPiece(offsetPadded, lengthPadded, { identity, owns: true }) }
  } catch (error) {
    await file.close()
    signal?.throwIfAborted()
    const what = error instanceof SectorError ? error.code : error instanceof IoError && WRITTEN_TO.has(error.code) ? error.code : undefined
    if (what === undefined) throw error
    throw new IoError('IO_FAILED', `sector file is not readable; sector=${what}`, { cause: error, retry: 'later' })
  }
  await file.close()
  return undefined
}

class SectorPiece implements ByteSource {
  readonly sizeBytes: number
  readonly identity: SourceIdentity
  readonly cost: ByteSource['cost']
  readonly #options: SectorPieceOptions
  #copy: Copy
  /** The reopening under way, one for all reads. */
  #reopening: Promise<void> | undefined
  readonly #leaving: Set<Promise<void>> = new Set()
  readonly #lifetime: AbortController = new AbortController()
  #closing: Promise<void> | undefined

  constructor (options: SectorPieceOptions, first: Copy) {
    this.#options = options
    this.#copy = first
    this.sizeBytes = first.piece.sizeBytes
    this.identity = options.identity
    this.cost = first.piece.cost
  }

  async read (at: number, length: number, call: CallOptions = {}): Promise<Uint8Array> {
    for (;;) {
      const copy = this.#copy
      const bytes = await copy.piece.read(at, length, call).catch((error: unknown) => {
        // another read has reopened it meanwhile
        if (copy !== this.#copy && this.#closing === undefined && error instanceof IoError && error.code === 'IO_CLOSED') return undefined
        throw error
      })
      if (bytes === undefined) continue
      await withdrawable(this.#seeIt(at), call.signal)
      call.signal?.throwIfAborted()
      // else it was read from another file than the one that was looked at
      if (fileOf(copy) === fileOf(this.#copy)) return bytes
    }
  }

  peek (at: number, length: number): Uint8Array | undefined {
    // bytes at hand may be those from before a change
    return this.#copy.file.state === undefined ? this.#copy.piece.peek(at, length) : undefined
  }

  close (): Promise<void> {
    this.#closing ??= (async () => {
      this.#lifetime.abort()
      await this.#reopening?.catch(() => {}) // whoever waited for it has its error
      await Promise.all([this.#copy.piece.close(), ...this.#leaving])
    })()
    return this.#closing
  }

  [Symbol.asyncDispose] (): Promise<void> { return this.close() }

  /** Resolves once the piece was seen in the file after the caller's read. @throws {IoError} `IO_SOURCE_LOST` */
  async #seeIt (at: number): Promise<void> {
    for (;;) {
      const copy = this.#copy
      const state = await copy.file.state?.() ?? 'same'
      if (this.#closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
      if (copy !== this.#copy) continue
      if (state === 'same') return
      if (this.#reopening === undefined) {
        // begins after the read, so what it finds holds for what was read
        this.#reopening = this.#reopen(at).finally(() => { this.#reopening = undefined })
        return this.#reopening
      }
      // began before it: look again when it is done
      await this.#reopening
    }
  }

  /** Belongs to all reads: only `close` stops it. */
  async #reopen (at: number): Promise<void> {
    let next: Copy | undefined
    try {
      next = await openCopy(this.#options, { signal: this.#lifetime.signal })
    } catch (error) {
      if (this.#closing !== undefined) throw new IoError('IO_CLOSED', 'source is closed')
      throw error
    }
    if (next === undefined) throw new IoError('IO_SOURCE_LOST', 'sector file is gone, or the piece no longer in it', { retry: 'later', offset: at })
    const { piece } = this.#copy
    this.#copy = next
    const leaving = piece.close().catch(() => {}).finally(() => { this.#leaving.delete(leaving) }) // it was given up already
    this.#leaving.add(leaving)
  }
}

/** Which file it is, written to or not; copies from ports that cannot say are all alike. */
const fileOf = ({ file: { identity } }: Copy): bigint | undefined => (identity.kind === 'file' ? identity.inode : undefined)
