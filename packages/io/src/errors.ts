/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type IoErrorCode =
  | 'IO_OUT_OF_RANGE'
  | 'IO_TRUNCATED'
  | 'IO_SOURCE_LOST'
  | 'IO_SOURCE_CHANGED'
  | 'IO_CLOSED'
  | 'IO_NOT_FOUND'
  | 'IO_EXISTS'
  | 'IO_FORBIDDEN'
  | 'IO_FULL'
  | 'IO_FAILED'

/** Whether trying again may help; said by the layer that knows the cause, so that nobody else parses it. */
export type Retry = 'never' | 'later'

/** Bytes could not be read or written. */
export class IoError extends Error {
  override readonly name = 'IoError'
  readonly code: IoErrorCode
  readonly retry: Retry
  /** Where, in bytes from the start of the source or file; `undefined` when no single place is at fault. */
  readonly offset: number | undefined
  /** What the other side asked to wait for before trying again, in milliseconds; `undefined` when it said nothing. */
  readonly retryAfterMs: number | undefined

  constructor (code: IoErrorCode, message: string, options: ErrorOptions & { retry?: Retry, offset?: number, retryAfterMs?: number | undefined } = {}) {
    super(message, options)
    this.code = code
    this.retry = options.retry ?? 'never'
    this.offset = options.offset
    this.retryAfterMs = options.retryAfterMs
  }
}
