/** The port to whatever puts pieces into sectors and proves them. */
import type { ByteProgress, CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DealTerms, PiecePlace } from './provider-deal.ts'

/**
 * `waiting`: in a sector that still takes pieces. `precommit`: closed, its pre-commit is under way. `sealing`: proofs are made.
 * `finalizing`: proved, files are put in order. `active`: on chain. `failed`: will never be active.
 */
export type SealingStatus = 'waiting' | 'precommit' | 'sealing' | 'finalizing' | 'active' | 'expired' | 'slashed' | 'failed'

export interface AddPieceRequest extends CallOptions {
  /** v1. */
  readonly pieceCid: CID
  /** Padded size of the piece. */
  readonly pieceBytes: number
  /** Bytes of the payload; zeros follow up to the unpadded size of the piece. */
  readonly payloadBytes: number
  /** The payload from its start; each call starts anew and gives the same bytes. */
  readonly payload: () => AsyncIterable<Uint8Array>
  /** A subsystem that proves needs its number and its message of publishing, and refuses a deal without them. */
  readonly deal: Pick<DealTerms, 'proposalCid' | 'dealId' | 'publishCid' | 'proposal' | 'fastRetrieval'>
  /** Payload bytes written. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

export interface RemovePieceRequest extends CallOptions {
  /** v1. */
  readonly pieceCid: CID
  readonly pieceBytes: number
  readonly place: PiecePlace
  readonly deal: Pick<DealTerms, 'proposalCid' | 'dealId'>
}

/** How a deal stands, and, where that is so, since which epoch it is slashed. */
export interface SealingReport {
  readonly status: SealingStatus
  /** For people; why, for `failed`. */
  readonly message?: string | undefined
  readonly slashEpoch?: bigint | undefined
}

export interface SealingEvent extends SealingReport {
  readonly proposalCid: CID
}

export interface SealingSubsystem {
  /**
   * Put the piece into a sector; durable on return. Asked again for the same deal, after a crash too, it gives the place that
   * the deal has and adds nothing. A payload that ends with an error becomes no piece: it was not of `pieceCid`. Settles soon after an abort.
   *
   * Rejects with an error whose `retry` is `later` where the same may be asked again (no room, too many sectors at work), and
   * `never` where the deal cannot be sealed.
   */
  addPiece(request: AddPieceRequest): Promise<PiecePlace>
  /** The deal has ended, and no other has its piece there: what can be read of it may go. A piece that is gone is no error. */
  removePiece?(request: RemovePieceRequest): Promise<void>
  /** `undefined`: it knows nothing of the deal. */
  status(deal: DealTerms & { readonly place: PiecePlace }, options?: CallOptions): Promise<SealingReport | undefined>
  /** What changes from the beginning of the iteration on; some may be missing, so `status` is asked now and then as well. */
  events?(options?: CallOptions): AsyncIterable<SealingEvent>
}
