/** Feeds a {@link SectionCursor} with windows of a source: streams through small sections, seeks over large ones. */
import { type Awaitable, type BlockingSource, type ByteProgress, type ByteSource, type CallOptions, isBlocking } from '@dagstore/io'
import { CarV2Error } from './errors.ts'
import { type CarLayout, type CarLimits, resolveLimits } from './layout.ts'
import { peekPlain, readPlain } from './plain-bytes.ts'
import { ReadAhead } from './read-ahead.ts'
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

/** A window that is read while the one before it is looked at. */
const WINDOW_BYTES = 1 << 20
/** One that is read into the same memory again and again: short enough to stay in the processor's cache. */
const BLOCKING_WINDOW_BYTES = 1 << 18
const FIRST_WINDOW_BYTES = 1 << 16
/** Enough for the head of a section, where its data is skipped. */
const HEAD_BYTES = 128
const REMOTE_HEAD_BYTES = 1024
const MAX_REMOTE_WINDOW_BYTES = 8 << 20
const PROGRESS_BYTES = 1 << 20

export class SectionReader {
  readonly cursor: SectionCursor
  readonly #source: ByteSource
  readonly #options: ScanOptions
  readonly #maxWindowBytes: number
  readonly #headBytes: number
  readonly #blocking: BlockingSource | undefined
  readonly #ahead: ReadAhead
  #windowBytes: number
  #seeking = false
  #streamed = 0
  #started = false
  #reportedBytes = -Infinity
  /** Blocking reads use one buffer again and again. */
  #buffer: Uint8Array = new Uint8Array(0)
  readonly #head: Uint8Array = new Uint8Array(HEAD_BYTES)

  constructor (source: ByteSource, layout: CarLayout, options: ScanOptions) {
    this.#source = source
    this.#options = options
    this.#blocking = options.blocking === true && isBlocking(source) ? source : undefined
    const { payloadStart, payloadBytes } = layout
    this.cursor = new SectionCursor({
      position: layout.headerBytes, payloadStart, payloadBytes, needsData: options.data === true, limits: resolveLimits(options),
    })
    const isRemote = source.cost.kind === 'remote'
    // over a network one answer should bring enough to be worth its round trip
    const remote = isRemote ? Math.min(4 * source.cost.seekBytes, MAX_REMOTE_WINDOW_BYTES) : 0
    this.#maxWindowBytes = this.#blocking === undefined ? Math.max(WINDOW_BYTES, remote) : BLOCKING_WINDOW_BYTES
    this.#headBytes = isRemote ? REMOTE_HEAD_BYTES : HEAD_BYTES
    this.#windowBytes = options.data === true ? this.#maxWindowBytes : FIRST_WINDOW_BYTES
    this.#ahead = new ReadAhead(source, options.signal)
    options.signal?.throwIfAborted()
  }

