/** Lets calls through while something is open, and knows when the last one has ended. */
import type { Awaitable, ReadDone } from '@dagstore/io'
import { BlockstoreError } from '@dagstore/read-blockstore'

export class Gate {
  #calls = 0
  #closed = false
  #reason: Error | undefined
  #idle: (() => void) | undefined

  /** @throws {BlockstoreError} `BLOCKSTORE_CLOSED` */
  check (): void {
    if (this.#closed) throw this.#refusal(this.#reason)
  }

  /** One call. What fails because the lease was revoked meanwhile says so. */
  run<T>(work: () => Awaitable<T>): Awaitable<T> {
    this.check()
    let result: Awaitable<T>
    this.#calls++
    try {
      result = work()
    } catch (error) {
      this.#end()
      throw this.#explain(error)
    }
    if (!(result instanceof Promise)) {
      this.#end()
      return result
    }
    return result.then(
      (value) => {
        this.#end()
        return value
      },
      (error: unknown) => {
        this.#end()
        throw this.#explain(error)
      }
    )
  }

  /** The same for a call that ends in a callback. */
  runThen (start: (end: ReadDone) => void, done: ReadDone): void {
    this.check()
    this.#calls++
    try {
      start((error, bytes) => {
        this.#end()
        done(bytes === undefined ? this.#explain(error) : error, bytes)
      })
    } catch (error) {
      this.#end()
      throw this.#explain(error)
    }
  }

  /** A call per item; between items nothing is held. */
  async * iterate<T>(open: () => AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, undefined> {
    this.check()
    const iterable = open()
    const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]()
    try {
      for (;;) {
        const next = await this.run<IteratorResult<T>>(() => iterator.next())
        if (next.done === true) return
        yield next.value
      }
    } finally {
      await iterator.return?.()
    }
  }

  /** No later calls; resolves when those under way have ended, at once if it was revoked. */
  close (): Promise<void> {
    this.#closed = true
    if (this.#calls === 0 || this.#reason !== undefined) return Promise.resolve()
    return new Promise((resolve) => { this.#idle = resolve })
  }

  /** Calls under way are not waited for. */
  revoke (reason: Error): void {
    this.#closed = true
    this.#reason ??= reason
    this.#idle?.()
  }

  #end (): void {
    this.#calls--
    if (this.#calls === 0) this.#idle?.()
  }

  #explain (error: unknown): unknown {
    return this.#reason === undefined ? error : this.#refusal(new AggregateError([this.#reason, error], 'revoked during the call'))
  }

  #refusal (cause: Error | undefined): BlockstoreError {
    return new BlockstoreError('BLOCKSTORE_CLOSED', 'lease is closed', cause === undefined ? {} : { cause })
  }
}
