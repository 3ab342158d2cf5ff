/** The body of an answer, counted as it is taken. */
import type { CallOptions } from '@dagstore/io'

export interface CountedBody {
  /** Waits until so many bytes may go. */
  readonly pass: (bytes: number, options: CallOptions) => Promise<void>
  readonly counted: (bytes: number) => void
  /** Called once. @param isWhole - the body came to its end */
  readonly ended: (isWhole: boolean) => void
  /** Ends the answer. */
  readonly signal: AbortSignal
}

export const countedBody = (body: ReadableStream<Uint8Array>, { pass, counted, ended, signal }: CountedBody): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let isOver = false
  const end = (isWhole: boolean): void => {
    if (isOver) return
    isOver = true
    ended(isWhole)
  }
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
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
      } catch (error) {
        end(false)
        reader.cancel(error).catch(() => {}) // it has failed already
        throw error
      }
    },
    cancel: async (reason) => {
      end(false)
      await reader.cancel(reason)
    },
  }, { highWaterMark: 0 })
}
