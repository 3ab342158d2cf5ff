/** The methods of a provider's asks, retrievals and transfers. What each one is for stands in `market-methods.ts`. */
import type { LotusCallOptions } from './call-options.ts'
import type { ProviderDealState, RetrievalAsk, SignedStorageAsk } from './market.ts'
import type { DataTransferChannel } from './transfers.ts'

export interface LotusMarketApi {
  MarketGetAsk (options?: LotusCallOptions): Promise<SignedStorageAsk>
  MarketGetRetrievalAsk (options?: LotusCallOptions): Promise<RetrievalAsk>
  MarketListRetrievalDeals (options?: LotusCallOptions): Promise<readonly ProviderDealState[]>
  MarketListDataTransfers (options?: LotusCallOptions): Promise<readonly DataTransferChannel[]>
  MarketDataTransferUpdates (options?: LotusCallOptions): AsyncIterable<DataTransferChannel>
  MarketRestartDataTransfer (transferId: bigint, otherPeer: string, isInitiator: boolean, options?: LotusCallOptions): Promise<void>
  MarketCancelDataTransfer (transferId: bigint, otherPeer: string, isInitiator: boolean, options?: LotusCallOptions): Promise<void>
}

export type LotusMarketMethodName = keyof LotusMarketApi
