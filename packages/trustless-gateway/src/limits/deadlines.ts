/** Many that have equally long for something: one timer for all of them. */
import type { Clock } from '@dagstore/io'

/** Sleeps no longer than this, so that none outlives what it was for by much. */
const LONGEST_MS = 60_000
/** A sleep that is late by this much will never end: Workers forget the timers of a request when it ends. */
const LOST_MS = 1000

export class Deadlines<T> {
  readonly #ms: number
  readonly #clock: Clock
  readonly #due: (item: T) => void
  /** When each is due, the first one first. */
  readonly #items: Map<T, number> = new Map()
  /** When the watch looks again; `undefined`: there is none. */
  #wakeAt: number | undefined
  #watch = 0

  /** @param ms - 0: nothing is ever due. @param due - called once for an item that was not cleared; must not throw */
  constructor (ms: number, clock: Clock, due: (item: T) => void) {
    this.#ms = ms
    this.#clock = clock
    this.#due = due
  }

  /** Its time begins, or begins anew. */
  set (item: T): void {
    if (this.#ms === 0) return
    const now = this.#clock.monotonic()
    this.#items.delete(item)
    this.#items.set(item, now + this.#ms)
    if (this.#wakeAt === undefined || now > this.#wakeAt + LOST_MS) void this.#look(++this.#watch)
  }

  clear (item: T): void { this.#items.delete(item) }

  async #look (watch: number): Promise<void> {
    for (let [first] = this.#items; first !== undefined; [first] = this.#items) {
      const [item, at] = first
      const now = this.#clock.monotonic()
      if (at > now) {
        const wait = Math.min(Math.ceil(at - now), LONGEST_MS)
        this.#wakeAt = now + wait
        await this.#clock.sleep(wait)
        if (watch !== this.#watch) return
      } else {
        this.#items.delete(item)
        this.#due(item)
      }
    }
    this.#wakeAt = undefined
  }
}
