/** Shards that failed a moment ago: asked last, so that one that hangs or is away does not slow every read down. */
import type { Clock } from '@dagstore/io'

const MOMENT_MS = 10_000
const REMEMBERED = 1024

/** Says nothing of what a shard holds: it is asked all the same when no other shard has the block. */
export interface RecentFailures {
  note(key: string): void
  clear(key: string): void
  has(key: string): boolean
}

export const createRecentFailures = (clock: Clock): RecentFailures => {
  /** Until when, the oldest first. */
  const until = new Map<string, number>()
  return {
    note: (key) => {
      until.delete(key)
      until.set(key, clock.monotonic() + MOMENT_MS)
      const [oldest] = until.keys()
      if (until.size > REMEMBERED && oldest !== undefined) until.delete(oldest)
    },
    clear: (key) => { until.delete(key) },
    has: (key) => {
      const end = until.get(key)
      if (end === undefined) return false
      if (clock.monotonic() < end) return true
      until.delete(key)
      return false
    },
  }
}
