/** What the handlers of storage deals need of the client's side: that of `@dagstore/deal-client`, and who providers are. */
import type { ClientDeal, ProviderAsk, TransferFacts, TransferTerms } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import type { CID } from 'multiformats/cid'

/** What is told of a deal. */
export type ClientDealFacts = Omit<ClientDeal, 'clientSignature' | 'reservedFunds' | 'repeats'>

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
  transfers (options: CallOptions): AsyncIterable<TransferFacts>
  transferUpdates (options: CallOptions): AsyncIterable<{ readonly type: 'transfer', readonly transfer: TransferFacts } | Dropped>
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
