/// <reference lib="esnext.disposable" preserve="true" />
/** A body that is told of: how many bytes went out, when the first did, and how it ended. */

type Chunks = AsyncGenerator<Uint8Array, void, undefined>

export interface BodyEnd {
  readonly bytes: number
  /** `undefined`: it was whole, or no longer wanted. */
  readonly error: unknown
}

const END: IteratorReturnResult<void> = Object.freeze({ done: true, value: undefined })

/** `ended` is called once, when `chunks` have come to their end or were given up. */
export class ToldBody implements Chunks {
  readonly #chunks: Chunks
  readonly #began: () => void
  readonly #ended: (end: BodyEnd) => void
  #bytes = 0
  #isOver = false

  constructor (chunks: Chunks, began: () => void, ended: (end: BodyEnd) => void) {
    this.#chunks = chunks
    this.#began = began
    this.#ended = ended
  }

  async next (): Promise<IteratorResult<Uint8Array, void>> {
    try {
      const next = await this.#chunks.next()
      if (next.done === true) {
        this.#over(undefined)
        return END
      }
      if (this.#bytes === 0) this.#began()
      this.#bytes += next.value.byteLength
      return next
    } catch (error) {
      this.#over(error)
      throw error
    }
  }

  async return (): Promise<IteratorResult<Uint8Array, void>> {
    try {
      await this.#chunks.return()
    } finally {
      this.#over(undefined)
    }
    return END
  }

  async throw (error: unknown): Promise<IteratorResult<Uint8Array, void>> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator] (): this { return this }

  async [Symbol.asyncDispose] (): Promise<void> { await this.return() }

  #over (error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#ended({ bytes: this.#bytes, error })
  }
}
