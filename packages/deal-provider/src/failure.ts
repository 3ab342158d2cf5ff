/** From an error to what a deal remembers of it, and when it is tried again. */
import type { DealFailure } from '@dagstore/deal-protocol'
import type { Retry } from '@dagstore/io'

export interface DealRetryOptions {
  /** Pause before the second attempt; each further one is twice as long. @default 10 seconds */
  readonly firstMs?: number | undefined
  /** Longest pause. @default 1 hour */
  readonly maxMs?: number | undefined
  /** Attempts in a row to register a shard; 0: none but the first. Kept in the deal's record, so that a restart gives no new ones. @default 12 */
  readonly registrations?: number | undefined
}

export interface RetrySettings { readonly firstMs: number, readonly maxMs: number, readonly registrations: number }

export const DEAL_RETRY_DEFAULTS: RetrySettings = Object.freeze({ firstMs: 10_000, maxMs: 3_600_000, registrations: 12 })

/** @throws {RangeError} no pauses, or no number of attempts */
export const retrySettings = (options: DealRetryOptions = {}): RetrySettings => {
  const settings = {
    firstMs: options.firstMs ?? DEAL_RETRY_DEFAULTS.firstMs,
    maxMs: options.maxMs ?? DEAL_RETRY_DEFAULTS.maxMs,
    registrations: options.registrations ?? DEAL_RETRY_DEFAULTS.registrations,
  }
  for (const [name, value] of Object.entries(settings)) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name}; want=a whole number from 0 got=${value}`)
  }
  return settings
}

/** Longest pause where a disk is full, since somebody may have made room. */
const FULL_MS = 60_000

/** Room that one record gives to a message: it is for people, and written again at each step. */
const MAX_MESSAGE = 300

export const cutMessage = (text: string): string => text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`

export const messageOf = (error: unknown): string => cutMessage(error instanceof Error ? error.message : String(error))

export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** A matter of this process or its disk, or of a moment: not of the deal. */
const PASSING: ReadonlySet<string> = new Set(['DAGSTORE_STORAGE_FAILED', 'DAGSTORE_SHARD_DESTROYED', 'PIECE_STORE_FAILED'])

/** What the layer that knew has said; `never` where nobody did. */
export const retryOf = (error: unknown): Retry => {
  if (PASSING.has(codeOf(error) ?? '')) return 'later'
  return typeof error === 'object' && error !== null && 'retry' in error && error.retry === 'later' ? 'later' : 'never'
}

/**
 * @param before - the failure that this one follows
 * @param options.budget - further attempts in a row, after which it is not tried again by itself. @default any number
 * @param options.retry - in place of what the error says
 */
export const failureOf = (
  error: unknown, before: DealFailure | undefined, now: number, { firstMs, maxMs }: RetrySettings,
  { budget = Number.POSITIVE_INFINITY, retry = retryOf(error) }: { readonly budget?: number, readonly retry?: Retry } = {}
): DealFailure => {
  const attempts = (before?.attempts ?? 0) + 1
  // whether there is room again costs nothing to see, unless attempts are counted
  const longestMs = codeOf(error) === 'IO_FULL' && budget === Number.POSITIVE_INFINITY ? Math.min(maxMs, FULL_MS) : maxMs
  const pauseMs = Math.min(longestMs, firstMs * 2 ** Math.min(attempts - 1, 40))
  return {
    code: codeOf(error) ?? 'DEAL_UNEXPECTED',
    message: messageOf(error),
    at: now,
    retry,
    attempts,
    nextRetryAt: retry === 'later' && attempts <= budget ? now + pauseMs : undefined,
  }
}
