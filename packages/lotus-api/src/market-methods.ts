/** The rows of a provider's asks, retrievals and transfers. Source: lotus v1.11.2 `api/api_storage.go`. */
import type { LotusMarketMethodName } from './market-api.ts'
import { providerDealState, retrievalAsk, signedStorageAsk } from './market.ts'
import { its, itsStream, type Rows } from './rows.ts'
import { flag, id, list, nothing, text } from './schema.ts'
import { dataTransferChannel } from './transfers.ts'

export const MARKET_ROWS: Rows<LotusMarketMethodName> = {
  MarketGetAsk: its('read', [], signedStorageAsk, 'What is asked of proposals of storage deals.'),
  MarketGetRetrievalAsk: its('read', [], retrievalAsk, 'What is asked of retrievals.'),
  MarketListRetrievalDeals: its('read', [], list(providerDealState), 'The newest retrievals, those that are over too.'),
  MarketListDataTransfers: its('write', [], list(dataTransferChannel), 'Data on their way: those of storage deals that come, those of retrievals that go, and some that are over.'),
  MarketDataTransferUpdates: itsStream('write', [], dataTransferChannel, 'Each of them as it changes.'),
  MarketRestartDataTransfer: its('write', [['transferId', id], ['otherPeer', text], ['isInitiator', flag]], nothing, 'Fetch the data of a deal now, where the provider fetches them.'),
  MarketCancelDataTransfer: its('write', [['transferId', id], ['otherPeer', text], ['isInitiator', flag]], nothing, 'End a transfer for good: its deal fails, or its retrieval is over.'),
}
