/** Chunks of somebody who may send nothing, or next to nothing, for ever. */
import { type Clock, onAbort } from '@dagstore/io'
import { TransferError } from './errors.ts'

export interface Watch {
  readonly clock: Clock
  readonly stalledMs: number
  readonly minBytesPerSecond: number
  readonly signal: AbortSignal | undefined
}

/** Over so long a wait the least rate is looked at. */
const RATE_MS = 60_000

/**
 * The same chunks. The stream is left at the end, however that comes.
 *
 * @throws {TransferError} `TRANSFER_STALLED`: no byte for `stalledMs`, or too few in a minute. `TRANSFER_TRUNCATED`: the stream failed
 */
export async function * watchedChunks (chunks: AsyncIterator<Uint8Array>, { clock, stalledMs, minBytesPerSecond, signal }: Watch): AsyncGenerator<Uint8Array, void, undefined> {
  let waitedMs = 0
  let bytes = 0
  const wait = createWait(clock, stalledMs, signal)
  try {
    for (;;) {
      signal?.throwIfAborted()
      const asked = clock.monotonic()
      const { done, value } = await wait.for(chunks.next(), asked)
      if (done === true) return
      waitedMs += clock.monotonic() - asked
      bytes += value.byteLength
      if (waitedMs >= RATE_MS) {
        if (bytes * 1000 < minBytesPerSecond * waitedMs) throw new TransferError('TRANSFER_STALLED', `too slow; min=${minBytesPerSecond} bytes per second`)
        waitedMs = 0
        bytes = 0
      }
      if (value.byteLength > 0) yield value
    }
  } finally {
    wait.end()
    // one that was left waiting may never answer
    chunks.return?.().catch(() => {})
  }
}

interface Wait {
  /** @param asked - when, by the monotonic clock */
  for(next: Promise<IteratorResult<Uint8Array>>, asked: number): Promise<IteratorResult<Uint8Array>>
  end(): void
}

/** Many short waits, one timer and one listener for all of them: either for each chunk would take longer than the chunk. */
const createWait = (clock: Clock, stalledMs: number, signal: AbortSignal | undefined): Wait => {
  const over = new AbortController()
  let leave: ((error: unknown) => void) | undefined
  let since = 0
  let isWatched = false
  const watch = async (): Promise<void> => {
    for (let rest = stalledMs; rest > 0; rest = leave === undefined ? stalledMs : stalledMs - (clock.monotonic() - since)) await clock.sleep(Math.ceil(rest), { signal: over.signal })
    leave?.(new TransferError('TRANSFER_STALLED', `nothing came; ms=${stalledMs}`))
  }
  const unwatch = signal === undefined ? undefined : onAbort(signal, () => { leave?.(signal.reason) })
  return {
    for: (next, asked) => new Promise((resolve, reject) => {
      since = asked
      leave = (error) => {
        leave = undefined
        reject(error)
      }
      next.then((result) => {
        leave = undefined
        resolve(result)
      }, (cause: unknown) => {
        leave?.(signal?.aborted === true ? signal.reason : cause instanceof TransferError ? cause : new TransferError('TRANSFER_TRUNCATED', 'the stream broke off', { cause }))
      })
      if (isWatched) return
      isWatched = true
      watch().catch(() => {}) // the end
    }),
    end: () => {
      over.abort()
      unwatch?.()
    },
  }
}

/** Chunks of a web stream; leaving cancels it, also while one is waited for. */
export const streamChunks = (stream: ReadableStream<Uint8Array> | null): AsyncIterator<Uint8Array> => {
  const reader = stream?.getReader()
  return {
    next: async () => {
      const result = await reader?.read()
      return result === undefined || result.done ? { done: true, value: undefined } : { done: false, value: result.value }
    },
    return: async () => {
      await reader?.cancel()
      return { done: true, value: undefined }
    },
  }
}
