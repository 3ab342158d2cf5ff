/** The store at the root, opened by this process. */
import type { DagstoreEvent } from '@dagstore/dagstore'
import { codeOf } from '../failure.ts'
import type { RootFolder } from '../root-folder.ts'
import type { ShardBackend, ShardCalls } from './shard-backend.ts'

/** Makes the store where there is none. @throws {DagstoreError} `DAGSTORE_LOCKED`: another process has it */
export const openLocalBackend = async (root: RootFolder, onEvent?: (event: DagstoreEvent) => void): Promise<ShardBackend> => {
  const { openShardStore } = await import('../compose.ts') // loaded when needed
  const { dagstore: store, indices, close } = await openShardStore(root, onEvent === undefined ? {} : { onEvent })
  const dagstore: ShardCalls = {
    ...store,
    unindexed: (cid, options) => store.blockstore.bytes(cid, options).then(() => 0, unindexedShards),
  }
  return { root, dagstore, indices, close }
}

const unindexedShards = (error: unknown): number =>
  codeOf(error) === 'BLOCKSTORE_NOT_FOUND' && error instanceof Error && 'unindexedShards' in error && typeof error.unindexedShards === 'number' ? error.unindexedShards : 0
