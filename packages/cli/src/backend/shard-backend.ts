/** What commands on shards ask: the store in this process, or a daemon that has it. */
import type { AdoptIndexOutcome, Dagstore, ExportIndexOutcome, RegisterItem, RegisterOutcome, WhyReport } from '@dagstore/dagstore'
import type { IndexRepo } from '@dagstore/index-repo'
import type { CallOptions } from '@dagstore/io'
import type { DagstoreInitializeAllEvent, DagstoreShardInfo, ShardState } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import type { RootFolder } from '../root-folder.ts'
import type { ClientCalls } from './client-calls.ts'
import type { ProviderCalls } from './provider-calls.ts'

/** Of what a daemon answers: it need not say whether the shard was there before. */
export type AddOutcome = Omit<Extract<RegisterOutcome, { ok: true }>, 'added'> | Extract<RegisterOutcome, { ok: false }>

export interface InitializeAllQuery extends CallOptions {
  /** Shards at a time; 0: no limit but the store's own. */
  readonly concurrency: number
  /** Pieces, too, of which no unsealed copy is known. */
  readonly includeSealed: boolean
}

/** As of the store itself, but for lists, which are as Lotus gives them. What a daemon does it does with files of its machine. */
export interface ShardCalls extends Pick<Dagstore,
  'register' | 'initialize' | 'refresh' | 'destroy' | 'shard' | 'shards' | 'verify' | 'doctorFindings' | 'gc' | 'exportShards' | 'importShards' | 'rebuildTopLevelIndex'
> {
  recover (key: string, options?: CallOptions): Promise<unknown>
  why (cid: CID, options?: CallOptions): Promise<WhyReport>
  /** All by key, or those of one state. */
  listed (query: CallOptions & { readonly state?: ShardState | undefined }): AsyncIterable<DagstoreShardInfo>
  /** Those whose index holds the block, by key. */
  holders (cid: CID, options?: CallOptions): AsyncIterable<DagstoreShardInfo>
  /** Shards that may hold the block for all that is known: they are not indexed. 0 where an indexed one has it. */
  unindexed (cid: CID, options?: CallOptions): Promise<number>
  registerMany (items: AsyncIterable<RegisterItem>, options?: CallOptions): AsyncIterable<AddOutcome>
  /** Two events for each shard, as Lotus has them. */
  initializeAll (query: InitializeAllQuery): AsyncIterable<DagstoreInitializeAllEvent>
  /** @param folder - absolute */
  exportIndices (folder: string, options?: CallOptions): AsyncIterable<ExportIndexOutcome>
  /** @param folder - absolute */
  adoptIndices (folder: string, options?: CallOptions): AsyncIterable<AdoptIndexOutcome>
}

export interface ShardBackend {
  /** Of the store, where it is on this machine: `undefined` for a daemon that was named by its address. */
  readonly root: RootFolder | undefined
  /** Where the daemon answers; `undefined`: this process has the store. */
  readonly daemon: string | undefined
  readonly dagstore: ShardCalls
  /** The detached indices. */
  readonly indices: Pick<IndexRepo, 'open'>
  readonly provider: ProviderCalls
  /** The client's side; opened by the first call, and closed with the rest. */
  client (): Promise<ClientCalls>
  close (): Promise<void>
}

/** As Lotus lists a shard. */
export type ListedShard = DagstoreShardInfo
