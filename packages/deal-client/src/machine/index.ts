export type { ClientDealEvent } from './event.ts'
export { ACCEPTED, isLost, providerHas, step } from './step.ts'
