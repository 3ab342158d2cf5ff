/** Calls on ports that are not ours: they are asked to stop at the provider's end, and waited for no longer than that may take. */
import { withdrawable } from '@dagstore/io'
import type { Parts } from './parts.ts'

/** Enough for a port to put away what it has begun. */
const GRACE_MS = 10_000

/** Settles with `call`, or, where that goes on for long after the provider's end, rejects with its reason. */
export const portCall = async <T>({ clock, ending }: Pick<Parts, 'clock' | 'ending'>, call: Promise<T>): Promise<T> => {
  const [given, answered] = [new AbortController(), new AbortController()]
  const giveUp = (): void => {
    clock.sleep(GRACE_MS, { signal: answered.signal }).then(() => { given.abort(ending.reason) }, () => {}) // answered in time
  }
  if (ending.aborted) giveUp()
  else ending.addEventListener('abort', giveUp, { once: true })
  try {
    return await withdrawable(call, given.signal)
  } finally {
    ending.removeEventListener('abort', giveUp)
    answered.abort()
  }
}
