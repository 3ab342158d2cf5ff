/** The body of an answer, counted as it is taken. */
import type { CallOptions, Clock } from '@dagstore/io'
import { TransferError } from '@dagstore/transfer'
import { watchReader } from './reader-watch.ts'

export interface CountedBody {
  /** Waits until so many bytes may go. */
  readonly pass: (bytes: number, options: CallOptions) => Promise<void>
  readonly counted: (bytes: number) => void
  /** Called once. @param isWhole - the body came to its end */
  readonly ended: (isWhole: boolean) => void
  /** Ends the answer. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** What has to be taken at least, over a minute of waiting for it. */
  readonly minBytesPerSecond: number
}

/** Whoever takes too little is left: the stream fails with `TRANSFER_STALLED`. */
export const countedBody = (body: ReadableStream<Uint8Array>, { pass, counted, ended, signal, clock, minBytesPerSecond }: CountedBody): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  const slow = (): TransferError => new TransferError('TRANSFER_STALLED', `too slow; min=${minBytesPerSecond} bytes per second`)
  let isOver = false
  let fail = (_: unknown): void => {}
  const end = (isWhole: boolean): void => {
    if (isOver) return
    isOver = true
    watch.end()
    ended(isWhole)
  }
  const giveUp = (error: unknown): void => {
    end(false)
    reader.cancel(error).catch(() => {}) // it has failed already
  }
  const watch = watchReader(clock, minBytesPerSecond, () => {
    const error = slow()
    giveUp(error)
    fail(error)
  })
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      fail = (error) => { controller.error(error) }
      watch.offered(0)
    },
    pull: async (controller) => {
      try {
        if (watch.asked()) throw slow()
        signal.throwIfAborted()
        const { done, value } = await reader.read()
        if (done) {
          end(true)
          controller.close()
          return
        }
        await pass(value.byteLength, { signal })
        counted(value.byteLength)
        controller.enqueue(value)
        watch.offered(value.byteLength)
      } catch (error) {
        giveUp(error)
        throw error
      }
    },
    cancel: async (reason) => {
      end(false)
      await reader.cancel(reason)
    },
  }, { highWaterMark: 0 })
}
