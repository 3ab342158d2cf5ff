/** From an error to what a deal remembers of it, and when it is tried again. */
import type { DealFailure } from '@dagstore/deal-protocol'
import type { Retry } from '@dagstore/io'

export interface ClientRetryOptions {
  /** Pause before the second attempt; each further one is twice as long. @default 5 seconds */
  readonly firstMs?: number | undefined
  /** Longest pause. @default 1 hour */
  readonly maxMs?: number | undefined
}

export type RetryPauses = Readonly<Required<{ [K in keyof ClientRetryOptions]: number }>>

export const RETRY_DEFAULTS: RetryPauses = Object.freeze({ firstMs: 5000, maxMs: 3_600_000 })

/** Room that one record gives to a message: it is for people, and written again at each step. */
const MAX_MESSAGE = 300

export const cutMessage = (text: string): string => text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`

export const messageOf = (error: unknown): string => cutMessage(error instanceof Error ? error.message : String(error))

export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** What the layer that knew has said; `never` where nobody did. */
export const retryOf = (error: unknown): Retry => typeof error === 'object' && error !== null && 'retry' in error && error.retry === 'later' ? 'later' : 'never'

const askedForMs = (error: unknown): number =>
  typeof error === 'object' && error !== null && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : 0

/**
 * @param before - the failure that this one follows
 * @param retry - in place of what the error says
 */
export const failureOf = (error: unknown, before: Pick<DealFailure, 'attempts'> | undefined, now: number, { firstMs, maxMs }: RetryPauses, retry: Retry = retryOf(error)): DealFailure => {
  const attempts = (before?.attempts ?? 0) + 1
  const pauseMs = Math.max(askedForMs(error), Math.min(maxMs, firstMs * 2 ** Math.min(attempts - 1, 40)))
  return { code: codeOf(error) ?? 'DEAL_CLIENT_UNEXPECTED', message: messageOf(error), at: now, retry, attempts, nextRetryAt: retry === 'later' ? now + pauseMs : undefined }
}
