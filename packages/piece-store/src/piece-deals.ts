/** What the piece stores of other systems say, in one form: deals by piece. */
import type { CallOptions } from '@dagstore/io'
import type { AnyPieceCid } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import type { PieceStoreError } from './errors.ts'
import type { PayloadCid } from './piece-store.ts'

/** One deal, and where its copy of the piece lies. Offsets and lengths in fr32-padded bytes, as Filecoin counts them. */
export interface PieceDeal {
  /** As its system names it: the number on the chain where there is one, else a UUID or the CID of the proposal. Never empty. */
  readonly dealId: string
  /** Actor id; a u64. */
  readonly miner: bigint
  /** Number of the sector; a u64. `undefined`: in no sector yet, or none is known. */
  readonly sector: bigint | undefined
  /** Start in the unsealed sector; a multiple of 128. 0 without a sector. */
  readonly offsetPadded: number
  /** A power of two, 128 to 64 GiB. */
  readonly lengthPadded: number
  /** Bytes of the payload before its zero padding; `undefined` when the system does not say. */
  readonly rawSize?: number | undefined
  /** As the system names it; `undefined` when it does not say. */
  readonly state?: string | undefined
}

export interface PieceDeals {
  /** v1. */
  readonly pieceCid: CID
  /** At least one. */
  readonly deals: readonly PieceDeal[]
}

/** A row that cannot be used, and where it stands. */
export interface DealProblem {
  /** For people: file, line and column, or table and key. Holds no secret. */
  readonly place: string
  readonly error: PieceStoreError
}

export interface ReadDealsOptions extends CallOptions {
  /** Told of each damaged row; the row is left out and reading goes on. Without it, the call rejects with the first one's error. */
  readonly onProblem?: ((problem: DealProblem) => void) | undefined
}

/**
 * Reads the deals of another system and changes nothing there. Calls reject with `PIECE_STORE_FAILED` when the system cannot
 * be asked, and with `PIECE_STORE_BAD_ROW` for a damaged row when nobody listens for problems.
 */
export interface PieceDealReader {
  /** For messages. */
  readonly name: string
  /** Every deal once, in the same order each time while nothing changes there. A piece may come again with other deals. */
  list(options?: ReadDealsOptions): AsyncIterable<PieceDeals>
  /** All deals of a piece; `undefined` when there are none. */
  get(piece: AnyPieceCid, options?: ReadDealsOptions): Promise<PieceDeals | undefined>
  /** Whether sealing has the deal: what becomes a shard when the system is migrated. */
  isWithSealing(deal: PieceDeal): boolean
  /** Pieces that hold the block or DAG; where the system keeps such a list. The multihash counts. */
  piecesWith?(payload: PayloadCid, options?: CallOptions): Promise<readonly CID[]>
  /** Idempotent. */
  close(): Promise<void>
}