  /** Put the next window under the cursor, after it asked for one. A promise only if bytes have to be read. */
  fill (): Promise<void> | undefined {
    const { cursor } = this
    this.#options.signal?.throwIfAborted()
    if (cursor.position - this.#reportedBytes >= PROGRESS_BYTES) {
      this.#reportedBytes = cursor.position
      this.#options.onProgress?.({ doneBytes: cursor.position, totalBytes: cursor.payloadBytes })
    }
    this.#adapt()
    const from = cursor.position
    if (this.#seeking && this.#blocking !== undefined && cursor.needBytes <= HEAD_BYTES && cursor.payloadBytes - from >= HEAD_BYTES) {
      // thousands of these and little else are what a CAR of large blocks costs
      this.#blocking.readSync(cursor.payloadStart + from, this.#head)
      cursor.show(this.#head, from)
      return undefined
    }
    const want = Math.min(Math.max(cursor.needBytes, this.#windowBytes), cursor.payloadBytes - from)
    const view = this.#source.peek(cursor.payloadStart + from, want)
    if (view === undefined && this.#blocking === undefined) {
      // one window read to its end is no sign yet that all will be
      return this.#seeking ? this.#ahead.seek(cursor, this.#windowBytes) : this.#ahead.stream(cursor, this.#windowBytes, cursor.needsData || this.#streamed > 1)
    }
    cursor.show(view ?? this.#readBlocking(from, want, this.#blocking!), from)
    return undefined
  }

  #readBlocking (from: number, want: number, source: BlockingSource): Uint8Array {
    const { window, windowStart, payloadStart } = this.cursor
    const rest = window.subarray(Math.min(window.byteLength, from - windowStart))
    if (this.#buffer.byteLength < want) this.#buffer = new Uint8Array(Math.max(want, this.#windowBytes))
    const next = this.#buffer.subarray(0, want)
    next.set(rest)
    source.readSync(payloadStart + from + rest.byteLength, rest.byteLength === 0 ? next : next.subarray(rest.byteLength))
    return next
  }

  /** Bytes of the payload, in memory of their own. */
  copy (from: number, length: number): Awaitable<Uint8Array> {
    const at = this.cursor.payloadStart + from
    if (this.#blocking === undefined) return peekPlain(this.#source, at, length)?.slice() ?? readPlain(this.#source, at, length, { signal: this.#options.signal })
    const bytes = new Uint8Array(length)
    this.#blocking.readSync(at, bytes)
    return bytes
  }

  /** Heads alone while sections are so long that their data is worth skipping, windows that grow otherwise. */
  #adapt (): void {
    const { cursor } = this
    if (!this.#started) {
      this.#started = true
      return
    }
    if (cursor.needsData) return
    const gap = cursor.position - (cursor.windowStart + cursor.window.byteLength)
    this.#seeking = gap > this.#source.cost.seekBytes
    this.#streamed = this.#seeking ? 0 : this.#streamed + 1
    this.#windowBytes = this.#seeking ? this.#headBytes : Math.min(this.#maxWindowBytes, this.#windowBytes * 4)
  }

  /**
   * After 'end': what lies behind the last section. Zeros are expected; those that are in the window are looked at.
   *
   * @throws {CarV2Error} `CARV2_ZERO_PADDING`: there is some, and it is refused. `CARV2_BAD_SECTION`: not zero; `offset` says where.
   */
  end (): ScanEnd {
    const { cursor } = this
    const payloadEnd = cursor.position
    const paddingBytes = cursor.payloadBytes - payloadEnd
    if (paddingBytes > 0) {
      if (this.#options.zeroPadding === 'refuse') {
        throw new CarV2Error('CARV2_ZERO_PADDING', `section of length 0; section=${payloadEnd}`, { offset: cursor.payloadStart + payloadEnd })
      }
      this.#checkZeros(cursor.window, payloadEnd - cursor.windowStart, cursor.windowStart)
    }
    return this.leave()
  }

  /** After 'end', when nobody asks what follows. */
  leave (): ScanEnd {
    const { position: payloadEnd, payloadBytes } = this.cursor
    this.#options.onProgress?.({ doneBytes: payloadBytes, totalBytes: payloadBytes })
    return { payloadEnd, paddingBytes: payloadBytes - payloadEnd }
  }

  /** The same, with `all` after reading the zeros to the end of the payload. @throws as {@link end}; `IO_*` */
  async finish (all = false): Promise<ScanEnd> {
    const { cursor } = this
    const { signal, onProgress, zeroPadding } = this.#options
    if (all) this.#checkZeros(cursor.window, cursor.position - cursor.windowStart, cursor.windowStart)
    // without a section there was no window
    let at = Math.max(cursor.position, cursor.windowStart + cursor.window.byteLength)
    while (all && zeroPadding !== 'refuse' && at < cursor.payloadBytes) {
      const length = Math.min(WINDOW_BYTES, cursor.payloadBytes - at)
      const start = cursor.payloadStart + at
      signal?.throwIfAborted()
      this.#checkZeros(this.#source.peek(start, length) ?? await this.#source.read(start, length, { signal }), 0, at)
      at += length
      onProgress?.({ doneBytes: at, totalBytes: cursor.payloadBytes })
    }
    return this.end()
  }

  #checkZeros (bytes: Uint8Array, from: number, windowStart: number): void {
    const i = firstNonZero(bytes, from)
    if (i === -1) return
    const offset = this.cursor.payloadStart + windowStart + i
    throw new CarV2Error('CARV2_BAD_SECTION', `bytes behind the zero padding; at=${offset}`, { offset })
  }
}

/** Where the first byte from there on is that is not 0, or -1; zeros are looked at four at a time. */
const firstNonZero = (bytes: Uint8Array, from: number): number => {
  let at = from
  while (at < bytes.byteLength && (bytes.byteOffset + at) % 4 !== 0 && bytes[at] === 0) at++
  if (at < bytes.byteLength && (bytes.byteOffset + at) % 4 === 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (bytes.byteLength - at) >> 2)
    let word = 0
    while (word < words.length && words[word] === 0) word++
    at += word * 4
  }
  while (at < bytes.byteLength && bytes[at] === 0) at++
  return at < bytes.byteLength ? at : -1
}

/**
 * Show every section to `visit`, which keeps nothing of the cursor; a promise that it gives is awaited before the next one.
 * {@link SectionReader.finish} comes after.
 */
export const eachSection = async (reader: SectionReader, visit: (cursor: SectionCursor) => Promise<void> | undefined | void): Promise<void> => {
  const { cursor } = reader
  for (let state = cursor.next(); state !== 'end'; state = cursor.next()) {
    const pending = state === 'section' ? visit(cursor) : reader.fill()
    if (pending !== undefined) await pending
  }
}
