/** So much per second, spent before it is used. */
import type { CallOptions, Clock } from '@dagstore/io'

export interface Budget {
  /** Wait until `amount` may be spent, and spend it. More than a second's worth is waited for as well. Rejects with the signal's reason. */
  take(amount: number, options?: CallOptions): Promise<void>
  /** Spend it now, or not at all. */
  tryTake(amount: number): boolean
}

/** A token bucket. @param burst - what is saved up at most, and there at first; default what a second brings */
export const createBudget = (clock: Clock, perSecond: number, burst: number = perSecond): Budget => {
  let saved = burst
  let at = clock.monotonic()
  const refill = (): void => {
    const now = clock.monotonic()
    saved = Math.min(burst, saved + (now - at) / 1000 * perSecond)
    at = now
  }
  return {
    take: async (amount, { signal } = {}) => {
      signal?.throwIfAborted()
      refill()
      // a debt, so that large amounts are paid for afterwards by whoever comes next
      saved -= amount
      if (saved < 0) await clock.sleep(-saved / perSecond * 1000, { signal })
    },
    tryTake: (amount) => {
      refill()
      if (saved < amount) return false
      saved -= amount
      return true
    },
  }
}
