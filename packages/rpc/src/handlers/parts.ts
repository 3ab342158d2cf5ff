/** What the handlers need of everybody else. Parts that are not there make the methods that need them say so. */
import type { Dagstore, MetricsSnapshot, ShardInfo } from '@dagstore/dagstore'
import type { DealTerms, ProviderDeal } from '@dagstore/deal-protocol'
import type { IndexRepo } from '@dagstore/index-repo'
import type { CallOptions, Directory } from '@dagstore/io'
import type { Permission } from '@dagstore/lotus-api'
import type { HostGuardOptions } from '@dagstore/mounts'
import type { PieceDealReader } from '@dagstore/piece-store'
import type { CID } from 'multiformats/cid'
import type { ClientParts } from './client-handlers.ts'
import type { MarketParts } from './market-parts.ts'

export interface HandlerParts {
  readonly node: NodeParts
  readonly shards?: ShardParts | undefined
  readonly pieces?: PieceParts | undefined
  readonly deals?: DealParts | undefined
  readonly market?: MarketParts | undefined
  readonly client?: ClientParts | undefined
  /** Told what nobody else is told: shards that are left out, and failures that are no errors of ours. */
  readonly onNotice?: ((text: string) => void) | undefined
}

export interface NodeParts {
  /** Of the program. */
  readonly version: string
  /** A UUID, another one each time the process begins. */
  readonly session: string
  readonly tokens: {
    sign (permissions: readonly Permission[]): string | Promise<string>
    /** Rejects, throws, or gives `undefined` for a token that is not ours. */
    verify (token: string): readonly Permission[] | undefined | Promise<readonly Permission[] | undefined>
  }
  readonly logs: {
    list (): readonly string[]
    /** @throws {RangeError} no such subsystem or level */
    setLevel (subsystem: string, level: string): void
  }
  /** Begins the end of the process; not waited for, since the answer to whoever asked is part of what is under way. */
  readonly shutdown: () => unknown
}

export interface ShardParts {
  readonly dagstore: Omit<Dagstore, 'createSession' | 'close' | typeof Symbol.asyncDispose>
  /** Whether an unsealed copy of the piece can be read. @default none of the store's shards are pieces in sectors */
  readonly isUnsealed?: ((piece: CID, options: CallOptions) => Promise<boolean>) | undefined
  /** Whether the operator is yet to say if the piece of an errored shard is unsealed: of recovering it, he says so. @default no shard waits */
  readonly isWaiting?: ((info: ShardInfo) => boolean) | undefined
  /** Index files. @default they are not given out */
  readonly indices?: Pick<IndexRepo, 'open'> | undefined
  /** What the store has counted. @default nothing */
  readonly metrics?: { snapshot (): Pick<MetricsSnapshot, 'counters'> } | undefined
  /**
   * Hosts of mount URLs that callers name. The store's own `fetch` is to be guarded by the same rules (`httpMounts({ guard, fetch:
   * nodeGuardedFetch(guard) })`), since a name is judged when the connection is made.
   *
   * @default the public network
   */
  readonly hosts?: HostGuardOptions | undefined
  /** A folder of this machine, by its absolute path. @default no folder is read or written */
  readonly folder?: ((path: string) => Directory) | undefined
}

export interface PieceParts extends Pick<PieceDealReader, 'list' | 'get'> {
  /** Pieces that hold the block or DAG. */
  readonly piecesWith: (payload: CID, options?: CallOptions) => Promise<readonly CID[]>
  /** Payloads of which a piece is known. */
  readonly payloads: (options?: CallOptions) => AsyncIterable<CID>
}

export type DealNews = { readonly type: 'deal', readonly deal: ProviderDeal } | { readonly type: 'dropped', readonly count: number }

/** What is known of a deal that was agreed on elsewhere. */
export type OfflineDeal = Omit<DealTerms, 'createdAt' | 'clientPeer'>

export interface DealParts {
  readonly deals: (options?: CallOptions) => AsyncIterable<ProviderDeal>
  readonly unregistered: (options?: CallOptions) => AsyncIterable<ProviderDeal>
  /** Bounded: who is slow loses the oldest and is told so. */
  readonly updates: (options?: CallOptions) => AsyncIterable<DealNews>
  /** Durable on return; the same deal again changes nothing. */
  readonly accept: (deal: OfflineDeal, options?: CallOptions) => Promise<unknown>
  readonly importData: (deal: CID, source: { readonly path: string }, options?: CallOptions) => Promise<unknown>
}
