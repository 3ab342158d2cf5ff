/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
import type { Retry } from '@dagstore/io'

export type DealClientErrorCode =
  | 'DEAL_CLIENT_BAD_ANSWER'
  | 'DEAL_CLIENT_BAD_FORMAT'
  | 'DEAL_CLIENT_BAD_RECORD'
  | 'DEAL_CLIENT_BUSY'
  | 'DEAL_CLIENT_CLOSED'
  | 'DEAL_CLIENT_EXISTS'
  | 'DEAL_CLIENT_NO_DATA'
  | 'DEAL_CLIENT_NO_URL'
  | 'DEAL_CLIENT_PIECE_MISMATCH'
  | 'DEAL_CLIENT_REFUSED'
  | 'DEAL_CLIENT_REJECTED'
  | 'DEAL_CLIENT_STORAGE_FAILED'
  | 'DEAL_CLIENT_TERMS'
  | 'DEAL_CLIENT_TOO_DEAR'
  | 'DEAL_CLIENT_UNAUTHORIZED'
  | 'DEAL_CLIENT_UNKNOWN'
  | 'DEAL_CLIENT_UNREACHABLE'
  | 'DEAL_CLIENT_WRONG_STATE'

export interface DealClientErrorOptions extends ErrorOptions {
  readonly deal?: string | undefined
  readonly source?: string | undefined
  readonly retry?: Retry
  readonly retryAfterMs?: number | undefined
}

/** A call of the client, or a step of one deal, was refused or has failed. Holds no token. */
export class DealClientError extends Error {
  override readonly name = 'DealClientError'
  readonly code: DealClientErrorCode
  /** Text of the proposal CID; `undefined` where no single deal is at fault. */
  readonly deal: string | undefined
  /** Whose fault it is: the origin of a URL; `undefined` where it is nobody else's. */
  readonly source: string | undefined
  /** Whether the same may succeed later without anybody changing anything. */
  readonly retry: Retry
  /** What the other side asked to wait for, in milliseconds; `undefined` when it said nothing. */
  readonly retryAfterMs: number | undefined

  constructor (code: DealClientErrorCode, message: string, options: DealClientErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.deal = options.deal
    this.source = options.source
    this.retry = options.retry ?? 'never'
    this.retryAfterMs = options.retryAfterMs
  }
}
