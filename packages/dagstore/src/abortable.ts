/** Leaving work that may not listen: of a mount, nobody knows how it is written. */
import { onAbort } from '@dagstore/io'

/**
 * What `work` gives, or the signal's reason as soon as it fires, even when `work` goes on.
 *
 * @param late - called with what `work` gave after that, to dispose of it
 */
export const abortable = <T>(work: Promise<T>, signal: AbortSignal, late: (value: T) => void = () => {}): Promise<T> =>
  new Promise((resolve, reject) => {
    let left = false
    const leave = (): void => {
      left = true
      reject(signal.reason)
    }
    if (signal.aborted) leave()
    const unwatch = onAbort(signal, leave)
    work.then(
      (value) => {
        unwatch()
        if (left) late(value)
        else resolve(value)
      },
      (error: unknown) => {
        unwatch()
        reject(error)
      }
    )
  })
