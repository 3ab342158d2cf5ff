/** Leaving work that may not listen: of a mount, nobody knows how it is written. */

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
    else signal.addEventListener('abort', leave, { once: true })
    work.then(
      (value) => {
        signal.removeEventListener('abort', leave)
        if (left) late(value)
        else resolve(value)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', leave)
        reject(error)
      }
    )
  })
