export type { Change, Effect, JobKind, Refusal, Step } from './effect.ts'
export type { Event, EventType, JobEnd } from './event.ts'
export {
  applyChange, type Changed, dataGarbage, FIRST, fromRecord, type Garbage, indexGarbage, type IndexGeneration, isIndexed, isUnfinished, needsNumber, retryAt,
  type ShardRecord
} from './record.ts'
export { atRest, type Failure, type Health, type Job, type LocalCopy, type Session, type State, type Waiter } from './state.ts'
export type { RetryPlan } from './retry.ts'
export { jobOf, waitersOf } from './outcomes.ts'
export { step } from './step.ts'
