/**
 * Windows of a source that is read without blocking: the next ones are on their way while this one is looked at. Where data
 * is skipped, sections of one length let the places of the next heads be guessed, and their reads overlap.
 */
import { type ByteSource, type CallOptions, canFill, type FillingSource, IoError, withdrawable } from '@dagstore/io'
import type { SectionCursor } from './section-cursor.ts'

/** Windows under way or at hand. */
const AHEAD = 3
/** A head that crosses from one window into the next is joined with so much of what follows. */
const BRIDGE_BYTES = 256
/** Guessed heads under way; over a network each costs a request. */
const GUESSES_LOCAL = 32
const GUESSES_REMOTE = 8

interface Piece {
  readonly start: number
  readonly end: number
  readonly arrival: Promise<Uint8Array>
  bytes: Uint8Array | undefined
  /** What it was read into, when that may be used again. */
  readonly memory: Uint8Array | undefined
}

export class ReadAhead {
  readonly #source: ByteSource
  readonly #call: CallOptions
  /** In order, without gaps. */
  #pieces: Piece[] = []
  readonly #filling: FillingSource | undefined
  /** Memory of windows that were looked at to their end. Nothing writes to it: they had arrived. */
  readonly #free: Uint8Array[] = []
  /** For what lies in several windows. */
  #joined: Uint8Array = new Uint8Array(0)
  readonly #maxGuesses: number
  readonly #guessed = new Map<number, Promise<Uint8Array>>()
  #lastHead = 0
  #stride = 0
  #streak = 0

  constructor (source: ByteSource, signal: AbortSignal | undefined) {
    this.#source = source
    this.#filling = canFill(source) ? source : undefined
    this.#call = { signal }
    this.#maxGuesses = source.cost.kind === 'remote' ? GUESSES_REMOTE : GUESSES_LOCAL
  }

  /**
   * The window that begins the rest; more of this length follow it soon. The one before may be written to from now on.
   *
   * @param ahead - whether to read on behind it
   */
  async stream (cursor: SectionCursor, windowBytes: number, ahead: boolean): Promise<void> {
    const from = cursor.position
    const { payloadBytes } = cursor
    const needEnd = Math.min(from + cursor.needBytes, payloadBytes)
    while (this.#pieces[0] !== undefined && this.#pieces[0].end <= from) this.#recycle(this.#pieces.shift()!)
    if (this.#pieces[0] !== undefined && this.#pieces[0].start > from) this.#pieces = []
    const bridgeEnd = Math.min(Math.max(needEnd, from + BRIDGE_BYTES), payloadBytes)
    let end = this.#pieces.at(-1)?.end ?? from
    while (end < payloadBytes && (end < needEnd || (ahead && this.#pieces.length < AHEAD))) {
      const start = end
      end = Math.min(payloadBytes, start + windowBytes)
      this.#pieces.push(this.#piece(cursor.payloadStart, start, end))
    }
    const first = this.#pieces[0]!
    const bytes = first.bytes ??= await first.arrival
    if (first.end >= needEnd) {
      cursor.show(bytes, first.start)
      return
    }
    const joined = this.#roomToJoin(Math.min(bridgeEnd, end) - from)
    for (const piece of this.#pieces) {
      if (piece.start >= from + joined.byteLength) break
      const part = piece.bytes ??= await piece.arrival
      const skip = Math.max(0, from - piece.start)
      const at = piece.start + skip - from
      joined.set(part.subarray(skip, skip + joined.byteLength - at), at)
    }
    cursor.show(joined, from)
  }

  #piece (payloadStart: number, start: number, end: number): Piece {
    const at = payloadStart + start
    const length = end - start
    if (this.#filling === undefined) return { start, end, arrival: this.#read(at, length), bytes: undefined, memory: undefined }
    const memory = this.#take(length)
    const arrival = this.#readInto(this.#filling, at, memory.subarray(0, length))
    arrival.catch(() => {}) // as in #read
    return { start, end, arrival, bytes: undefined, memory }
  }

  #take (length: number): Uint8Array {
    for (let memory = this.#free.pop(); memory !== undefined; memory = this.#free.pop()) if (memory.byteLength >= length) return memory
    return new Uint8Array(length)
  }

  #recycle ({ bytes, memory }: Piece): void {
    if (bytes !== undefined && memory !== undefined) this.#free.push(memory)
  }

  async #readInto (source: FillingSource, at: number, into: Uint8Array): Promise<Uint8Array> {
    const { signal } = this.#call
    const got = await withdrawable(source.readInto(at, into, this.#call), signal)
    if (got < into.byteLength) throw new IoError('IO_TRUNCATED', `source ended early; at=${at} want=${into.byteLength} got=${got}`, { offset: at + got })
    return into
  }

  #roomToJoin (length: number): Uint8Array {
    if (this.#joined.byteLength < length) this.#joined = new Uint8Array(Math.max(length, 2 * this.#joined.byteLength))
    return this.#joined.subarray(0, length)
  }

  /** A short window at a section behind skipped data. */
  async seek (cursor: SectionCursor, windowBytes: number): Promise<void> {
    const { position: from, payloadStart, payloadBytes } = cursor
    this.#pieces = []
    const stride = from - this.#lastHead
    this.#streak = stride === this.#stride ? this.#streak + 1 : 0
    this.#stride = stride
    this.#lastHead = from
    const known = this.#guessed.get(from)
    const wanted = Math.min(Math.max(cursor.needBytes, windowBytes), payloadBytes - from)
    if (known === undefined) this.#guessed.clear()
    else this.#guessed.delete(from)
    const arrival = known ?? this.#read(payloadStart + from, wanted)
    // twice as far with each guess that was right
    const depth = this.#streak === 0 ? 0 : Math.min(this.#maxGuesses, 2 ** Math.min(this.#streak, 8))
    for (let k = 1, at = from + stride; k <= depth && at + windowBytes <= payloadBytes; k++, at += stride) {
      if (!this.#guessed.has(at)) this.#guessed.set(at, this.#read(payloadStart + at, windowBytes))
    }
    cursor.show(await arrival, from)
  }

  #read (at: number, length: number): Promise<Uint8Array> {
    const arrival = this.#source.read(at, length, this.#call)
    arrival.catch(() => {}) // one that nobody waits for any more must not end the program
    return arrival
  }
}
