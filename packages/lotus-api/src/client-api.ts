/** The methods of the client's side: imports, deals, retrievals. What each one is for stands in `client-methods.ts`. */
import type { CID } from 'multiformats/cid'
import type { LotusCallOptions } from './call-options.ts'
import type { ClientDealPoint, CommPRet, DataCIDSize, DataSize, DealInfo, StartDealParams, StorageAsk } from './client-deals.ts'
import type {
  ClientAdoptedImport, ClientImportCheckProgress, ClientImportHow, ClientImportProgress, ClientImportsCheck, ClientVerifyHow, FileRef, Import, ImportRes,
} from './client-imports.ts'
import type { ClientDagEntry, ClientDagRef, ClientExportHow, ClientExportProgress, ExportRef } from './client-exports.ts'
import type { ClientPruneHow, ClientPruneReport, QueryOffer, RestrievalRes, RetrievalEvent, RetrievalInfo, RetrievalOrder } from './client-retrievals.ts'
import type { DataTransferChannel } from './transfers.ts'

export interface LotusClientApi {
  // Lotus's, of imports
  ClientImport (ref: FileRef, options?: LotusCallOptions): Promise<ImportRes>
  ClientListImports (options?: LotusCallOptions): Promise<readonly Import[]>
  ClientRemoveImport (importId: bigint, options?: LotusCallOptions): Promise<void>
  ClientHasLocal (root: CID, options?: LotusCallOptions): Promise<boolean>
  ClientDealSize (root: CID, options?: LotusCallOptions): Promise<DataSize>
  ClientDealPieceCID (root: CID, options?: LotusCallOptions): Promise<DataCIDSize>
  ClientCalcCommP (inpath: string, options?: LotusCallOptions): Promise<CommPRet>
  ClientGenCar (ref: FileRef, outpath: string, options?: LotusCallOptions): Promise<void>

  // Lotus's, of storage deals
  ClientQueryAsk (peer: string, miner: string, options?: LotusCallOptions): Promise<StorageAsk>
  ClientStartDeal (params: StartDealParams, options?: LotusCallOptions): Promise<CID>
  ClientStatelessDeal (params: StartDealParams, options?: LotusCallOptions): Promise<CID>
  ClientGetDealInfo (proposalCid: CID, options?: LotusCallOptions): Promise<DealInfo>
  ClientListDeals (options?: LotusCallOptions): Promise<readonly DealInfo[]>
  ClientGetDealUpdates (options?: LotusCallOptions): AsyncIterable<DealInfo>
  ClientGetDealStatus (status: bigint, options?: LotusCallOptions): Promise<string>
  ClientListDataTransfers (options?: LotusCallOptions): Promise<readonly DataTransferChannel[]>
  ClientDataTransferUpdates (options?: LotusCallOptions): AsyncIterable<DataTransferChannel>
  ClientRestartDataTransfer (transferId: bigint, otherPeer: string, isInitiator: boolean, options?: LotusCallOptions): Promise<void>
  ClientCancelDataTransfer (transferId: bigint, otherPeer: string, isInitiator: boolean, options?: LotusCallOptions): Promise<void>

  // Lotus's, of retrievals
  ClientFindData (root: CID, piece: CID | null, options?: LotusCallOptions): Promise<readonly QueryOffer[]>
  ClientMinerQueryOffer (miner: string, root: CID, piece: CID | null, options?: LotusCallOptions): Promise<QueryOffer>
  ClientRetrieve (order: RetrievalOrder, ref?: FileRef | undefined, options?: LotusCallOptions): Promise<RestrievalRes>
  ClientRetrieveWithEvents (order: RetrievalOrder, ref: FileRef | null, options?: LotusCallOptions): AsyncIterable<RetrievalEvent>
  ClientRetrieveWait (dealId: bigint, options?: LotusCallOptions): Promise<void>
  ClientListRetrievals (options?: LotusCallOptions): Promise<readonly RetrievalInfo[]>
  ClientGetRetrievalUpdates (options?: LotusCallOptions): AsyncIterable<RetrievalInfo>
  ClientCancelRetrievalDeal (dealId: bigint, options?: LotusCallOptions): Promise<void>
  ClientExport (exportRef: ExportRef, fileRef: FileRef, options?: LotusCallOptions): Promise<void>

  // ours, of imports
  ClientImportWithEvents (ref: FileRef, how?: ClientImportHow | undefined, options?: LotusCallOptions): AsyncIterable<ClientImportProgress>
  ClientReimport (importId: bigint, options?: LotusCallOptions): AsyncIterable<ClientImportProgress>
  ClientVerifyImport (importId: bigint, how?: ClientVerifyHow | undefined, options?: LotusCallOptions): AsyncIterable<ClientImportCheckProgress>
  ClientCheckImports (options?: LotusCallOptions): Promise<ClientImportsCheck>
  ClientAdopt (lotusPath: string, options?: LotusCallOptions): AsyncIterable<ClientAdoptedImport>

  // ours, of deals
  ClientWaitDeal (proposalCid: CID, until: ClientDealPoint, options?: LotusCallOptions): Promise<DealInfo>

  // ours, of retrievals and reading
  ClientStartRetrieval (order: RetrievalOrder, options?: LotusCallOptions): Promise<RestrievalRes>
  ClientGetRetrieval (dealId: bigint, options?: LotusCallOptions): Promise<RetrievalInfo | null>
  ClientRemoveRetrieval (dealId: bigint, options?: LotusCallOptions): Promise<void>
  ClientPruneRetrievals (how?: ClientPruneHow | undefined, options?: LotusCallOptions): Promise<ClientPruneReport>
  ClientExportWithEvents (exportRef: ExportRef, fileRef: FileRef, how?: ClientExportHow | undefined, options?: LotusCallOptions): AsyncIterable<ClientExportProgress>
  ClientListDag (dag: ClientDagRef, options?: LotusCallOptions): AsyncIterable<ClientDagEntry>
  ClientReadDag (dag: ClientDagRef, from?: number | undefined, to?: number | undefined, options?: LotusCallOptions): AsyncIterable<Uint8Array>
}

export type LotusClientMethodName = keyof LotusClientApi
