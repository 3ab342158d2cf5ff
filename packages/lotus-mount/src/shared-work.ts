/** Slow work for a name, done once for all who want it meanwhile; it is stopped when the last of them has left. */
import { type CallOptions, withdrawable } from '@dagstore/io'

export interface SharedWork<T> {
  run (name: string, work: (signal: AbortSignal) => Promise<T>, options?: CallOptions): Promise<T>
}

export const createSharedWork = <T>(): SharedWork<T> => {
  const flights = new Map<string, { readonly result: Promise<T>, readonly stop: AbortController, waiters: number }>()
  return {
    run: async (name, work, { signal } = {}) => {
      signal?.throwIfAborted()
      let flight = flights.get(name)
      if (flight === undefined) {
        const stop = new AbortController()
        flight = { result: work(stop.signal), stop, waiters: 0 }
        flights.set(name, flight)
      }
      flight.waiters++
      try {
        return await withdrawable(flight.result, signal)
      } finally {
        if (--flight.waiters === 0) {
          if (flights.get(name) === flight) flights.delete(name)
          flight.stop.abort()
        }
      }
    },
  }
}
