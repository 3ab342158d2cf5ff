/** When a store has indexed something: for requests that wait for it. */
import type { Dagstore } from '@dagstore/dagstore'
import { type CallOptions, onAbort } from '@dagstore/io'

export interface Changes {
  /** Resolves when something is indexed after the call, or the signal is aborted. */
  changed (options: CallOptions): Promise<void>
}

/** Until the store is closed. */
export const watchIndexed = (dagstore: Pick<Dagstore, 'events'>): Changes => {
  const waiting = new Set<() => void>()
  const watch = async (): Promise<void> => {
    for await (const event of dagstore.events()) {
      if (!(event.type === 'health' && event.to === 'available') && event.type !== 'dropped') continue
      const told = [...waiting]
      waiting.clear()
      for (const tell of told) tell()
    }
  }
  watch().catch(() => {}) // of a store that closes
  return {
    changed: ({ signal }) => new Promise((resolve) => {
      if (signal?.aborted === true) return resolve()
      const done = (): void => {
        waiting.delete(done)
        unwatch?.()
        resolve()
      }
      const unwatch = signal === undefined ? undefined : onAbort(signal, done)
      waiting.add(done)
    }),
  }
}
