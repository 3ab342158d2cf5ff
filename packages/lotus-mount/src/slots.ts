/** At most so many at a time; the others wait in the order in which they came. */
import { type CallOptions, onAbort } from '@dagstore/io'

export interface Slots {
  /** Run `work` in a slot. An abort leaves the queue at once; a slot is held until `work` has ended. */
  run<T> (work: () => Promise<T>, options?: CallOptions): Promise<T>
  /** Those who wait. */
  readonly waiting: number
}

/** @param limit - 0: no limit. @param joined - told how many wait, by each that joins them. @throws {RangeError} not a whole number from 0 */
export const createSlots = (limit: number, joined: (waiting: number) => void = () => {}): Slots => {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError(`limit; want=whole number from 0 got=${limit}`)
  let free = limit
  const queue = new Set<() => void>()
  const enter = (signal: AbortSignal | undefined): Promise<void> => new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    if (free > 0) {
      free--
      return resolve()
    }
    const go = (): void => {
      queue.delete(go)
      unwatch?.()
      resolve()
    }
    queue.add(go)
    const unwatch = signal === undefined ? undefined : onAbort(signal, () => {
      queue.delete(go)
      reject(signal.reason)
    })
    joined(queue.size)
  })
  const exit = (): void => {
    const [next] = queue
    if (next === undefined) free++
    else next()
  }
  return {
    get waiting () { return queue.size },
    run: async (work, { signal } = {}) => {
      if (limit === 0) {
        signal?.throwIfAborted()
        return work()
      }
      await enter(signal)
      try {
        return await work()
      } finally {
        exit()
      }
    },
  }
}
