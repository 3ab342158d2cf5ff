/** Waiting for work that others wait for too: a caller may withdraw, the work goes on. */

/** Settles with the promise, or rejects with the signal's reason before it does. */
export const withdrawable = async <T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  let aborted = (): void => {}
  const withdrawn = new Promise<never>((_, reject) => {
    aborted = () => { reject(signal.reason) }
    signal.addEventListener('abort', aborted, { once: true })
  })
  try {
    return await Promise.race([promise, withdrawn])
  } finally {
    signal.removeEventListener('abort', aborted)
  }
}
