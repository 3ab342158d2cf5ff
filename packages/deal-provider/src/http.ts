/** What answers `/deals/v1` over deals that are open, and gives back what is stored. */
export { createDealsHandler, DEALS_HANDLER_LIMITS, DEALS_PREFIX, type DealsContext, type DealsHandler, type DealsHandlerLimits, type DealsHandlerOptions } from './http/deals-handler.ts'
export type { NoRoom } from './online/proposals.ts'
export { epochAt } from './online/asked-terms.ts'
export { openRetrievalDeals, RETRIEVAL_LIMITS } from './retrieval/open-retrieval-deals.ts'
export type { GatewayOf } from './retrieval/held-shards.ts'
export type { RetrievalDeal } from './retrieval/retrieval-deal.ts'
export type { RetrievalDeals, RetrievalDealsOptions, RetrievalLimits, RetrievalQuery, RetrievalRefusal, RetrievalUpdate, ServeContext } from './retrieval/retrieval-provider.ts'
