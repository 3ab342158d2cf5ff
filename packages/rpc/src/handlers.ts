/** The answers to the Lotus methods, without a server: for whoever answers them in its own process. */
export { bulkHandlers } from './handlers/bulk-handlers.ts'
export { clientHandlers, type ClientParts } from './handlers/client-handlers.ts'
export type {
  AdoptedImportFacts, BrokenImport, ClientDataParts, ClientImportFacts, ClientImportParts, DagListing, DagPlace, ImportCheckFacts, ImportFaultFacts, ImportHow, PieceFacts,
} from './handlers/client/import-parts.ts'
export type { ClientDealFacts, ClientDealParts, NewDeal, ProviderNames } from './handlers/client/deal-parts.ts'
export type { ClientRetrievalParts, ExportedPart, ExportOptions, ExportRequest, ExportSource, NewRetrieval, OpenExport, RetrievalFacts } from './handlers/client/retrieval-parts.ts'
export { createHandlers } from './handlers/create-handlers.ts'
export { dealHandlers } from './handlers/deal-handlers.ts'
export type { FailureData } from './handlers/failures.ts'
export { marketHandlers } from './handlers/market-handlers.ts'
export type { MarketParts, MarketRetrievalFacts, MarketRetrievalNews, MarketTransferFacts, MarketTransferNews } from './handlers/market-parts.ts'
export { pieceHandlers } from './handlers/piece-handlers.ts'
export type { DealNews, DealParts, HandlerParts, NodeParts, PieceParts, ShardParts } from './handlers/parts.ts'
