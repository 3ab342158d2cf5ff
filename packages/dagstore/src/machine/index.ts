export type { Change, Effect, Refusal, Step } from './effect.ts'
export type { Event, EventType, JobEnd } from './event.ts'
export {
  applyChange, type Changed, fromRecord, type Garbage, type IndexGeneration, isIndexed, isUnfinished, needsNumber, type ShardRecord
} from './record.ts'
export { atRest, type Failure, type Health, type Job, type Session, type State, type Waiter } from './state.ts'
export { jobOf, waitersOf } from './outcomes.ts'
export { step } from './step.ts'
