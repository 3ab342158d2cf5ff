/** What the runners of all shards share. */
import type { IndexView, PageCache } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import type { IndexRepo } from '@dagstore/index-repo'
import type { ByteSource, CallOptions, Clock, KeyLock } from '@dagstore/io'
import type { MountRegistry, Transients } from '@dagstore/mounts'
import type { TopLevelIndex } from '@dagstore/top-level-index'
import type { ShardCatalogue } from '../catalogue/shard-catalogue.ts'
import type { EventListener } from '../events.ts'
import type { Garbage, RetryPlan } from '../machine/index.ts'
import type { Limiter } from '../limiter.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Pace } from './paced.ts'
import type { Tasks } from './tasks.ts'

export interface StoreParts {
  readonly catalogue: ShardCatalogue
  readonly top: TopLevelIndex
  readonly repo: IndexRepo
  /** Copies of sequential mounts. */
  readonly transients: Transients
  readonly mounts: MountRegistry
  readonly hashes: Hashes
  readonly clock: Clock
  readonly pages: PageCache
  /** Slots of builds. */
  readonly building: Limiter
  /** Of what is read for an index; `undefined`: as fast as it comes. */
  readonly pace: Pace | undefined
  /** Who deletes what is of one shard, one after another. */
  readonly deleting: KeyLock
  readonly emit: EventListener
  readonly metrics: Metrics
  /** As it is now, for a failure that has just happened. */
  readonly retryPlan: () => RetryPlan
  /** Take the file given at registration, once: later calls find it taken. Ends with the store at the latest. */
  readonly takeOver: (key: string) => Promise<void>
  /** An index is about to become current. */
  readonly noteIndexed: (shardNumber: number) => void
  /** A record says that the shard is to be tried again at that time. */
  readonly noteRetry: (at: number) => void
  /** A record says that something is unfinished, and nobody is at it. */
  readonly noteUnfinished: () => void
  /** Of a shard whose index is foreign: the one that is built in its place, pinned until it is closed. @throws {BlockstoreError} `BLOCKSTORE_UNREADABLE`: there is none, or one of other bytes */
  readonly wholeIndex: (key: string, source: ByteSource, options: CallOptions) => Promise<IndexView>
  /** Build one in its place when nobody waits for it. */
  readonly replaceIndex: (key: string, delayMs: number) => void
  /** Everything that outlives the call that started it, so that closing can wait for it. */
  readonly tasks: Tasks
  /** Whoever keeps leases of the shard only for speed gives them back. */
  readonly letGo: (key: string) => void
  /** Whoever keeps an index file open only for speed closes it; resolves when that is done, and lookups in it have ended. Not every system deletes a file that is open. */
  readonly letGoIndex: (key: string, generation: number) => Promise<void>
  /** An open session reads it. */
  readonly isPinned: (key: string, garbage: Garbage) => boolean
  /** Resolves when nobody writes the shard's record past its machine any more; `undefined`: nobody does. */
  readonly heldBack: (key: string) => Promise<void> | undefined
  /** Count an event that meant nothing; gives how many there were. */
  readonly countIgnored: () => number
}
