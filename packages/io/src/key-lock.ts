/** One at a time per key, in the order in which they came. */
import { withdrawable } from './withdrawable.ts'

/** @param signal - of who waits for the turn; from its beginning on the work has to listen itself */
export type KeyLock = <T>(key: string, work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export const createKeyLock = (): KeyLock => {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work, signal) => {
    const before = last.get(key) ?? Promise.resolve()
    const turn = withdrawable(before, signal).then(work)
    // the next one only waits, for those before too where this one has left
    const ended = Promise.allSettled([before, turn])
    last.set(key, ended)
    try {
      return await turn
    } finally {
      // whoever left early leaves the key to those before
      void ended.then(() => { if (last.get(key) === ended) last.delete(key) })
    }
  }
}
