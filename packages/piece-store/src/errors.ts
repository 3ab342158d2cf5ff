/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type PieceStoreErrorCode =
  | 'PIECE_STORE_BAD_CID'
  | 'PIECE_STORE_BAD_FORMAT'
  | 'PIECE_STORE_BAD_ROW'
  | 'PIECE_STORE_DAMAGED'
  | 'PIECE_STORE_FAILED'
  | 'PIECE_STORE_NO_DRIVER'

/** The piece store cannot answer or change; never thrown for a piece that it does not know. */
export class PieceStoreError extends Error {
  override readonly name = 'PieceStoreError'
  readonly code: PieceStoreErrorCode
  /** Which field of a row is at fault, with `PIECE_STORE_BAD_ROW`; `undefined` when it is no single one. */
  readonly field: string | undefined

  constructor (code: PieceStoreErrorCode, message: string, options: ErrorOptions & { field?: string | undefined } = {}) {
    super(message, options)
    this.code = code
    this.field = options.field
  }
}
