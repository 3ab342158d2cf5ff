/** At most so many at a time; the others wait in the order in which they came. */
import { type CallOptions, createFairSlots, createLane } from '@dagstore/io'

export interface Slots {
  /** Run `work` in a slot. An abort leaves the queue at once; a slot is held until `work` has ended. */
  run<T> (work: () => Promise<T>, options?: CallOptions): Promise<T>
  /** Those who wait. */
  readonly waiting: number
}

/** @param limit - 0: no limit. @param joined - told how many wait, by each that joins them. @throws {RangeError} not a whole number from 0 */
export const createSlots = (limit: number, joined: (waiting: number) => void = () => {}): Slots => {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError(`limit; want=whole number from 0 got=${limit}`)
  const slots = createFairSlots(limit)
  const lane = createLane()
  return {
    get waiting () { return slots.waiting },
    run: async (work, options) => {
      const turn = slots.enter(lane, options)
      if (turn !== undefined) joined(slots.waiting)
      await turn
      try {
        return await work()
      } finally {
        slots.leave()
      }
    },
  }
}
