/** The errors of opening and finishing a file; reads and puts reject with those of `@dagstore/read-blockstore`. */

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type WritableCarErrorCode =
  | 'WRITABLE_CAR_DAMAGED'
  | 'WRITABLE_CAR_FAILED'
  | 'WRITABLE_CAR_FINALIZED'
  | 'WRITABLE_CAR_NOT_EMPTY'
  | 'WRITABLE_CAR_NOT_FINALIZED'
  | 'WRITABLE_CAR_NOT_OURS'
  | 'WRITABLE_CAR_ROOTS_FIXED'
  | 'WRITABLE_CAR_ROOTS_TOO_LARGE'
  | 'WRITABLE_CAR_ROOTS_UNKNOWN'
  | 'WRITABLE_CAR_TOO_LARGE'

/** The file cannot be opened, or finished, as asked. */
export class WritableCarError extends Error {
  override readonly name = 'WritableCarError'
  readonly code: WritableCarErrorCode
  /** With `WRITABLE_CAR_ROOTS_TOO_LARGE`: the `reserveBytes` at creation that would hold these roots, `undefined` if readers would refuse them; else `undefined`. */
  readonly reserveBytes: number | undefined
  /** Where, in bytes from the start of the file; `undefined` when no single place is at fault. */
  readonly offset: number | undefined

  constructor (code: WritableCarErrorCode, message: string, options: ErrorOptions & { reserveBytes?: number, offset?: number } = {}) {
    super(message, options)
    this.code = code
    this.reserveBytes = options.reserveBytes
    this.offset = options.offset
  }
}
