/**
 * Waiting in lanes: whoever waits in a lane goes in the order of coming, and the lanes get equal amounts as long as they have
 * somebody waiting, however many that are.
 */
import { onAbort } from './on-abort.ts'

interface Waiting {
  readonly amount: number
  readonly go: () => void
}

/** Those who share one turn; made by {@link createLane}, given to one queue alone. */
export interface Lane {
  /** How much it has had, counted as if it had had its share while it waited for nothing. */
  had: number
  readonly waiting: Set<Waiting>
}

export const createLane = (): Lane => ({ had: 0, waiting: new Set() })

export class FairQueue {
  /** Lanes in which somebody waits; the ones that had their turn last stand last. */
  readonly #lanes: Set<Lane> = new Set()
  #size = 0
  /** What those have had who had least when they got their turn. */
  #level = 0

  get size (): number { return this.#size }

  /** Resolves when `take` has given the turn; leaving by `signal` rejects with its reason. @param changed - called once in the queue, and when it is left */
  wait (lane: Lane, amount: number, signal: AbortSignal | undefined, changed: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      let unwatch = (): void => {}
      const waiting: Waiting = { amount, go: () => { unwatch(); resolve() } }
      if (lane.waiting.size === 0) {
        lane.had = Math.max(lane.had, this.#level)
        this.#lanes.add(lane)
      }
      lane.waiting.add(waiting)
      this.#size++
      if (signal !== undefined) {
        unwatch = onAbort(signal, () => {
          this.#remove(lane, waiting)
          reject(signal.reason)
          changed()
        })
      }
      changed()
    })
  }

  /** How much whoever is next waits for; `undefined`: nobody waits. */
  peek (): number | undefined {
    return this.#next()?.waiting.values().next().value?.amount
  }

  /** Let the next one go. */
  take (): void {
    const lane = this.#next()
    const next = lane?.waiting.values().next().value
    if (lane === undefined || next === undefined) return
    this.#level = Math.max(this.#level, lane.had)
    lane.had += next.amount
    this.#lanes.delete(lane)
    this.#remove(lane, next)
    if (lane.waiting.size > 0) this.#lanes.add(lane)
    next.go()
  }

  #next (): Lane | undefined {
    let least: Lane | undefined
    for (const lane of this.#lanes) {
      // nobody has had less
      if (lane.had <= this.#level) return lane
      if (least === undefined || lane.had < least.had) least = lane
    }
    return least
  }

  #remove (lane: Lane, waiting: Waiting): void {
    if (lane.waiting.delete(waiting)) this.#size--
    if (lane.waiting.size === 0) this.#lanes.delete(lane)
  }
}
