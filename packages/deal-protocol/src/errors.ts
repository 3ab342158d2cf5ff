/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type DealErrorCode = 'DEAL_BAD_MESSAGE' | 'DEAL_BAD_PROPOSAL' | 'DEAL_BAD_RECORD'

/** What was given is no deal. */
export class DealError extends Error {
  override readonly name = 'DealError'
  readonly code: DealErrorCode

  constructor (code: DealErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
