/** How long requests take, and so when there will be room. */
import type { Clock } from '@dagstore/io'

/** The share of the last request in the mean. */
const WEIGHT = 0.1
const MOST_S = 120

export class Pace {
  readonly #clock: Clock
  #meanMs = 0
  #active = 0
  /** Of when those under way have begun. */
  #sum = 0

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** @returns when it has begun; what `end` takes */
  begin (): number {
    const at = this.#clock.monotonic()
    this.#active++
    this.#sum += at
    return at
  }

  end (at: number): void {
    this.#active--
    this.#sum -= at
    const ms = this.#clock.monotonic() - at
    this.#meanMs = this.#meanMs === 0 ? ms : this.#meanMs + WEIGHT * (ms - this.#meanMs)
  }

  /** Seconds until one more has its turn when `ahead` others are before it and `slots` go at a time: whole ones, from 1 to 120. */
  waitS (ahead: number, slots: number): number {
    // those that are still under way may be longer than any that has ended
    const age = this.#active === 0 ? 0 : this.#clock.monotonic() - this.#sum / this.#active
    const seconds = Math.max(this.#meanMs, age) * (ahead + 1) / Math.max(slots, 1) / 1000
    return Math.min(MOST_S, Math.max(1, Math.ceil(seconds)))
  }
}
