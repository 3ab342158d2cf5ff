export { createHandlers } from './create-handlers.ts'
export type { ClientParts } from './client-handlers.ts'
export type {
  AdoptedImportFacts, BrokenImport, ClientDataParts, ClientImportFacts, ClientImportParts, DagListing, DagPlace, ImportCheckFacts, ImportFaultFacts, ImportHow, PieceFacts,
} from './client/import-parts.ts'
export type { ClientDealFacts, ClientDealParts, NewDeal, ProviderNames } from './client/deal-parts.ts'
export type { ClientRetrievalParts, ExportedPart, ExportOptions, ExportRequest, ExportSource, NewRetrieval, OpenExport, RetrievalFacts } from './client/retrieval-parts.ts'
export type { MarketParts, MarketRetrievalFacts, MarketRetrievalNews, MarketTransferFacts, MarketTransferNews } from './market-parts.ts'
export type { FailureData } from './failures.ts'
export type { DealNews, DealParts, HandlerParts, NodeParts, OfflineDeal, PieceParts, ShardParts } from './parts.ts'
