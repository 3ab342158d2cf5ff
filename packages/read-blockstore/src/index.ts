export { type AnyCid, toCid } from './any-cid.ts'
export { BlockNotFoundError, BlockstoreError, type BlockstoreErrorCode, ReadOnlyError } from './errors.ts'
export { createGate, type Gate } from './gate.ts'
export { oneChunk } from './one-chunk.ts'
export {
  type Awaitable, type BlockBytes, type BlockBytesOptions, type BlockCallOptions, type BlockMemory, type BlockRanges, type BlockSizes, type BlockStretch,
  type BlockStretches, hasBytes, hasRanges, hasSizes, hasStretches, type ReadBlockstore, type ShardBlockstore, type StoreCallOptions
} from './read-blockstore.ts'
export { type BlockHashes, verifyBlock } from './verify.ts'
export { readBlock } from './whole-block.ts'
