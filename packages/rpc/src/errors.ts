/** What keeps the server from beginning. */

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type ServerErrorCode =
  | 'SERVER_BAD_SECRET'
  | 'SERVER_ADDRESS_IN_USE'
  | 'SERVER_CANNOT_LISTEN'

export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly code: ServerErrorCode

  constructor (code: ServerErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
