/** What the commands of a storage provider ask, in the shapes of the RPC: pieces and deals of the store, or of a daemon. */
import type { LotusApi } from '@dagstore/lotus-api'

export type PieceCalls = Pick<LotusApi, 'PiecesListPieces' | 'PiecesListCidInfos' | 'PiecesGetPieceInfo' | 'PiecesGetCIDInfo'>
export type DealCalls = Pick<LotusApi, 'MarketListIncompleteDeals' | 'MarketImportDealData' | 'DagstoreAcceptDeal' | 'DagstoreListUnregistered'>

/** Retrievals and transfers; only a daemon does anything with them. */
export type MarketCalls = Pick<LotusApi, 'MarketListRetrievalDeals' | 'MarketListDataTransfers' | 'MarketDataTransferUpdates' | 'MarketRestartDataTransfer' | 'MarketCancelDataTransfer'>

export interface ProviderCalls {
  pieces (): Promise<PieceCalls>
  deals (): Promise<DealCalls>
  /** Where this process has the store, all but the lists throw {@link CommandError} `COMMAND_REFUSED`. */
  market (): Promise<MarketCalls>
}
