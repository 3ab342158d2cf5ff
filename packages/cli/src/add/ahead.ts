/** Work on what comes, several at a time, given out in the order in which it came. */

/** @param width - at a time; the source is read as far ahead. What it throws comes behind what it gave before */
export const mapAhead = async function * <T, R>(source: AsyncIterable<T>, width: number, work: (item: T) => Promise<R>): AsyncGenerator<R, void, undefined> {
  const running: Promise<R>[] = []
  try {
    for await (const item of source) {
      const one = work(item)
      one.catch(() => {}) // told when its turn comes
      running.push(one)
      const first = running.length >= width ? running.shift() : undefined
      if (first !== undefined) yield await first
    }
    for (let first = running.shift(); first !== undefined; first = running.shift()) yield await first
  } finally {
    await Promise.allSettled(running)
  }
}
