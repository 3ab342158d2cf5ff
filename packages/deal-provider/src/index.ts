export type { AcceptedDeal, DealProvider, DealQuery, DealRef, DealUpdate, ImportDataOptions, ImportSource, UpdatesOptions } from './deal-provider.ts'
export { createShardLoader, type ShardLoader, type ShardLoaderOptions } from './shard-loader.ts'
export { isMigrated, migrateDeals, type MigrateDealsOptions, type MigrationCounts, type MigrationResult } from './migrate/migrate-deals.ts'
export { type DealLine, type DealOutcome, encodeReportLine, type ProblemLine, type ReportLine } from './migrate/report-line.ts'
