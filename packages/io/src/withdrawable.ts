/** Waiting for work that others may wait for too: a caller may withdraw, the work goes on. */
import { onAbort } from './on-abort.ts'

/**
 * Settles with `work`, or rejects with the signal's reason before it does; what `work` does after that is nobody's concern
 * here, a failure included.
 */
export const withdrawable = <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> => signal === undefined ? work : new Promise((resolve, reject) => {
  if (signal.aborted) {
    work.catch(() => {}) // the caller has left already
    reject(signal.reason)
    return
  }
  const unwatch = onAbort(signal, () => { reject(signal.reason) })
  work.then(resolve, reject).finally(unwatch)
})
