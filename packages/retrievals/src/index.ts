export type { DagSelector, WalkedSource } from './copy.ts'
export { RetrievalError, type RetrievalErrorCode } from './errors.ts'
export { type CopyOptions, type ExportedTree, openRetrievals, type OpenRetrieval, type RetrievalOptions, type RetrievalProgress, type Retrievals, type Retrieved, type RetrieveOptions } from './retrievals.ts'
export { unixfsTree } from './unixfs-tree.ts'
