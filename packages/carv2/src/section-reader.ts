/** Feeds a {@link SectionCursor} with windows of a source: streams through small sections, seeks over large ones. */
import { type BlockingSource, type ByteProgress, type ByteSource, type CallOptions, isBlocking } from '@dagstore/io'
import { CarV2Error } from './errors.ts'
import { type CarLayout, type CarLimits, resolveLimits } from './layout.ts'
import { SectionCursor } from './section-cursor.ts'

/** How a scan is asked for; `data` reads whole sections, else only their heads are sure to be read. */
export interface ScanOptions extends CarLimits, CallOptions {
  /** @default false */
  readonly data?: boolean | undefined
  /** What a section length of 0 means: the end of the sections, or an error. @default 'end' */
  readonly zeroPadding?: 'end' | 'refuse' | undefined
  /** Block the thread for each read, where the source can: only for workers and one-shot commands. @default false */
  readonly blocking?: boolean | undefined
  /** Called about once per MiB. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** How a scan ended. Bytes from the start of the payload. */
export interface ScanEnd {
  /** End of the last section. */
  readonly payloadEnd: number
  /** From there to the end of the payload. */
  readonly paddingBytes: number
}

const WINDOW_BYTES = 1 << 20
const MIN_WINDOW_BYTES = 4096
/** Below this, reading the rest of the old window again is cheaper than joining it with the new bytes. */
const REREAD_BYTES = 1 << 16

export class SectionReader {
  readonly cursor: SectionCursor
  readonly #source: ByteSource
  readonly #options: ScanOptions
  readonly #maxWindowBytes: number
  readonly #blocking: BlockingSource | undefined
  #windowBytes: number
  /** Blocking reads use one buffer again and again. */
  #buffer: Uint8Array = new Uint8Array(0)

  constructor (source: ByteSource, layout: CarLayout, options: ScanOptions) {
    this.#source = source
    this.#options = options
    this.#blocking = options.blocking === true && isBlocking(source) ? source : undefined
    const { payloadStart, payloadBytes } = layout
    this.cursor = new SectionCursor({
      position: layout.headerBytes, payloadStart, payloadBytes, needsData: options.data === true, limits: resolveLimits(options),
    })
    // over a network one answer should bring enough to be worth its round trip
    const remote = source.cost.kind === 'remote' ? Math.min(4 * source.cost.seekBytes, 8 << 20) : 0
    this.#maxWindowBytes = Math.max(WINDOW_BYTES, remote)
    this.#windowBytes = options.data === true ? this.#maxWindowBytes : 1 << 16
    options.signal?.throwIfAborted()
  }

  /** Put the next window under the cursor, after it asked for one. A promise only if bytes have to be read. */
  fill (): Promise<void> | undefined {
    const { cursor } = this
    const { signal, onProgress } = this.#options
    signal?.throwIfAborted()
    onProgress?.({ doneBytes: cursor.position, totalBytes: cursor.payloadBytes })
    this.#adapt()
    const from = cursor.position
    const want = Math.min(Math.max(cursor.needBytes, this.#windowBytes), cursor.payloadBytes - from)
    const view = this.#source.peek(cursor.payloadStart + from, want)
    if (view === undefined && this.#blocking === undefined) return this.#read(from, want)
    cursor.window = view ?? this.#readBlocking(from, want, this.#blocking!)
    cursor.windowStart = from
    return undefined
  }

  #readBlocking (from: number, want: number, source: BlockingSource): Uint8Array {
    const { window, windowStart, payloadStart } = this.cursor
    const rest = window.subarray(Math.min(window.byteLength, from - windowStart))
    if (this.#buffer.byteLength < want) this.#buffer = new Uint8Array(Math.max(want, this.#windowBytes))
    const next = this.#buffer.subarray(0, want)
    next.set(rest)
    source.readSync(payloadStart + from + rest.byteLength, next.subarray(rest.byteLength))
    return next
  }

  async #read (from: number, want: number): Promise<void> {
    const { cursor } = this
    const { signal } = this.#options
    const rest = Math.max(0, cursor.windowStart + cursor.window.byteLength - from)
    if (rest === 0 || (rest <= REREAD_BYTES && this.#source.cost.kind !== 'remote')) {
      cursor.window = await this.#source.read(cursor.payloadStart + from, want, { signal })
    } else {
      const joined = new Uint8Array(want)
      joined.set(cursor.window.subarray(cursor.window.byteLength - rest))
      joined.set(await this.#source.read(cursor.payloadStart + from + rest, want - rest, { signal }), rest)
      cursor.window = joined
    }
    cursor.windowStart = from
  }

  /** Small windows while sections are so long that their data is worth skipping, large ones otherwise. */
  #adapt (): void {
    const { cursor } = this
    if (cursor.needsData) return
    const gap = cursor.position - (cursor.windowStart + cursor.window.byteLength)
    this.#windowBytes = gap > this.#source.cost.seekBytes && gap > this.#windowBytes
      ? Math.max(MIN_WINDOW_BYTES, Math.floor(this.#windowBytes / 4))
      : Math.min(this.#maxWindowBytes, this.#windowBytes * 2)
  }

  /**
   * After 'end': what lies behind the last section. Zeros are expected; `all` reads them to the end of the payload, else
   * those that are in the window are looked at.
   *
   * @throws {CarV2Error} `CARV2_ZERO_PADDING`: there is some, and it is refused. `CARV2_BAD_SECTION`: not zero; `offset` says where.
   */
  async finish (all = false): Promise<ScanEnd> {
    const { cursor } = this
    const { signal, onProgress, zeroPadding = 'end' } = this.#options
    const payloadEnd = cursor.position
    const paddingBytes = cursor.payloadBytes - payloadEnd
    if (paddingBytes > 0) {
      if (zeroPadding === 'refuse') {
        throw new CarV2Error('CARV2_ZERO_PADDING', `section of length 0; section=${payloadEnd}`, { offset: cursor.payloadStart + payloadEnd })
      }
      this.#checkZeros(cursor.window, payloadEnd - cursor.windowStart, cursor.windowStart)
      let at = cursor.windowStart + cursor.window.byteLength
      while (all && at < cursor.payloadBytes) {
        const length = Math.min(WINDOW_BYTES, cursor.payloadBytes - at)
        const start = cursor.payloadStart + at
        signal?.throwIfAborted()
        this.#checkZeros(this.#source.peek(start, length) ?? await this.#source.read(start, length, { signal }), 0, at)
        at += length
        onProgress?.({ doneBytes: at, totalBytes: cursor.payloadBytes })
      }
    }
    onProgress?.({ doneBytes: cursor.payloadBytes, totalBytes: cursor.payloadBytes })
    return { payloadEnd, paddingBytes }
  }

  #checkZeros (bytes: Uint8Array, from: number, windowStart: number): void {
    for (let i = from; i < bytes.byteLength; i++) {
      if (bytes[i] === 0) continue
      const offset = this.cursor.payloadStart + windowStart + i
      throw new CarV2Error('CARV2_BAD_SECTION', `bytes behind the zero padding; at=${offset}`, { offset })
    }
  }
}

/** Show every section to `visit`, which keeps nothing of the cursor; {@link SectionReader.finish} comes after. */
export const eachSection = async (reader: SectionReader, visit: (cursor: SectionCursor) => void): Promise<void> => {
  const { cursor } = reader
  for (let state = cursor.next(); state !== 'end'; state = cursor.next()) {
    if (state === 'section') {
      visit(cursor)
      continue
    }
    const pending = reader.fill()
    if (pending !== undefined) await pending
  }
}
