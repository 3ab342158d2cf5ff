/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type IndexRepoErrorCode =
  | 'INDEX_BAD_KEY'
  | 'INDEX_EXISTS'
  | 'INDEX_MISSING'

/** The index repo refuses, or has nothing under that name. What the files below it do wrong is an `IoError`. */
export class IndexRepoError extends Error {
  override readonly name = 'IndexRepoError'
  readonly code: IndexRepoErrorCode

  constructor (code: IndexRepoErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
