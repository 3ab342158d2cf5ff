/** What the handlers of storage deals need of the client's side: that of `@dagstore/deal-client`, and who providers are. */
import type { DealFailure, DealProposal, ProviderAsk, StorageDealState, TransferTerms } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

export interface DealStageFacts {
  readonly state: StorageDealState
  readonly message: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface ClientDealFacts {
  readonly proposalCid: CID
  readonly proposal: DealProposal
  /** URL. */
  readonly provider: string
  /** `undefined`: of an offline deal about a file that has none. */
  readonly root: CID | undefined
  readonly transferType: TransferTerms['type']
  readonly payloadBytes: number | undefined
  readonly fastRetrieval: boolean
  readonly transferId: bigint
  readonly createdAt: number
  readonly state: StorageDealState
  readonly message: string
  readonly updatedAt: number
  readonly sentBytes: number
  readonly dealId: bigint | undefined
  readonly publishCid: CID | undefined
  readonly failure: DealFailure | undefined
  readonly stages: readonly DealStageFacts[]
}

export interface ClientTransferFacts {
  readonly transferId: bigint
  readonly proposalCid: CID
  readonly root: CID
  /** URL. */
  readonly provider: string
  readonly transferType: TransferTerms['type']
  readonly status: 'requested' | 'queued' | 'ongoing' | 'cut' | 'completed' | 'failed' | 'cancelled'
  readonly message: string
  readonly sentBytes: number
  readonly totalBytes: number
  readonly updatedAt: number
}

/** What is left out follows from what the provider asks. */
export interface NewDeal {
  /** URL. */
  readonly provider: string
  readonly root: CID
  readonly transferType?: TransferTerms['type'] | undefined
  readonly pieceCid?: CID | undefined
  /** Padded. */
  readonly pieceBytes?: number | undefined
  readonly wallet?: string | undefined
  readonly miner?: string | undefined
  readonly price?: bigint | undefined
  readonly startEpoch?: bigint | undefined
  readonly duration?: bigint | undefined
  readonly providerCollateral?: bigint | undefined
  readonly verified?: boolean | undefined
  readonly fastRetrieval?: boolean | undefined
  readonly label?: string | undefined
}

type Dropped = { readonly type: 'dropped', readonly count: number }

export interface ClientDealParts {
  ask (provider: string, options: CallOptions): Promise<ProviderAsk>
  /** Durable on return. */
  start (deal: NewDeal, options: CallOptions): Promise<{ readonly proposalCid: CID }>
  stateless (deal: NewDeal, options: CallOptions): Promise<CID>
  deals (options: CallOptions): AsyncIterable<ClientDealFacts>
  deal (proposalCid: CID, options: CallOptions): Promise<ClientDealFacts | undefined>
  settled (proposalCid: CID, options: CallOptions & { readonly until: 'transferred' | 'active' | 'final' }): Promise<ClientDealFacts>
  /** Bounded: who is slow loses the oldest and is told so. */
  updates (options: CallOptions): AsyncIterable<{ readonly type: 'deal', readonly deal: ClientDealFacts } | Dropped>
  transfers (options: CallOptions): AsyncIterable<ClientTransferFacts>
  transferUpdates (options: CallOptions): AsyncIterable<{ readonly type: 'transfer', readonly transfer: ClientTransferFacts } | Dropped>
  restartTransfer (proposalCid: CID, options: CallOptions): Promise<unknown>
  cancelTransfer (proposalCid: CID, options: CallOptions): Promise<unknown>
}

/** Who providers are: Lotus knows them by address, here they have URLs. */
export interface ProviderNames {
  /** `undefined`: nobody has said where the provider of that address is. */
  urlOf (address: string, options: CallOptions): Promise<string | undefined>
  /** `undefined`: of no provider that is known. */
  addressOf (url: string, options: CallOptions): Promise<string | undefined>
}
