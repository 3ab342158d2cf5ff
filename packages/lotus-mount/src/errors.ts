/** What a piece loader can fail with. */
import type { Retry } from '@dagstore/io'

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type PieceLoaderErrorCode =
  | 'PIECE_UNKNOWN'
  | 'PIECE_SEALED'
  | 'PIECE_LOST'
  | 'PIECE_NO_SOURCE'
  | 'PIECE_UNSEAL_FAILED'
  | 'PIECE_BAD_STORAGE'
  | 'PIECE_LOADER_CLOSED'

/** A piece cannot be reached, or a storage not be read. `cause` is an `AggregateError` of what each source failed with, when any failed. */
export class PieceLoaderError extends Error {
  override readonly name = 'PieceLoaderError'
  readonly code: PieceLoaderErrorCode
  /** Piece CID v1; `undefined` where no single piece is at fault. */
  readonly piece: string | undefined
  /** Whether trying again may help: `later` also when absence is not proven, because a source did not answer. */
  readonly retry: Retry

  constructor (code: PieceLoaderErrorCode, message: string, piece: string | undefined, options: ErrorOptions & { readonly retry?: Retry } = {}) {
    super(piece === undefined ? message : `${message}; piece=${piece}`, options)
    this.code = code
    this.piece = piece
    this.retry = options.retry ?? 'never'
  }
}
