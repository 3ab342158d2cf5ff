/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type PieceLoaderErrorCode =
  | 'PIECE_UNKNOWN'
  | 'PIECE_SEALED'
  | 'PIECE_NO_SOURCE'
  | 'PIECE_LOADER_CLOSED'

/** A piece could not be reached. */
export class PieceLoaderError extends Error {
  override readonly name = 'PieceLoaderError'
  readonly code: PieceLoaderErrorCode
  /** Piece CID v1. */
  readonly piece: string
  /** Whether trying again may help. */
  readonly retry: 'never' | 'later'

  constructor (code: PieceLoaderErrorCode, message: string, piece: string, options: ErrorOptions & { readonly retry?: 'never' | 'later' } = {}) {
    super(message, options)
    this.code = code
    this.piece = piece
    this.retry = options.retry ?? 'later'
  }
}
