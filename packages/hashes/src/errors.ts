/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type HashErrorCode = 'HASH_UNKNOWN' | 'HASH_TOO_LONG'

/** Bytes cannot be hashed as asked. */
export class HashError extends Error {
  override readonly name = 'HashError'
  readonly code: HashErrorCode
  /** The multihash code asked for. */
  readonly hashCode: number

  constructor (code: HashErrorCode, message: string, options: ErrorOptions & { hashCode: number }) {
    super(message, options)
    this.code = code
    this.hashCode = options.hashCode
  }
}
