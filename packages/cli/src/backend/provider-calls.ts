/** What the commands of a storage provider ask, in the shapes of the RPC: pieces and deals of the store, or of a daemon. */
import type { LotusApi } from '@dagstore/lotus-api'

export type PieceCalls = Pick<LotusApi, 'PiecesListPieces' | 'PiecesListCidInfos' | 'PiecesGetPieceInfo' | 'PiecesGetCIDInfo'>
export type DealCalls = Pick<LotusApi, 'MarketListIncompleteDeals' | 'MarketImportDealData' | 'DagstoreAcceptDeal' | 'DagstoreListUnregistered'>

export interface ProviderCalls {
  pieces (): Promise<PieceCalls>
  deals (): Promise<DealCalls>
}
