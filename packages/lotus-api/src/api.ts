/**
 * The methods, as a program calls and implements them. What each one is for stands in the table `METHODS`, which holds its names,
 * permissions and summaries, and in `docs/rpc.md`, which is made from it.
 */
import type { CID } from 'multiformats/cid'
import type { LotusClientApi } from './client-api.ts'
import type { DagstoreOfflineDeal, MinerDeal } from './deals.ts'
import type { DagstoreEventsQuery, DagstoreStoreEvent } from './events.ts'
import type { APIVersion } from './node-types.ts'
import type { LotusCallOptions } from './call-options.ts'
import type { LotusMarketApi } from './market-api.ts'
import type { Permission } from './permissions.ts'
import type { CIDInfo, PieceInfo } from './pieces.ts'
import type {
  DagstoreGarbageReport, DagstoreIndexPart, DagstoreRebuildReport, DagstoreStats, DagstoreVerifyOptions, DagstoreVerifyProgress, DagstoreVerifyReport, DagstoreWhyReport,
} from './reports.ts'
import type {
  DagstoreAddItem, DagstoreAddResult, DagstoreAdoptedIndex, DagstoreExportedIndex, DagstoreFindingsPage, DagstoreImportResult, DagstoreInitializeAllEvent,
  DagstoreInitializeAllParams, DagstoreShard, DagstoreShardDetails, DagstoreShardInfo, DagstoreShardResult, DagstoreShardsPage, DagstoreShardsQuery,
  DagstoreUnregisteredPage, PageQuery,
} from './shards.ts'

/** Parameters are those of the wire, by position; streams begin when they are iterated, and end with the iteration. */
export interface LotusApi extends LotusClientApi, LotusMarketApi {
  // Lotus's, of the node
  Version (options?: LotusCallOptions): Promise<APIVersion>
  Discover (options?: LotusCallOptions): Promise<unknown>
  AuthNew (permissions: readonly Permission[], options?: LotusCallOptions): Promise<Uint8Array>
  AuthVerify (token: string, options?: LotusCallOptions): Promise<readonly Permission[]>
  Session (options?: LotusCallOptions): Promise<string>
  Shutdown (options?: LotusCallOptions): Promise<void>
  LogList (options?: LotusCallOptions): Promise<readonly string[]>
  LogSetLevel (subsystem: string, level: string, options?: LotusCallOptions): Promise<void>

  // Lotus's, of the DAG store
  DagstoreListShards (options?: LotusCallOptions): Promise<readonly DagstoreShardInfo[]>
  DagstoreInitializeShard (key: string, options?: LotusCallOptions): Promise<void>
  DagstoreRecoverShard (key: string, options?: LotusCallOptions): Promise<void>
  DagstoreInitializeAll (params: DagstoreInitializeAllParams, options?: LotusCallOptions): AsyncIterable<DagstoreInitializeAllEvent>
  DagstoreGC (options?: LotusCallOptions): Promise<readonly DagstoreShardResult[]>
  DagstoreRegisterShard (key: string, options?: LotusCallOptions): Promise<void>
  DagstoreLookupPieces (cid: CID, options?: LotusCallOptions): Promise<readonly DagstoreShardInfo[]>

  // Lotus's, of pieces and deals
  PiecesListPieces (options?: LotusCallOptions): Promise<readonly CID[]>
  PiecesListCidInfos (options?: LotusCallOptions): Promise<readonly CID[]>
  PiecesGetPieceInfo (pieceCid: CID, options?: LotusCallOptions): Promise<PieceInfo>
  PiecesGetCIDInfo (payloadCid: CID, options?: LotusCallOptions): Promise<CIDInfo>
  MarketListIncompleteDeals (options?: LotusCallOptions): Promise<readonly MinerDeal[]>
  MarketGetDealUpdates (options?: LotusCallOptions): AsyncIterable<MinerDeal>
  MarketImportDealData (proposalCid: CID, path: string, options?: LotusCallOptions): Promise<void>
  DealsImportData (proposalCid: CID, path: string, options?: LotusCallOptions): Promise<void>

  // ours, of a deal
  DagstoreAcceptDeal (deal: DagstoreOfflineDeal, options?: LotusCallOptions): Promise<void>

  // ours, of one shard
  DagstoreShardInfo (key: string, options?: LotusCallOptions): Promise<DagstoreShardDetails | null>
  DagstoreEnsureShard (key: string, options?: LotusCallOptions): Promise<DagstoreShard>
  DagstoreRefreshShard (key: string, mountUrl?: string | undefined, options?: LotusCallOptions): Promise<DagstoreShard>
  DagstoreDestroyShard (key: string, force?: boolean | undefined, options?: LotusCallOptions): Promise<void>
  DagstoreVerifyShard (key: string, how?: DagstoreVerifyOptions | undefined, options?: LotusCallOptions): Promise<DagstoreVerifyReport>
  DagstoreVerifyShardProgress (key: string, how?: DagstoreVerifyOptions | undefined, options?: LotusCallOptions): AsyncIterable<DagstoreVerifyProgress>
  DagstoreReadIndex (key: string, generation: number, from: number, to: number, options?: LotusCallOptions): Promise<DagstoreIndexPart>

  // ours, of a block
  DagstoreWhy (cid: CID, options?: LotusCallOptions): Promise<DagstoreWhyReport>
  DagstoreUnindexed (cid: CID, options?: LotusCallOptions): Promise<number>

  // ours, of many shards
  DagstoreQueryShards (query?: DagstoreShardsQuery | undefined, options?: LotusCallOptions): Promise<DagstoreShardsPage>
  DagstoreListFindings (query?: PageQuery | undefined, options?: LotusCallOptions): Promise<DagstoreFindingsPage>
  DagstoreListUnregistered (query?: PageQuery | undefined, options?: LotusCallOptions): Promise<DagstoreUnregisteredPage>
  DagstoreAdd (items: readonly DagstoreAddItem[], options?: LotusCallOptions): Promise<readonly DagstoreAddResult[]>
  DagstoreRecoverAll (maxConcurrency?: number | undefined, code?: string | undefined, options?: LotusCallOptions): AsyncIterable<DagstoreInitializeAllEvent>
  DagstoreCollectGarbage (dryRun?: boolean | undefined, options?: LotusCallOptions): Promise<DagstoreGarbageReport>
  DagstoreRebuildIndex (options?: LotusCallOptions): Promise<DagstoreRebuildReport>
  DagstoreExportShards (options?: LotusCallOptions): AsyncIterable<string>
  DagstoreImportShards (lines: string, options?: LotusCallOptions): Promise<readonly DagstoreImportResult[]>
  DagstoreExportIndices (folder: string, options?: LotusCallOptions): AsyncIterable<DagstoreExportedIndex>
  DagstoreAdoptIndices (folder: string, options?: LotusCallOptions): AsyncIterable<DagstoreAdoptedIndex>

  // ours, of the store
  DagstoreStats (options?: LotusCallOptions): Promise<DagstoreStats>
  DagstoreEvents (query?: DagstoreEventsQuery | undefined, options?: LotusCallOptions): AsyncIterable<DagstoreStoreEvent>
}

export type LotusMethodName = keyof LotusApi
