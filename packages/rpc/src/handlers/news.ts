/** What happens from a call on: subscribed at once, not when the first value is asked for. */
import { onAbort } from '@dagstore/io'

/** @param signal - ends it, also where nobody has ever asked for a value */
export const newsFromNow = <T, R>(source: AsyncIterable<T>, signal: AbortSignal | undefined, read: (news: T) => R | undefined): AsyncGenerator<R, void, undefined> => {
  const news = source[Symbol.asyncIterator]()
  const leave = (): void => { news.return?.().catch(() => {}) } // nobody listens any more
  return readAll(news, signal, signal === undefined ? undefined : onAbort(signal, leave), read)
}

async function * readAll<T, R> (news: AsyncIterator<T>, signal: AbortSignal | undefined, unwatch: (() => void) | undefined, read: (news: T) => R | undefined): AsyncGenerator<R, void, undefined> {
  try {
    for (;;) {
      const next = await news.next()
      signal?.throwIfAborted()
      if (next.done === true) return
      const value = read(next.value)
      if (value !== undefined) yield value
    }
  } finally {
    unwatch?.()
    await news.return?.()
  }
}
