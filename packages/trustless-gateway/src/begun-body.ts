/// <reference lib="esnext.disposable" preserve="true" />
/** A body of which the first chunk has been read, so that its answer begins only when there is one. */

type Chunks = AsyncGenerator<Uint8Array, void, undefined>

/** Reads the first chunk. Ending what is given back ends `chunks`, whether or not anything was taken. */
export const begun = async (chunks: Chunks): Promise<Chunks> => new BegunBody(await chunks.next(), chunks)

class BegunBody implements Chunks {
  #first: IteratorResult<Uint8Array, void> | undefined
  readonly #rest: Chunks

  constructor (first: IteratorResult<Uint8Array, void>, rest: Chunks) {
    this.#first = first
    this.#rest = rest
  }

  async next (): Promise<IteratorResult<Uint8Array, void>> {
    const first = this.#first
    this.#first = undefined
    return first ?? this.#rest.next()
  }

  async return (): Promise<IteratorResult<Uint8Array, void>> {
    this.#first = undefined
    return this.#rest.return()
  }

  async throw (error: unknown): Promise<never> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator] (): this { return this }

  async [Symbol.asyncDispose] (): Promise<void> { await this.return() }
}
