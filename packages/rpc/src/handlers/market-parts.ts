/** What the handlers of a provider's asks, retrievals and transfers need. */
import type { ProviderAsk, RetrievalDealState } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** The data of a storage deal on their way to the provider. */
export interface MarketTransferFacts {
  readonly proposalCid: CID
  readonly transferType: string
  readonly payloadCid: CID | undefined
  readonly clientPeer: string | undefined
  readonly status: 'requested' | 'ongoing' | 'paused' | 'completed' | 'failed'
  readonly bytes: number
  readonly totalBytes: number | undefined
  readonly message: string
}

export interface MarketRetrievalFacts {
  readonly dealId: bigint
  readonly id: bigint
  readonly payloadCid: CID
  readonly pieceCid: CID | undefined
  readonly selector: object | undefined
  readonly clientPeer: string | undefined
  readonly state: RetrievalDealState
  readonly sentBytes: number
  readonly message: string
}

type Dropped = { readonly type: 'dropped', readonly count: number }
export type MarketTransferNews = { readonly type: 'transfer', readonly transfer: MarketTransferFacts } | Dropped
export type MarketRetrievalNews = { readonly type: 'retrieval', readonly retrieval: MarketRetrievalFacts } | Dropped

export interface MarketParts {
  readonly ask: () => ProviderAsk
  readonly transfers: (options?: CallOptions) => AsyncIterable<MarketTransferFacts>
  readonly transferUpdates: (options?: CallOptions) => AsyncIterable<MarketTransferNews>
  readonly restartTransfer: (proposalCid: CID) => Promise<void>
  readonly cancelTransfer: (proposalCid: CID) => Promise<void>
  readonly retrievals: () => readonly MarketRetrievalFacts[]
  readonly retrievalUpdates: (options?: CallOptions) => AsyncIterable<MarketRetrievalNews>
  readonly cancelRetrieval: (dealId: bigint) => Promise<void>
}
