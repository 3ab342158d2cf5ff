/** A deal as the client knows it. */
import type { CID } from 'multiformats/cid'
import type { DealProposal } from './deal-proposal.ts'
import type { DealFailure, DealSignature } from './provider-deal.ts'
import type { StorageDealState } from './storage-deal-states.ts'
import type { TransferTerms } from './storage-messages.ts'

/** What was proposed; never changes. */
export interface ClientDealTerms {
  /** Of the signed proposal: the deal's name. */
  readonly proposalCid: CID
  readonly proposal: DealProposal
  readonly clientSignature: DealSignature | undefined
  /** URL below which `deals/v1/` of the provider is. */
  readonly provider: string
  /** Of the payload; `undefined` where the bytes go as a file that has none. */
  readonly root: CID | undefined
  readonly transferType: TransferTerms['type']
  /** Of the payload form; `undefined` where the bytes go as a file that nobody here has looked at. */
  readonly payloadBytes: number | undefined
  readonly fastRetrieval: boolean
  /** A u64: the deal's number among transfers. */
  readonly transferId: bigint
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** A state in which the deal has been. */
export interface DealStage {
  readonly state: StorageDealState
  /** For people. */
  readonly message: string
  /** When it came to that, in milliseconds since 1970. */
  readonly at: number
}

/** How far the deal is. */
export interface ClientDealProgress {
  readonly state: StorageDealState
  /** For people: why it is in this state, where that is not plain; else empty. */
  readonly message: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
  /** Of the payload, at the provider. */
  readonly sentBytes: number
  /** The chain's number; `undefined` where the provider has not said any. */
  readonly dealId: bigint | undefined
  readonly publishCid: CID | undefined
  /** attoFIL that are set aside for it. */
  readonly reservedFunds: bigint
  /** How often it had to go back to an earlier step. */
  readonly repeats: number
  /** Why the step of this state was put off; `undefined`: it was not. Without `nextRetryAt` it waits for somebody. */
  readonly failure: DealFailure | undefined
  /** The newest 50, the last one is the state now. */
  readonly stages: readonly DealStage[]
}

export interface ClientDeal extends ClientDealTerms, ClientDealProgress {}

/** What the transfer of a deal is at, as its own thing. */
export interface TransferFacts {
  /** A u64. */
  readonly transferId: bigint
  readonly proposalCid: CID
  readonly root: CID
  /** URL of the other side. */
  readonly provider: string
  /** Who asks whom: `http-push`, `http-pull`. */
  readonly transferType: TransferTerms['type']
  /** `requested`: not begun. `ongoing`. `cut`: goes on later, or when told to. `completed`: the other side has everything. `failed`, `cancelled`. */
  readonly status: 'requested' | 'queued' | 'ongoing' | 'cut' | 'completed' | 'failed' | 'cancelled'
  /** For people. */
  readonly message: string
  readonly sentBytes: number
  readonly totalBytes: number
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}
