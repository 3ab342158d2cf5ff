/** What the store gives, as the methods answer with it. */
export { errorText } from './handlers/failures.ts'
export { garbageReportOf, rebuildReportOf, shardResultsOf, verifyReportOf, whyReportOf } from './handlers/report-wire.ts'
export { findingOf, shardInfoOf, shardOf } from './handlers/shard-wire.ts'
