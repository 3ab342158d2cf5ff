/** What commands on shards ask: the store in this process, or a daemon that has it. */
import type { Dagstore } from '@dagstore/dagstore'
import type { IndexRepo } from '@dagstore/index-repo'
import type { AnyCid } from '@dagstore/read-blockstore'
import type { CallOptions } from '@dagstore/io'
import type { RootFolder } from '../root-folder.ts'

/** As of the store itself; what a daemon does it does with its own files, so folders and URLs of files are those of its machine. */
export interface ShardCalls extends Pick<Dagstore,
  | 'register' | 'registerMany' | 'initialize' | 'initializeAll' | 'refresh' | 'recover' | 'destroy'
  | 'shard' | 'shards' | 'find' | 'why' | 'verify' | 'doctorFindings'
  | 'gc' | 'exportShards' | 'importShards' | 'rebuildTopLevelIndex' | 'exportIndices' | 'adoptIndices'
> {
  /** Shards that may hold the block for all that is known: they are not indexed. 0 where an indexed one has it. */
  unindexed (cid: AnyCid, options?: CallOptions): Promise<number>
}

export interface ShardBackend {
  readonly root: RootFolder
  readonly dagstore: ShardCalls
  /** The detached indices. */
  readonly indices: Pick<IndexRepo, 'open'>
  close (): Promise<void>
}
