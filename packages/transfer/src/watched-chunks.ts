/** Chunks of somebody who may send nothing, or next to nothing, for ever. */
import { type Clock, withdrawable } from '@dagstore/io'
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
  try {
    for (;;) {
      signal?.throwIfAborted()
      const asked = clock.monotonic()
      const { done, value } = await nextOf(chunks, clock, stalledMs, signal)
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
    // one that was left waiting may never answer
    chunks.return?.().catch(() => {})
  }
}

const nextOf = async (chunks: AsyncIterator<Uint8Array>, clock: Clock, stalledMs: number, signal: AbortSignal | undefined): Promise<IteratorResult<Uint8Array>> => {
  const over = new AbortController()
  const late = clock.sleep(stalledMs, { signal: over.signal }).then(() => { throw new TransferError('TRANSFER_STALLED', `nothing came; ms=${stalledMs}`) })
  late.catch(() => {})
  try {
    return await withdrawable(Promise.race([chunks.next(), late]), signal)
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof TransferError) throw cause
    throw new TransferError('TRANSFER_TRUNCATED', 'the stream broke off', { cause })
  } finally {
    over.abort()
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
