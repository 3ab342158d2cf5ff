/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type ImportErrorCode =
  | 'IMPORT_BAD_CAR'
  | 'IMPORT_BAD_RECORD'
  | 'IMPORT_FAILED'
  | 'IMPORT_UNKNOWN'

/** An import cannot be made, found or removed. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
  readonly code: ImportErrorCode

  constructor (code: ImportErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
