/** The errors of retrievals; those of stores, files and DAGs pass through. */

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type RetrievalErrorCode =
  | 'RETRIEVAL_BAD_ID'
  | 'RETRIEVAL_OTHER_ROOT'
  | 'RETRIEVAL_UNKNOWN'
  | 'RETRIEVAL_NOT_FINISHED'
  | 'RETRIEVAL_IN_USE'
  | 'RETRIEVAL_NOT_UNIXFS'
  | 'RETRIEVAL_UNSAFE_NAME'
  | 'RETRIEVAL_UNSAFE_LINK'
  | 'RETRIEVAL_TARGET_EXISTS'

/** A retrieval or an export was refused. */
export class RetrievalError extends Error {
  override readonly name = 'RetrievalError'
  readonly code: RetrievalErrorCode

  constructor (code: RetrievalErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
