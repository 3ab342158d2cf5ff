/** What reading across shards needs of the store. */
import type { Hashes } from '@dagstore/hashes'
import type { CallOptions } from '@dagstore/io'
import type { ShardLease } from '../lease.ts'
import type { Candidate, CandidateFinder } from './candidates.ts'
import type { SharedCache } from './shared-cache.ts'

/** Leases of the shards that were read last, so that reading many blocks opens each shard once. */
export type LeaseCache = SharedCache<ShardLease, Candidate>

export interface CrossShardParts {
  readonly finder: CandidateFinder
  readonly leases: LeaseCache
  /** Registered shards whose blocks are not surely in the top-level index. */
  readonly unindexed: () => number
  readonly hashes: Hashes
  /** All shards that have an index. */
  readonly indexed: (options: CallOptions) => AsyncIterable<Candidate>
  /** @throws {BlockstoreError} `BLOCKSTORE_CLOSED` */
  readonly checkOpen: () => void
}
