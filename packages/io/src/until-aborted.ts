/** Chunks that somebody else gives, for as long as they are wanted. */
import { withdrawable } from './withdrawable.ts'

/**
 * The same chunks, until the signal aborts: then its reason at once, even while the next chunk is waited for. `chunks` are
 * closed whatever happens; that is not waited for when they have yet to give the chunk that they were asked for.
 */
export const untilAborted = (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Iterable<Uint8Array> | AsyncIterable<Uint8Array> =>
  signal === undefined || !(Symbol.asyncIterator in chunks) ? chunks : withdrawn(chunks, signal)

async function * withdrawn (chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]()
  let state: 'idle' | 'asked' | 'ended' = 'idle'
  const ask = async (): Promise<IteratorResult<Uint8Array>> => {
    let result: IteratorResult<Uint8Array> | undefined
    state = 'asked'
    try {
      result = await iterator.next()
      return result
    } finally {
      state = result?.done === false ? 'idle' : 'ended'
    }
  }
  const end = async (): Promise<void> => { await iterator.return?.() }
  try {
    for (;;) {
      signal.throwIfAborted()
      const { done, value } = await withdrawable(ask(), signal)
      if (done === true) return
      yield value
    }
  } finally {
    const left = state as 'idle' | 'asked' | 'ended'
    if (left === 'idle') await end()
    else if (left === 'asked') end().catch(() => {}) // the reason of the abort is the one to tell
  }
}
