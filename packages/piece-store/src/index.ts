export { PieceStoreError, type PieceStoreErrorCode } from './errors.ts'
export { createMemoryPieceStore, openPieceStore } from './open-piece-store.ts'
export type { PayloadCid, PieceLocation, PieceRecord, PieceStore } from './piece-store.ts'
