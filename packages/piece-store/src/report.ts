/** What becomes of a damaged row: told to who listens, else thrown. */
import { PieceStoreError } from './errors.ts'
import type { ReadDealsOptions } from './piece-deals.ts'

export type Report = (place: string, error: unknown) => void

/** Errors that are no damage of a row are thrown again. */
export const reportTo = ({ onProblem }: ReadDealsOptions): Report => (place, error) => {
  if (!(error instanceof PieceStoreError) || error.code !== 'PIECE_STORE_BAD_ROW') throw error
  if (onProblem === undefined) throw new PieceStoreError('PIECE_STORE_BAD_ROW', `${error.message}; at=${place}`, { cause: error, field: error.field })
  onProblem({ place, error })
}
