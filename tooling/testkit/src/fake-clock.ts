/** A clock that moves only when a test says so. */
import type { Clock } from '@dagstore/io'

export interface FakeClock extends Clock {
  /** Move on by `ms`; sleeps that end on the way resolve in order, and what they start may sleep again within the span. */
  advance(ms: number): Promise<void>
  /** Sleeps that have not ended. */
  readonly sleeping: number
}

/** @param start - milliseconds since 1970 at first; default 2021-08-17, when the DAG store came into Lotus */
export const createFakeClock = (start: number = Date.UTC(2021, 7, 17)): FakeClock => {
  let now = start
  const sleeps = new Set<{ readonly at: number, readonly wake: () => void }>()
  const settle = async (): Promise<void> => { for (let i = 0; i < 20; i++) await Promise.resolve() }

  return {
    now: () => now,
    monotonic: () => now - start,
    sleep: (ms, { signal } = {}) => new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      const entry = { at: now + Math.max(0, ms), wake: () => { sleeps.delete(entry); signal?.removeEventListener('abort', aborted); resolve() } }
      const aborted = (): void => { sleeps.delete(entry); reject(signal?.reason) }
      signal?.addEventListener('abort', aborted, { once: true })
      sleeps.add(entry)
    }),
    advance: async (ms) => {
      const end = now + ms
      await settle()
      for (;;) {
        const next = [...sleeps].filter((s) => s.at <= end).sort((x, y) => x.at - y.at)[0]
        if (next === undefined) break
        now = Math.max(now, next.at)
        next.wake()
        await settle()
      }
      now = end
      await settle()
    },
    get sleeping () { return sleeps.size },
  }
}
