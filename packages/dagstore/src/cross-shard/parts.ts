/** What reading across shards needs of the store. */
import type { Hashes } from '@dagstore/hashes'
import type { CallOptions } from '@dagstore/io'
import type { AnyCid, BlockBytesOptions, BlockStretch, BlockStretches, ShardBlockstore } from '@dagstore/read-blockstore'
import type { ShardLease } from '../lease.ts'
import type { Candidate, CandidateFinder } from './candidates.ts'
import type { CommitWatch } from './commit-watch.ts'
import type { RecentFailures } from './recent-failures.ts'
import type { SharedCache } from './shared-cache.ts'

/** Leases of the shards that were read last, so that reading many blocks opens each shard once. */
export type LeaseCache = SharedCache<ShardLease, Candidate>

export interface CompleteOptions extends CallOptions {
  /** Refuse with `BLOCKSTORE_UNREADABLE` to say that a block is absent, or to list all, while shards are unindexed. @default false */
  readonly complete?: boolean | undefined
}

/** A read blockstore over shards, some of which may not be indexed yet. */
export interface CrossShardBlockstore extends ShardBlockstore, BlockStretches {
  has(cid: AnyCid, options?: CompleteOptions): Promise<boolean>
  get(cid: AnyCid, options?: CompleteOptions): ReturnType<ShardBlockstore['get']>
  getMany(cids: Iterable<AnyCid> | AsyncIterable<AnyCid>, options?: CompleteOptions): ReturnType<ShardBlockstore['getMany']>
  getAll(options?: CompleteOptions): ReturnType<ShardBlockstore['getAll']>
  bytes(cid: AnyCid, options?: CompleteOptions & BlockBytesOptions): Promise<Uint8Array>
  size(cid: AnyCid, options?: CompleteOptions): Promise<number>
  bytesAt(cid: AnyCid, from: number, length: number, options?: CompleteOptions): Promise<Uint8Array>
  /** Of one shard. */
  stretch(cid: AnyCid, maxBytes: number, options?: CompleteOptions): Promise<BlockStretch>
}

export interface CrossShardParts {
  readonly finder: CandidateFinder
  readonly leases: LeaseCache
  readonly ailing: RecentFailures
  /** Registered shards whose blocks are not surely in the top-level index. */
  readonly unindexed: () => number
  readonly hashes: Hashes
  readonly commits: CommitWatch
  /** All shards that have an index, in the order of their keys. */
  readonly indexed: (options: CallOptions) => AsyncIterable<Candidate>
  /** @throws {BlockstoreError} `BLOCKSTORE_CLOSED` */
  readonly checkOpen: () => void
}
