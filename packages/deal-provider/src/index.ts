export type { AcceptedDeal, DealProvider, DealQuery, DealRef, DealUpdate, ImportDataOptions, ImportSource, UpdatesOptions } from './deal-provider.ts'
export { createShardLoader, type ShardLoader, type ShardLoaderOptions } from './shard-loader.ts'
