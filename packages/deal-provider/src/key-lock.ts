/** One at a time per key, in the order in which they came. */

export type KeyLock = <T>(key: string, work: () => Promise<T>) => Promise<T>

export const createKeyLock = (): KeyLock => {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work)
    const ended = turn.then(() => {}, () => {}) // the next one only waits
    last.set(key, ended)
    try {
      return await turn
    } finally {
      if (last.get(key) === ended) last.delete(key)
    }
  }
}
