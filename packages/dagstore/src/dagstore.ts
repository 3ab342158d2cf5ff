/// <reference lib="esnext.disposable" preserve="true" />
/** The store as its callers see it. */
import type { CallOptions, EventsOptions } from '@dagstore/io'
import type { AnyCid } from '@dagstore/read-blockstore'
import type { CrossShardBlockstore } from './cross-shard/parts.ts'
import type { FindingsOf, FindingsQuery } from './doctor/findings.ts'
import type { DagstoreEvent } from './events.ts'
import type { BulkOperations } from './bulk/bulk.ts'
import type { ShardLease } from './lease.ts'
import type { Health } from './machine/index.ts'
import type { RegisterOptions } from './register-options.ts'
import type { ShardDetails, ShardInfo } from './shard-info.ts'
import type { VerifyOptions, VerifyReport } from './verify/report.ts'
import type { WhyReport } from './why/report.ts'

export interface RefreshOptions extends CallOptions {
  /** URL of the mount to read from now on. @default the one it has */
  readonly mount?: string | undefined
}

export interface AcquireOptions extends CallOptions {
  /** Reject with `DAGSTORE_NOT_LOCAL` where a sequential mount would have to be copied first. @default false */
  readonly noDownload?: boolean | undefined
  /** Mount URL to register first when the key is unknown; one registration for all callers. */
  readonly registerAs?: string | undefined
  /** `background` waits behind `interactive` where a shard has to be indexed first. @default 'interactive' */
  readonly priority?: 'interactive' | 'background' | undefined
}

export interface DestroyOptions extends CallOptions {
  /** `drain` waits for leases; `force` refuses new calls on them at once. @default 'drain' */
  readonly mode?: 'drain' | 'force' | undefined
}

export interface FindShardsOptions extends CallOptions {
  /** Most keys in the answer, from 1: a block may be in very many shards, each of whose indices is looked into. @default all */
  readonly limit?: number | undefined
}

export interface ShardQuery extends CallOptions {
  /** Shards under destruction are listed only without it. */
  readonly health?: Health | undefined
  /**
   * Only those that wait to be indexed: new ones, those whose index is being made, and those whose index was not made here, so that it is
   * no proof of absence; each kind by key. One that changes meanwhile may come twice.
   *
   * @default false
   */
  readonly unindexed?: boolean | undefined
  /** Start behind this key. */
  readonly after?: string | undefined
}

/**
 * Jobs belong to the store; a caller's signal withdraws that caller only. All promises settle by the end of `close`. Every
 * call that writes or reads the store's own storage may reject with {@link DagstoreError} `DAGSTORE_STORAGE_FAILED`, every
 * call after `close` with `DAGSTORE_CLOSED`.
 */
