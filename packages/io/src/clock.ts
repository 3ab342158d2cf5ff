/** Time as a port, so that tests own it. */
import { onAbort } from './on-abort.ts'

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds of a clock that never goes back, with fractions; only differences mean something. */
  monotonic(): number
  /** Resolves after `ms`. Rejects with the signal's reason on abort. Does not keep a process alive. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

/** The longest delay that timers take; a longer one would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, { signal } = {}) => new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    let rest = ms
    let timer: unknown
    const next = (): void => {
      const part = Math.min(rest, MAX_TIMER_MS)
      rest -= part
      timer = setTimeout(rest > 0 ? next : done, part)
      // browsers give a number, Node an object that can let the process end
      if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') timer.unref()
    }
    const done = (): void => { unwatch?.(); resolve() }
    const unwatch = signal === undefined ? undefined : onAbort(signal, () => { clearTimeout(timer as number); reject(signal.reason) })
    next()
  }),
}
