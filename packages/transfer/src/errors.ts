/** The errors of transfers. */
import type { Retry } from '@dagstore/io'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type TransferErrorCode =
  | 'TRANSFER_BAD_ANSWER'
  | 'TRANSFER_BAD_SECTION'
  | 'TRANSFER_BAD_SELECTOR'
  | 'TRANSFER_BUSY'
  | 'TRANSFER_EXPIRED'
  | 'TRANSFER_GAP'
  | 'TRANSFER_HASH_MISMATCH'
  | 'TRANSFER_NOT_FOUND'
  | 'TRANSFER_OTHER'
  | 'TRANSFER_REFUSED'
  | 'TRANSFER_SOURCE_FAILED'
  | 'TRANSFER_STALLED'
  | 'TRANSFER_TOO_LARGE'
  | 'TRANSFER_TRUNCATED'
  | 'TRANSFER_UNAUTHORIZED'
  | 'TRANSFER_UNREACHABLE'
  | 'TRANSFER_UNREQUESTED'

/** Bytes did not arrive, or are not those that were wanted. Holds no token and no query of a URL. */
export class TransferError extends Error {
  override readonly name = 'TransferError'
  readonly code: TransferErrorCode
  readonly retry: Retry
  /** What the other side asked to wait for before trying again, in milliseconds; `undefined` when it said nothing. */
  readonly retryAfterMs: number | undefined
  /** Whose fault it is: the origin of a URL; `undefined` where it is nobody else's. */
  readonly source: string | undefined

  constructor (code: TransferErrorCode, message: string, options: ErrorOptions & { retry?: Retry, retryAfterMs?: number | undefined, source?: string | undefined } = {}) {
    super(message, options)
    this.code = code
    this.retry = options.retry ?? (LATER.has(code) ? 'later' : 'never')
    this.retryAfterMs = options.retryAfterMs
    this.source = options.source
  }
}

const LATER: ReadonlySet<TransferErrorCode> = new Set<TransferErrorCode>(['TRANSFER_BUSY', 'TRANSFER_STALLED', 'TRANSFER_TRUNCATED', 'TRANSFER_UNREACHABLE'])
