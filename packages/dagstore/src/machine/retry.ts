/** When a shard that failed for a passing reason is tried again without being asked: backoff, jitter, and an end of it. */
import type { Failure, State } from './state.ts'

/** What the store was told about retrying, and what the machine must not find out itself: the time and a random number. */
export interface RetryPlan {
  /** Failures in a row, the first one included, after which only a caller tries again; 0 and 1: no retry at all. */
  readonly attempts: number
  /** Before the second try, in milliseconds; doubled for each one after it. */
  readonly baseMs: number
  readonly maxMs: number
  /** Milliseconds since 1970. */
  readonly now: number
  /** From 0 to 1, evenly. */
  readonly draw: number
}

/**
 * `failure` with its place in the row, and when the next try is due. A try made for a caller before one was due counts for
 * nothing and moves nothing: whoever asks often uses up no budget.
 *
 * @param before - what the shard was errored with; `undefined` after a success or a recovery
 */
export const counted = (failure: Failure, before: Failure | undefined, { attempts: budget, baseMs, maxMs, now, draw }: RetryPlan): Failure => {
  const row = before?.retry === 'later' ? before : undefined
  if (failure.retry === 'never') return { ...failure, attempts: (row?.attempts ?? 0) + 1, nextRetryAt: undefined }
  if (row !== undefined && !isDue(row, now)) return { ...failure, attempts: row.attempts, nextRetryAt: row.nextRetryAt }
  const attempts = (row?.attempts ?? 0) + 1
  if (attempts >= budget) return { ...failure, attempts, nextRetryAt: undefined }
  const delay = Math.min(maxMs, baseMs * 2 ** (attempts - 1)) * (0.5 + draw / 2)
  return { ...failure, attempts, nextRetryAt: new Date(Math.ceil(now + delay)).toISOString() }
}

const isDue = ({ nextRetryAt }: Failure, now: number): boolean => nextRetryAt !== undefined && Date.parse(nextRetryAt) <= now

/** The failure that the next one is counted from. */
export const lastFailure = (state: State): Failure | undefined =>
  state.tag === 'errored' || state.tag === 'interrupted' || state.tag === 'initializing' || state.tag === 'refreshing' ? state.failure : undefined
