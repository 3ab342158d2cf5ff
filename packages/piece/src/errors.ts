/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type PieceErrorCode =
  | 'PIECE_BAD_CID'
  | 'PIECE_BAD_STATE'
  | 'PIECE_TOO_LARGE'
  | 'PIECE_TOO_SMALL'
  | 'PIECE_TRUNCATED'
  | 'PIECE_WORKER_FAILED'

/** Not a piece, or none that Filecoin can hold. */
export class PieceError extends Error {
  override readonly name = 'PieceError'
  readonly code: PieceErrorCode

  constructor (code: PieceErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
