export type { BlockInput } from './block-input.ts'
export { WritableCarError, type WritableCarErrorCode } from './errors.ts'
export { type CarFileOptions, type CreateCarOptions, createWritableCar, extendWritableCar, resumeWritableCar, type WritableCarOptions } from './open.ts'
export type { BlockPair, FinalizedFacts, WritableCar } from './writable-car.ts'
