/** What can happen to a deal. */
import type { DealFailure, PiecePlace, SealingReport, StagedPiece } from '@dagstore/deal-protocol'

export type DealEvent =
  /** A file was named; it is being checked. */
  | { readonly type: 'import', readonly staged: StagedPiece }
  /** Bytes begin to come over the network. */
  | { readonly type: 'receive', readonly staged: StagedPiece }
  | { readonly type: 'received' }
  /** The bytes have ceased to come; the same client may go on. */
  | { readonly type: 'cut', readonly message: string }
  /** Somebody wants it to go on now. */
  | { readonly type: 'asked-again' }
  /** The staged bytes are those of the piece. @param shard - why there will be none */
  | { readonly type: 'verified', readonly window: { readonly start: number, readonly length: number }, readonly shard: DealFailure | undefined }
  /** The bytes are not those of the piece, or not there; others may come. */
  | { readonly type: 'refused', readonly message: string }
  | { readonly type: 'handed-off', readonly place: PiecePlace }
  /** The step of this state failed for a passing reason. */
  | { readonly type: 'postponed', readonly failure: DealFailure }
  /** What the sealing subsystem says. */
  | { readonly type: 'sealing', readonly report: SealingReport }
  /** It is active, and what was staged is gone, or kept for a registration that is tried again. */
  | { readonly type: 'activated', readonly staged: StagedPiece | undefined }
  /** What was staged is gone. */
  | { readonly type: 'cleaned' }
  | { readonly type: 'registered' }
  | { readonly type: 'unregistered', readonly failure: DealFailure }
  /** It has ended, and no shard is kept for it any more. @param staged - what is somebody's only copy */
  | { readonly type: 'retired', readonly staged: StagedPiece | undefined }
  /** It will never be active. */
  | { readonly type: 'failed', readonly message: string }
  /** After `failed`: what was made for it is gone. @param staged - what is somebody's only copy */
  | { readonly type: 'discarded', readonly staged: StagedPiece | undefined, readonly message: string }
  /** The process has ended and another one begun. */
  | { readonly type: 'restart' }
