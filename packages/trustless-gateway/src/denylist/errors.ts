/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type DenylistErrorCode = 'DENYLIST_BAD_HEADER' | 'DENYLIST_BAD_VERSION' | 'DENYLIST_BAD_LINE' | 'DENYLIST_LINE_TOO_LONG'

/** A denylist is not taken over, not even in part. */
export class DenylistError extends Error {
  override readonly name = 'DenylistError'
  readonly code: DenylistErrorCode
  /** Which of several lists. */
  readonly list: string
  /** From 1. */
  readonly line: number

  constructor (code: DenylistErrorCode, message: string, options: ErrorOptions & { list: string, line: number }) {
    super(`${message}; list=${options.list} line=${options.line}`, options)
    this.code = code
    this.list = options.list
    this.line = options.line
  }
}
