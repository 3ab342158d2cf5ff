export { createHandlers } from './create-handlers.ts'
export type { FailureData } from './failures.ts'
export type { DealNews, DealParts, HandlerParts, NodeParts, OfflineDeal, PieceParts, ShardParts } from './parts.ts'
