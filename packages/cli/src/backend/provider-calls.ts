/** What the commands of a storage provider ask, in the shapes of the RPC: pieces and deals of the store, or of a daemon. */
import type { LotusApi, LotusMarketMethodName } from '@dagstore/lotus-api'

export type PieceCalls = Pick<LotusApi, 'PiecesListPieces' | 'PiecesListCidInfos' | 'PiecesGetPieceInfo' | 'PiecesGetCIDInfo'>
export type DealCalls = Pick<LotusApi, 'MarketListIncompleteDeals' | 'MarketImportDealData' | 'DagstoreAcceptDeal' | 'DagstoreListUnregistered'>

/** Retrievals and transfers; only a daemon has any. */
export type MarketCalls = Pick<LotusApi, LotusMarketMethodName>

export interface ProviderCalls {
  pieces (): Promise<PieceCalls>
  deals (): Promise<DealCalls>
  /** @throws {CommandError} `COMMAND_REFUSED`: this process has the store, and serves nobody */
  market (): Promise<MarketCalls>
}
