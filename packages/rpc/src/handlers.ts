/** The answers to the Lotus methods, without a server: for whoever answers them in its own process. */
export { bulkHandlers } from './handlers/bulk-handlers.ts'
export { createHandlers } from './handlers/create-handlers.ts'
export { dealHandlers } from './handlers/deal-handlers.ts'
export type { FailureData } from './handlers/failures.ts'
export { pieceHandlers } from './handlers/piece-handlers.ts'
export type { DealNews, DealParts, HandlerParts, NodeParts, PieceParts, ShardParts } from './handlers/parts.ts'
