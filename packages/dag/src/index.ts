export { DagError, type DagErrorCode } from './errors.ts'
export { linksOf } from './links.ts'
export { payloadForm, type PayloadOptions, payloadSize } from './payload.ts'
export { type BlockGetter, type DagBlock, type DagProgress, walkDag, type WalkOptions } from './walk.ts'
