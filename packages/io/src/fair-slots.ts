/** At most so many at a time; those who wait take turns by lanes. */
import type { Awaitable, CallOptions } from './calls.ts'
import { FairQueue, type Lane } from './fair-queue.ts'

export interface FairSlots {
  /** No promise where there is room at once. Rejects with the signal's reason; a slot is held until `leave`. */
  enter(lane: Lane, options?: CallOptions): Awaitable<void>
  /** Once for each `enter` that has succeeded. */
  leave(): void
  readonly taken: number
  /** Whoever comes now waits. */
  readonly full: boolean
  readonly waiting: number
}

/** @param slots - 0: no limit */
export const createFairSlots = (slots: number): FairSlots => {
  const queue = new FairQueue()
  const most = slots === 0 ? Infinity : slots
  let taken = 0
  const admit = (): void => {
    while (taken < most && queue.size > 0) {
      taken++
      queue.take()
    }
  }
  return {
    enter: (lane, { signal } = {}) => {
      signal?.throwIfAborted()
      // nobody waits while there is room
      if (taken >= most) return queue.wait(lane, 1, signal, admit)
      taken++
      return undefined
    },
    leave: () => {
      taken--
      admit()
    },
    get taken () { return taken },
    get full () { return taken >= most },
    get waiting () { return queue.size },
  }
}
