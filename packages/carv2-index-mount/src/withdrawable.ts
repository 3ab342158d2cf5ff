/** Waiting for work that others wait for too: a caller may withdraw, the work goes on. */
import { onAbort } from '@dagstore/io'

/** Settles with the promise, or rejects with the signal's reason before it does. */
export const withdrawable = <T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> => signal === undefined ? promise : new Promise((resolve, reject) => {
  signal.throwIfAborted()
  const unwatch = onAbort(signal, () => { reject(signal.reason) })
  promise.then(resolve, reject).finally(unwatch)
})
