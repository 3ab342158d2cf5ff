/** What the steps of a deal work with. */
import type { Dagstore } from '@dagstore/dagstore'
import type { DealTransfer, SealingSubsystem } from '@dagstore/deal-protocol'
import type { Hashes } from '@dagstore/hashes'
import type { CallOptions, Clock, Directory, KeyLock } from '@dagstore/io'
import type { LocalFiles } from '@dagstore/mounts'
import type { OpenCommP } from '@dagstore/piece'
import type { PieceStore } from '@dagstore/piece-store'
import type { CID } from 'multiformats/cid'
import type { Deals } from './deals.ts'
import type { RetrySettings } from './failure.ts'
import type { DealTransfers } from './online/deal-transfers.ts'
import type { PullOptions, PushesUnderWay } from './online/under-way.ts'

/** Calls of the DAG store that a provider makes. */
export type ShardsOfDeals = Pick<Dagstore, 'register' | 'recover' | 'destroy' | 'shard' | 'events'>

/** Calls of the piece store that a provider makes. */
export type PiecesOfDeals = Pick<PieceStore, 'add' | 'get' | 'remove' | 'addPayload' | 'removePayload'>

export interface Parts {
  readonly deals: Deals
  readonly files: Directory
  readonly localFiles: LocalFiles
  readonly dagstore: ShardsOfDeals
  readonly pieces: PiecesOfDeals
  readonly sealing: SealingSubsystem
  readonly transfer: DealTransfer | undefined
  /** `undefined`: nothing is fetched. */
  readonly pulls: PullOptions | undefined
  readonly pushes: PushesUnderWay
  readonly transfers: DealTransfers
  readonly hashes: Hashes
  readonly otherDeals: ((pieceCid: CID, options: CallOptions) => Promise<boolean>) | undefined
  readonly openCommP: OpenCommP
  readonly clock: Clock
  readonly retry: RetrySettings
  /** By piece: a place is given, or given up. */
  readonly pieceLock: KeyLock
  /** Fires when the provider closes. */
  readonly ending: AbortSignal
}
