/** News of two kinds in one stream, in the order in which they come. */

/** Ends when both have; leaving it leaves both. One that fails ends it. */
export async function * mergedNews<T> (...sources: readonly AsyncGenerator<T, void, undefined>[]): AsyncGenerator<T, void, undefined> {
  type Next = { readonly source: AsyncGenerator<T, void, undefined>, readonly result: IteratorResult<T, void> }
  const ask = async (source: AsyncGenerator<T, void, undefined>): Promise<Next> => ({ source, result: await source.next() })
  const waiting = new Map(sources.map((source) => [source, ask(source)]))
  for (const one of waiting.values()) one.catch(() => {}) // told by the race
  try {
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values())
      // the other one comes first in the next race
      waiting.delete(source)
      if (result.done === true) continue
      const next = ask(source)
      next.catch(() => {}) // told by the race
      waiting.set(source, next)
      yield result.value
    }
  } finally {
    // one that waits for news is told by its signal
    for (const source of waiting.keys()) source.return().catch(() => {})
  }
}
