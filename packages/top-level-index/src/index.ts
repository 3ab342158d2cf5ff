export { TopLevelIndexError, type TopLevelIndexErrorCode } from './errors.ts'
export { LevelTopLevelIndex, openTopLevelIndex, type TopLevelIndexOptions } from './level-index.ts'
export type { PurgeReport } from './purge.ts'
export { type Candidates, type FindOptions, shardNumber, type ShardNumber, type TopLevelIndex } from './top-level-index.ts'
