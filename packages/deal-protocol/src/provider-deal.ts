/** A deal as the provider knows it. */
import type { Retry } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import type { DealProposal } from './deal-proposal.ts'
import type { StorageDealState } from './storage-deal-states.ts'

/** Source: go-state-types crypto `Signature`; not checked here. */
export interface DealSignature {
  /** 1: secp256k1, 2: BLS, 3: delegated. */
  readonly type: number
  readonly data: Uint8Array
}

/** What was agreed on; never changes. */
export interface DealTerms {
  /** Of the signed proposal: the deal's name. */
  readonly proposalCid: CID
  readonly proposal: DealProposal
  readonly clientSignature: DealSignature | undefined
  /** The chain's number of the deal; `undefined` where it was not published, or nobody said. */
  readonly dealId: bigint | undefined
  readonly publishCid: CID | undefined
  /** Root of the payload, as the client names it. */
  readonly payloadCid: CID | undefined
  /** `manual`: the bytes come as a file. Anything else is up to a {@link DealTransfer}. */
  readonly transferType: string
  readonly fastRetrieval: boolean
  /** Peer id of the client. */
  readonly clientPeer: string | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** What went wrong last, and when it is tried again. */
export interface DealFailure {
  readonly code: string
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Whether the same may succeed later without anybody changing anything. */
  readonly retry: Retry
  /** In a row, this one included. */
  readonly attempts: number
  /** Milliseconds since 1970; `undefined`: not by itself. */
  readonly nextRetryAt: number | undefined
}

/** Where the bytes of the deal wait for sealing. */
export interface StagedPiece {
  /** `copy`, `move`: below `deal-staging/`, ours. `borrow`: where its owner has it, never changed or deleted. `transfer`: below `deal-staging/`, received. */
  readonly mode: 'copy' | 'move' | 'borrow' | 'transfer'
  /** Where the file came from; for `borrow`, where it is; empty for `transfer`. */
  readonly path: string
  /** Which bytes of the file are the payload of the piece; `undefined` before they were checked. */
  readonly window: { readonly start: number, readonly length: number } | undefined
}

/** Padded bytes. Source: lotus storiface `PieceDealInfo`, go-fil-markets piecestore `DealInfo`. */
export interface PiecePlace {
  /** Actor id; a u64. */
  readonly miner: bigint
  /** A u64. */
  readonly sector: bigint
  readonly offsetPadded: number
  readonly lengthPadded: number
}

/** Whether the piece can be read as a shard. */
export type DealShard =
  /** Not handed off yet, or registration is under way. */
  | { readonly state: 'pending' }
  | { readonly state: 'registered' }
  /** The deal goes on without it. */
  | { readonly state: 'failed', readonly failure: DealFailure }
  /** The deal has ended; no shard is kept for it. */
  | { readonly state: 'retired' }

/** How far the deal is. */
export interface DealProgress {
  readonly state: StorageDealState
  /** For people: why it is in this state, where that is not plain; else empty. */
  readonly message: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
  readonly staged: StagedPiece | undefined
  /** Bytes of the payload before the zeros; `undefined` before they were checked. */
  readonly payloadBytes: number | undefined
  /** `undefined` before hand-off. */
  readonly place: PiecePlace | undefined
  readonly shard: DealShard
  /** Why the step of this state was put off; `undefined`: it was not. */
  readonly failure: DealFailure | undefined
  readonly slashEpoch: bigint | undefined
}

export interface ProviderDeal extends DealTerms, DealProgress {}
