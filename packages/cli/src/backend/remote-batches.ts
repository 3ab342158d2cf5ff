/** Things to be sent, together as they come. */

/**
 * Groups of 1 to `most`, in order: what has come while the one before was under way. Of a source that is faster, `most` are kept.
 * What it throws comes behind what it gave.
 */
export const batches = async function * <T>(items: AsyncIterable<T>, most: number): AsyncGenerator<readonly T[], void, undefined> {
  let waiting: T[] = []
  let end: { readonly error?: unknown } | undefined
  let wake = (): void => {}
  const change = (): Promise<void> => new Promise((resolve) => { wake = resolve })
  let room = (): void => {}
  const iterator = items[Symbol.asyncIterator]()
  const read = async (): Promise<void> => {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      waiting.push(next.value)
      wake()
      if (waiting.length >= most) await new Promise<void>((resolve) => { room = resolve })
      if (end !== undefined) return
    }
  }
  void read().then(() => { end ??= {} }, (error: unknown) => { end ??= { error } }).finally(() => { wake() })
  try {
    for (;;) {
      if (waiting.length > 0) {
        const group = waiting
        waiting = []
        room()
        yield group
      } else if (end !== undefined) {
        if ('error' in end) throw end.error
        return
      } else {
        await change()
      }
    }
  } finally {
    if (end === undefined) {
      end = {}
      room()
      // one that hangs is not waited for
      iterator.return?.().catch(() => {})
    }
  }
}
