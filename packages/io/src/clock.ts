/** Time as a port, so that tests own it. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds of a clock that never goes back, with fractions; only differences mean something. */
  monotonic(): number
  /** Resolves after `ms`. Rejects with the signal's reason on abort. Does not keep a process alive. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, { signal } = {}) => new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const done = (): void => { signal?.removeEventListener('abort', aborted); resolve() }
    const timer: unknown = setTimeout(done, ms)
    const aborted = (): void => { clearTimeout(timer as number); reject(signal?.reason) }
    signal?.addEventListener('abort', aborted, { once: true })
    // browsers give a number, Node an object that can let the process end
    if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') timer.unref()
  }),
}
