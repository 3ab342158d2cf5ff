/** The Lotus methods that a DAG store calls and serves. */
export type { LotusApi, LotusMethodName } from './api.ts'
export type { LotusCallOptions } from './call-options.ts'
export { createLotusClient } from './client.ts'
export type { LotusClientApi, LotusClientMethodName } from './client-api.ts'
export type {
  ClientDealPoint, CommPRet, DataCIDSize, DataSize, DealInfo, DealLog, DealStage, DealStages, StartDealParams, StorageAsk,
} from './client-deals.ts'
export type {
  ClientAdoptedImport, ClientBrokenImport, ClientImportCheck, ClientImportCheckProgress, ClientImportFault, ClientImportHow, ClientImportProgress, ClientImportsCheck, ClientVerifyHow, FileRef, Import,
  ImportRes,
} from './client-imports.ts'
export type { ClientDagEntry, ClientDagRef, ClientExportHow, ClientExportProgress, DagSpec, ExportRef } from './client-exports.ts'
export type { ClientPruneHow, ClientPruneReport, QueryOffer, RestrievalRes, RetrievalEvent, RetrievalInfo, RetrievalOrder, RetrievalPeer } from './client-retrievals.ts'
export type { DagstoreOfflineDeal, DataRef, DealProposal, MinerDeal, Signature, TransferChannelId } from './deals.ts'
export type { DagstoreEventsQuery, DagstoreStoreEvent } from './events.ts'
export type { LotusMarketApi, LotusMarketMethodName } from './market-api.ts'
export type { ProviderDealState, RetrievalAsk, SignedStorageAsk } from './market.ts'
export { type LotusMethod, type LotusParam, type LotusParams, type LotusResult, NAMESPACE } from './method.ts'
export { type LotusContext, methodsOf } from './methods-of.ts'
export { METHOD_NAMES, METHODS } from './methods.ts'
export { type APIVersion, MINER_API_VERSION } from './node-types.ts'
export { type OpenRpcDocument, openRpcDocument, type OpenRpcMethod } from './open-rpc.ts'
export { type Permission, PERMISSIONS } from './permissions.ts'
export type { CIDInfo, PieceBlockLocation, PieceDealInfo, PieceInfo } from './pieces.ts'
export type {
  DagstoreCounter, DagstoreGarbage, DagstoreGarbageReport, DagstoreIndexPart, DagstoreRebuildReport, DagstoreStats, DagstoreVerifyFault, DagstoreVerifyOptions,
  DagstoreVerifyProgress, DagstoreVerifyRepair, DagstoreVerifyReport, DagstoreWhyReport, DagstoreWhyStep, VerifyMode, WhyStepName,
} from './reports.ts'
export type { JsonSchema, Schema } from './schema.ts'
export type {
  DagstoreAddItem, DagstoreAddResult, DagstoreAdoptedIndex, DagstoreExportedIndex, DagstoreFailure, DagstoreFinding, DagstoreFindingsOf, DagstoreFindingsPage,
  DagstoreImportResult, DagstoreInitializeAllEvent, DagstoreInitializeAllParams, DagstoreShard, DagstoreShardDetails, DagstoreShardInfo, DagstoreShardResult,
  DagstoreShardsPage, DagstoreShardsQuery, DagstoreUnregistered, DagstoreUnregisteredPage, PageQuery, ShardState,
} from './shards.ts'
export { DATA_TRANSFER_STATUSES, type DataTransferChannel, type DataTransferStatus, type TransferLog, type TransferStage, type TransferStages } from './transfers.ts'
