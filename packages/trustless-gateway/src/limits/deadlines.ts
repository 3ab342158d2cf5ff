/** Many that have equally long for something: one timer for all of them. */
import type { Clock } from '@dagstore/io'

/** Sleeps no longer than this, so that none outlives what it was for by much. */
const LONGEST_MS = 60_000

export class Deadlines<T> {
  readonly #ms: number
  readonly #clock: Clock
  readonly #due: (item: T) => void
  /** When each is due, the first one first. */
  readonly #items: Map<T, number> = new Map()
  #watching = false

  /** @param ms - 0: nothing is ever due. @param due - called once for an item that was not cleared; must not throw */
  constructor (ms: number, clock: Clock, due: (item: T) => void) {
    this.#ms = ms
    this.#clock = clock
    this.#due = due
  }

  /** Its time begins, or begins anew. */
  set (item: T): void {
    if (this.#ms === 0) return
    this.#items.delete(item)
    this.#items.set(item, this.#clock.monotonic() + this.#ms)
    if (!this.#watching) void this.#watch()
  }

  clear (item: T): void { this.#items.delete(item) }

  async #watch (): Promise<void> {
    this.#watching = true
    for (let [first] = this.#items; first !== undefined; [first] = this.#items) {
      const [item, at] = first
      const wait = at - this.#clock.monotonic()
      if (wait > 0) {
        await this.#clock.sleep(Math.min(Math.ceil(wait), LONGEST_MS))
      } else {
        this.#items.delete(item)
        this.#due(item)
      }
    }
    this.#watching = false
  }
}
