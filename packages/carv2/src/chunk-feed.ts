/** Windows of bytes that come in chunks of any length, once and in order: what a network answers. */
import { type CallOptions, withdrawable } from '@dagstore/io'
import { plainBytes } from './plain-bytes.ts'

/** Bytes in order: an async iterable or a web stream. */
export type ByteChunks = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>

export class ChunkFeed {
  readonly #chunks: AsyncIterator<Uint8Array, unknown>
  readonly #signal: AbortSignal | undefined
  /** At hand, the first of them at `#first`. */
  #held: Uint8Array[] = []
  #first = 0
  /** Where the first chunk at hand begins, from the start of the stream. */
  #start = 0
  /** End of what has come. */
  endBytes = 0
  /** Nothing more comes. */
  isDone = false

  constructor (chunks: ByteChunks, { signal }: CallOptions) {
    this.#chunks = 'getReader' in chunks ? iterate(chunks) : chunks[Symbol.asyncIterator]()
    this.#signal = signal
  }

  /** Wait until [from, to) has come, or the end; what is before `from` is forgotten. */
  async need (from: number, to: number): Promise<void> {
    this.#forget(from)
    while (this.endBytes < to && !this.isDone) {
      this.#signal?.throwIfAborted()
      const next = await withdrawable(this.#chunks.next(), this.#signal)
      if (next.done === true) {
        this.isDone = true
        return
      }
      if (!(next.value instanceof Uint8Array)) throw new TypeError('a stream of bytes gave something else')
      if (next.value.byteLength === 0) continue
      this.#held.push(plainBytes(next.value))
      this.endBytes += next.value.byteLength
      this.#forget(from)
    }
  }

  #forget (before: number): void {
    while (this.#first < this.#held.length && this.#start + this.#held[this.#first]!.byteLength <= before) this.#start += this.#held[this.#first++]!.byteLength
    if (this.#first > 1024 || this.#first === this.#held.length) {
      this.#held = this.#held.slice(this.#first)
      this.#first = 0
    }
  }

  /** What is at hand from `from` on, in one piece: at least to `to` where that has come. A view, and where it begins. */
  window (from: number, to: number): { readonly bytes: Uint8Array, readonly start: number } {
    const first = this.#held[this.#first]
    if (first === undefined || from >= this.endBytes) return { bytes: new Uint8Array(0), start: from }
    const end = Math.min(to, this.endBytes)
    if (this.#start + first.byteLength >= end) return { bytes: first, start: this.#start }
    const bytes = new Uint8Array(end - from)
    for (let i = this.#first, at = this.#start; at < end; at += this.#held[i++]!.byteLength) {
      const skip = Math.max(0, from - at)
      bytes.set(this.#held[i]!.subarray(skip, end - at), at + skip - from)
    }
    return { bytes, start: from }
  }

  /** Tell the stream that nothing more is wanted. */
  async close (): Promise<void> {
    const closing = this.#chunks.return?.()
    // a stream that was left waiting may never answer
    if (this.#signal?.aborted === true) void closing?.catch(() => {})
    else await closing
  }
}

/** Unlike the iterator that such a stream may have itself, this one cancels while an answer is awaited. */
const iterate = (stream: ReadableStream<Uint8Array>): AsyncIterator<Uint8Array, undefined> => {
  const reader = stream.getReader()
  return {
    next: async () => {
      const { done, value } = await reader.read()
      return done ? { done, value: undefined } : { done, value }
    },
    return: async () => {
      try {
        await reader.cancel()
      } finally {
        reader.releaseLock()
      }
      return { done: true, value: undefined }
    },
  }
}