export interface Dagstore extends BulkOperations, AsyncDisposable {
  /**
   * Durable on return. The same key and canonical URL again: no-op, or the wait for the index that `eager` asks for.
   *
   * @throws {DagstoreError} `DAGSTORE_SHARD_EXISTS`: another URL. `DAGSTORE_BAD_KEY`: empty, above 512 bytes, or no Unicode.
   *   `DAGSTORE_SHARD_DESTROYED`: its destruction is under way. `DAGSTORE_SHARD_ERRORED`: eager indexing failed, with the cause
   * @throws {MountError} `MOUNT_BAD_URL`, `MOUNT_UNKNOWN_SCHEME`
   */
  register(key: string, mountUrl: string, options?: RegisterOptions): Promise<ShardInfo>
  /**
   * A lease, closed by the caller. Waits while the shard is being indexed or recovered; what failed for a passing reason is
   * tried again; an index that was lost or damaged is rebuilt. Of a remote CARv2 that was never indexed, the index in it is used until one of ours
   * takes its place: hits are verified as ever, a miss waits for that one.
   *
   * @throws {DagstoreError} `DAGSTORE_SHARD_UNKNOWN`, `DAGSTORE_SHARD_ERRORED` (with the cause, and `retry`),
   *   `DAGSTORE_SHARD_DESTROYED`, `DAGSTORE_NOT_LOCAL`, `DAGSTORE_BAD_KEY`
   */
  acquire(key: string, options?: AcquireOptions): Promise<ShardLease>
  /**
   * Index the shard now, unless it is; resolves when it is available. Served behind whoever acquires.
   *
   * @throws {DagstoreError} `DAGSTORE_SHARD_UNKNOWN`, `DAGSTORE_SHARD_ERRORED`, `DAGSTORE_SHARD_DESTROYED`
   */
  initialize(key: string, options?: CallOptions): Promise<ShardInfo>
  /**
   * Look at what the mount, or another one, has now; no-op where it has what was indexed. Otherwise that is fetched and indexed
   * beside what there is, and takes its place in one write: top-level entries, number and URL. Leases that are out keep their
   * bytes, or fail with `IO_SOURCE_CHANGED` where these are gone; who acquires meanwhile joins them, or waits where there are
   * none. Of a shard that was never indexed, only the URL changes.
   *
   * @throws {DagstoreError} `DAGSTORE_REFRESH_FAILED`: with the cause; the shard is as it was. `DAGSTORE_SHARD_UNKNOWN`,
   *   `DAGSTORE_SHARD_DESTROYED`
   * @throws {MountError} `MOUNT_BAD_URL`, `MOUNT_UNKNOWN_SCHEME`
   */
  refresh(key: string, options?: RefreshOptions): Promise<ShardInfo>
  /**
   * Fetch and index an errored shard anew; resolves when it is available. Leases that are out keep what they have.
   *
   * @throws {DagstoreError} `DAGSTORE_SHARD_UNKNOWN`, `DAGSTORE_NOT_ERRORED`, `DAGSTORE_SHARD_ERRORED`: it failed again.
   *   `DAGSTORE_SHARD_DESTROYED`. `DAGSTORE_BAD_RECORD`: the record cannot be read, so there is nothing to recover from
   */
  recover(key: string, options?: CallOptions): Promise<ShardInfo>
  /**
   * Forget the shard and delete what the store made for it, nothing else. From the call on it cannot be acquired. The intent
   * is durable at once: a destruction that is cut off, or whose caller leaves, goes on.
   *
   * @throws {DagstoreError} `DAGSTORE_SHARD_UNKNOWN`
   */
  destroy(key: string, options?: DestroyOptions): Promise<void>
  shard(key: string, options?: CallOptions): Promise<ShardDetails | undefined>
  /** By key, in pages; a shard that changes meanwhile may be listed as it was or as it is. */
  shards(query?: ShardQuery): AsyncIterable<ShardInfo>
  /** Keys of the indexed shards that hold the block or name it as a root; one whose index cannot be read now is listed, since it may. */
  find(multihash: Uint8Array, options?: FindShardsOptions): Promise<readonly string[]>
  /**
   * Why the block can be read, or cannot: the steps from its CID to its bytes, the one that fails, and what to do. Only looks: it
   * fetches nothing and builds no index. Rejects only when the store's own database fails, on abort and after `close`.
   *
   * @param cid - or its text
   */
  why(cid: AnyCid | string, options?: CallOptions): Promise<WhyReport>
  /**
   * Read a whole shard and compare: sections, index, top-level index, and as many hashes as `mode` says. What the store made itself
   * is put right where it is wrong, and that is reported; faults of the bytes are listed. Acquires the shard, so it may be
   * fetched.
   *
   * @throws as `acquire`; {IoError} the source could not be read
   */
  verify(key: string, options?: VerifyOptions): Promise<VerifyReport>
  /** Shards with what the doctor has found wrong and not found right since, by key, in pages. */
  doctorFindings(query?: FindingsQuery): AsyncIterable<FindingsOf>
  /**
   * What happens from the beginning of the iteration on; ends with the store. A consumer that is slow loses the oldest events, is
   * told so by `dropped`, and holds up nobody.
   *
   * @throws {RangeError} `capacity`
   */
  events(options?: EventsOptions): AsyncIterable<DagstoreEvent>
  /**
   * Over all indexed shards. A miss while shards are unindexed is a `BlockNotFoundError` with `unindexedShards` above 0, or, with
   * `complete: true`, no answer: `BLOCKSTORE_UNREADABLE`. Each block is looked for in the shard that was read last, in one that is
   * open, then in those that the top-level index names, those that failed a moment ago last. When every shard
   * that may hold the block fails, `BLOCKSTORE_UNREADABLE` (or the code that all have in common, such as
   * `BLOCKSTORE_HASH_MISMATCH`) with an AggregateError as its cause.
   */
  readonly blockstore: CrossShardBlockstore
  /**
   * As {@link blockstore}, for one walk over blocks that belong together: each is looked for first in the shard that had the
   * one before, by that shard's own index. Holds nothing between two calls, so there is nothing to close.
   */
  createSession(): CrossShardBlockstore
  /** Idempotent. Whoever waits is refused, leases are revoked, jobs end; always ends. What was passed in stays open. */
  close(): Promise<void>
}
