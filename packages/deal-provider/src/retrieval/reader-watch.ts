/** Somebody who takes nothing, or next to nothing, of an answer for ever. */
import type { Clock } from '@dagstore/io'

export interface ReaderWatch {
  /** From now on he is waited for; so many bytes lie ready. */
  offered(bytes: number): void
  /** He asks for more: what lay ready was taken. @returns whether he is too slow */
  asked(): boolean
  end(): void
}

/** Over so long a wait the least rate is looked at. */
const RATE_MS = 60_000

/** @param leave - called once, at most: nobody has asked for more, and too little was taken. One timer for all of an answer */
export const watchReader = (clock: Clock, minBytesPerSecond: number, leave: () => void): ReaderWatch => {
  const over = new AbortController()
  let [waitedMs, taken, ready] = [0, 0, 0]
  let since: number | undefined
  let isWatched = false
  const waited = (): number => waitedMs + (since === undefined ? 0 : clock.monotonic() - since)
  /** Looks at a minute of waiting that is over; the next one begins. */
  const isSlow = (): boolean => {
    const ms = waited()
    if (ms < RATE_MS) return false
    // what lies ready may be on its way, for once
    if ((taken + ready) * 1000 < minBytesPerSecond * ms) return true
    waitedMs = 0
    taken = 0
    ready = 0
    if (since !== undefined) since = clock.monotonic()
    return false
  }
  const watch = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(Math.ceil(RATE_MS - (since === undefined ? 0 : waited())), { signal: over.signal })
      if (since !== undefined && isSlow()) break
    }
    leave()
  }
  return {
    offered: (bytes) => {
      ready = bytes
      since = clock.monotonic()
      if (isWatched) return
      isWatched = true
      watch().catch(() => {}) // the end
    },
    asked: () => {
      waitedMs = waited()
      since = undefined
      taken += ready
      ready = 0
      return isSlow()
    },
    end: () => { over.abort() },
  }
}
