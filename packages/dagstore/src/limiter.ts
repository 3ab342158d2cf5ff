/** At most so many at a time; the others wait in the order in which they came. */
import type { CallOptions } from '@dagstore/io'

export interface Limiter {
  /** Run `work` in a slot. Leaving the queue by `signal` rejects with its reason; a slot is held until `work` has ended. */
  run<T>(work: () => Promise<T>, options?: CallOptions): Promise<T>
}

export const createLimiter = (slots: number): Limiter => {
  let free = slots
  const queue = new Set<() => void>()

  const enter = (signal: AbortSignal | undefined): Promise<void> => new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    if (free > 0) {
      free--
      return resolve()
    }
    const go = (): void => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    const leave = (): void => {
      queue.delete(go)
      reject(signal?.reason)
    }
    queue.add(go)
    signal?.addEventListener('abort', leave, { once: true })
  })

  const exit = (): void => {
    const [next] = queue
    if (next === undefined) {
      free++
      return
    }
    queue.delete(next)
    next()
  }

  return {
    run: async (work, { signal } = {}) => {
      await enter(signal)
      try {
        return await work()
      } finally {
        exit()
      }
    },
  }
}
