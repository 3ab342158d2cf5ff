/// <reference lib="esnext.disposable" preserve="true" />
/** The record store behind a Dagstore. Conditional commits make a shared form possible; the embedded form holds the lock. */
import type { Garbage, Health, ShardRecord } from '../machine/index.ts'
import type { ListedFindings, ShardFindings } from './finding.ts'
import type { StoredRecord } from './record-codec.ts'

export interface RecordChange {
  readonly key: string
  /** Of the record that is replaced. */
  readonly ifVersion: bigint | 'absent'
  /** `undefined` deletes it, and forgets its garbage: the next shard of that key uses the same names. */
  readonly record: ShardRecord | undefined
  /** Written down with the change, to be deleted by whoever gets round to it. An index that a record names is garbage no longer. @default none */
  readonly garbage?: readonly Garbage[]
}

export interface RecordQuery {
  readonly after?: string | undefined
  /** `unfinished`: a build or a destruction is to be finished. Destructions under way are listed by no health. */
  readonly state?: Health | 'unfinished' | undefined
  /** Most records in the answer; at least 1. */
  readonly limit: number
}

export interface DueQuery {
  /** Milliseconds since 1970; those due at this time included. */
  readonly until: number
  readonly after?: DueRetry | undefined
  readonly limit: number
}

/** An errored shard, and when it is to be tried again. */
export interface DueRetry { readonly key: string, readonly at: number }

export interface ListedRecord extends StoredRecord { readonly key: string }
export interface ListedGarbage { readonly key: string, readonly garbage: Garbage }

/** Every method rejects with `DAGSTORE_STORAGE_FAILED` when the storage below fails. */
export interface ShardCatalogue extends AsyncDisposable {
  get(key: string): Promise<StoredRecord | undefined>
  /** One answer per key, in order. */
  getMany(keys: readonly string[]): Promise<readonly (StoredRecord | undefined)[]>
  /** All or nothing, durable on return; `conflict` (nothing done) when any version moved. The new version is the old one plus 1 (first: 1). */
  commit(changes: readonly RecordChange[]): Promise<'done' | 'conflict'>
  /** Records in order of the keys' UTF-8; `state` is looked up in an index, so what is not asked for is not read. */
  page(query: RecordQuery): Promise<readonly ListedRecord[]>
  /** What is to be tried again, the earliest first, then by key; looked up in an index. */
  due(query: DueQuery): Promise<readonly DueRetry[]>
  /** Shards whose blocks are not in the top-level index, or not surely. Kept with each commit, never counted. */
  readonly unindexed: number
  /** A shard number (u32) never given out before; lost if it is not committed. @throws {DagstoreError} `DAGSTORE_STORAGE_FAILED`: all are used up */
  takeNumber(): number
  /** The shard that has this number as its committed index. */
  keyOf(shardNumber: number): Promise<string | undefined>
  /** All numbers of a shard, by looking at every row: for a record that cannot be read. */
  numbersOf(key: string): Promise<readonly number[]>
  /** Of one shard, or of all when `key` is `undefined`. */
  garbage(key: string | undefined): AsyncIterable<ListedGarbage>
  /** What work on many shards has noted for the next process; `undefined`: there is no such work. */
  note(name: string): Promise<Uint8Array | undefined>
  /** Durable on return; `undefined` deletes it. */
  setNote(name: string, value: Uint8Array | undefined): Promise<void>
  /** As last set; of an index that the shard may not have any more. */
  findings(key: string): Promise<ShardFindings | undefined>
  /** Replaces those of the shard, `findings` of no length deletes them. Not synced. Removing the record deletes them too. */
  setFindings(key: string, found: ShardFindings): Promise<void>
  /** By key; one that cannot be read has no findings. */
  findingsPage(query: { readonly after?: string | undefined, readonly limit: number }): Promise<readonly ListedFindings[]>
  /** It is gone. Not synced: a row that comes back after a crash is collected once more, while the shard's record is there. */
  forget(collected: readonly ListedGarbage[]): Promise<void>
}
