export type { DealEvent } from './event.ts'
export { step } from './step.ts'
