/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type PieceStoreErrorCode =
  | 'PIECE_STORE_BAD_CID'
  | 'PIECE_STORE_BAD_FORMAT'
  | 'PIECE_STORE_DAMAGED'
  | 'PIECE_STORE_FAILED'

/** The piece store cannot answer or change; never thrown for a piece that it does not know. */
export class PieceStoreError extends Error {
  override readonly name = 'PieceStoreError'
  readonly code: PieceStoreErrorCode

  constructor (code: PieceStoreErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
