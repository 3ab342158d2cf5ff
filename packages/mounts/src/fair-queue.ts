/** Waiting in lanes: the lanes take turns, and within a lane whoever came first goes first. */
import { onAbort } from '@dagstore/io'

export interface Waiting {
  readonly amount: number
  readonly go: () => void
}

export class FairQueue {
  /** The lane whose turn it is stands first. */
  readonly #lanes: Map<string, Set<Waiting>> = new Map()

  get size (): number {
    let sum = 0
    for (const lane of this.#lanes.values()) sum += lane.size
    return sum
  }

  /** Resolves when `take` has given the turn; leaving by `signal` rejects with its reason. @param entered - called once in the queue */
  wait (lane: string, amount: number, signal: AbortSignal | undefined, entered: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      let unwatch = (): void => {}
      const waiting: Waiting = { amount, go: () => { unwatch(); resolve() } }
      const others = this.#lanes.get(lane)
      if (others === undefined) this.#lanes.set(lane, new Set([waiting]))
      else others.add(waiting)
      if (signal !== undefined) {
        unwatch = onAbort(signal, () => {
          this.#remove(lane, waiting)
          reject(signal.reason)
          entered()
        })
      }
      entered()
    })
  }

  /** Who is next, without taking the turn. */
  peek (): Waiting | undefined {
    const [lane] = this.#lanes.values()
    return lane?.values().next().value
  }

  /** Let the next one go; its lane is last then. */
  take (): void {
    const [first] = this.#lanes
    const next = first?.[1].values().next().value
    if (first === undefined || next === undefined) return
    const [name, lane] = first
    this.#lanes.delete(name)
    lane.delete(next)
    if (lane.size > 0) this.#lanes.set(name, lane)
    next.go()
  }

  #remove (name: string, waiting: Waiting): void {
    const lane = this.#lanes.get(name)
    lane?.delete(waiting)
    if (lane?.size === 0) this.#lanes.delete(name)
  }
}
