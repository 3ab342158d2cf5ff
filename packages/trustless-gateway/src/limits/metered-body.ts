/** A stream that goes out as fast as it may, and ends when its time is up even if nobody asks for the next chunk. */
import { type Awaitable, onAbort, withdrawable } from '@dagstore/io'

type Chunks = AsyncGenerator<Uint8Array, void, undefined>

export interface Meter {
  readonly signal: AbortSignal
  spend (bytes: number): Awaitable<void>
  /** A chunk is there for a reader who has yet to come for the next one; or he has. */
  offered (waiting: boolean): void
  leave (): void
}

const END: IteratorReturnResult<void> = { done: true, value: undefined }

export class MeteredBody implements Chunks {
  readonly #chunks: Chunks
  readonly #meter: Meter
  readonly #unwatch: () => void
  #ended: Promise<void> | undefined

  constructor (chunks: Chunks, meter: Meter) {
    this.#chunks = chunks
    this.#meter = meter
    this.#unwatch = onAbort(meter.signal, () => { void this.#end() })
    if (meter.signal.aborted) void this.#end()
    // who never comes for the first one is gone too
    else meter.offered(true)
  }

  async next (): Promise<IteratorResult<Uint8Array, void>> {
    const { signal } = this.#meter
    this.#meter.offered(false)
    try {
      signal.throwIfAborted()
      if (this.#ended !== undefined) return END
      // a source that does not listen holds up nobody who has left
      const next = await withdrawable(this.#chunks.next(), signal)
      if (next.done === true) {
        await this.#end()
        return END
      }
      await this.#meter.spend(next.value.byteLength)
      this.#meter.offered(true)
      return next
    } catch (error) {
      await this.#end().catch(() => {}) // the first failure is the one to tell
      throw signal.aborted ? signal.reason : error
    }
  }

  async return (): Promise<IteratorResult<Uint8Array, void>> {
    await this.#end()
    return END
  }

  async throw (error: unknown): Promise<never> {
    await this.#end()
    throw error
  }

  [Symbol.asyncIterator] (): this { return this }

  async [Symbol.asyncDispose] (): Promise<void> { await this.#end() }

  #end (): Promise<void> {
    if (this.#ended === undefined) {
      this.#unwatch()
      this.#meter.leave()
      const ended = this.#chunks.return().then(() => {})
      ended.catch(() => {}) // told to whoever waits for it
      this.#ended = this.#meter.signal.aborted ? Promise.resolve() : ended
    }
    return this.#ended
  }
}
