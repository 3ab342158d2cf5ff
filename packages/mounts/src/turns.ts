/** Who works on what has one name, one after another. */
import { type CallOptions, withdrawable } from '@dagstore/io'

export class Turns {
  readonly #last: Map<string, Promise<unknown>> = new Map()
  readonly #rested: () => void

  /** @param rested - called when nobody works on something any more */
  constructor (rested: () => void) {
    this.#rested = rested
  }

  /** Somebody works on it, or waits to. */
  busy (name: string): boolean { return this.#last.has(name) }

  /** Resolves when nobody works on anything. */
  async rest (): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values())
  }

  /** Run `work` when everybody before has ended; a caller who leaves by `signal` before that has it not run. */
  async take<T> (name: string, work: () => Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve()
    let done = (): void => {}
    const turn = before.then(() => new Promise<void>((resolve) => { done = resolve }))
    this.#last.set(name, turn)
    const end = (): void => {
      done()
      if (this.#last.get(name) !== turn) return
      this.#last.delete(name)
      this.#rested()
    }
    try {
      await withdrawable(before, signal)
    } catch (error) {
      void before.then(end)
      throw error
    }
    try {
      return await work()
    } finally {
      end()
    }
  }
}
