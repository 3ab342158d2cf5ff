/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type TopLevelIndexErrorCode =
  | 'TOP_LEVEL_INDEX_BAD_FORMAT'
  | 'TOP_LEVEL_INDEX_CLOSED'
  | 'TOP_LEVEL_INDEX_DAMAGED'
  | 'TOP_LEVEL_INDEX_FAILED'
  | 'TOP_LEVEL_INDEX_RETIRED'

/** The index cannot answer or change; never thrown for a multihash that is not there. */
export class TopLevelIndexError extends Error {
  override readonly name = 'TopLevelIndexError'
  readonly code: TopLevelIndexErrorCode

  constructor (code: TopLevelIndexErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
