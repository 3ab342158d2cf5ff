/// <reference lib="esnext.disposable" preserve="true" />
/** Opening a store on a database and a directory. */
import { createPageCache, type PageCache } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { openIndexRepo } from '@dagstore/index-repo'
import { type AnyLevel, type Clock, type Directory, systemClock } from '@dagstore/io'
import type { MountRegistry } from '@dagstore/mounts'
import { openTopLevelIndex, type TopLevelIndex } from '@dagstore/top-level-index'
import { openCatalogue } from './catalogue/level-catalogue.ts'
import type { ShardCatalogue } from './catalogue/shard-catalogue.ts'
import type { Dagstore } from './dagstore.ts'
import { type EventListener, quiet } from './events.ts'
import { type OpenedParts, Store } from './store.ts'

/** The store's state in a database. */
export interface DatabaseState {
  /** Opened; any engine. Sublevels `catalogue` and `tli` are the store's. One store at a time: the engine's lock must see to it. */
  readonly db: AnyLevel
}

/** The store's state in other forms of its two ports; the caller closes them, after the store. */
export interface PortState {
  readonly catalogue: ShardCatalogue
  readonly topLevelIndex: TopLevelIndex
}

export type DagstoreOptions = DagstoreSettings & (DatabaseState | PortState)

/** Everything but where the state is. */
export interface DagstoreSettings {
  /** `index/` and `transients/` in it are the store's. */
  readonly files: Directory
  readonly mounts: MountRegistry
  readonly hashes: Hashes
  /** @default systemClock */
  readonly clock?: Clock
  /** Shared by all open indices. @default its own, of 64 MiB */
  readonly pages?: PageCache
  /** Idle shards that `blockstore` keeps open, and index files that `find` does; at least 1. @default 64 */
  readonly maxOpenShards?: number
  /** Shards that are fetched or indexed at a time; at least 1. A source that has to become ready first holds up nobody. @default 2 */
  readonly maxConcurrentIndexing?: number
  /** Nothing waits for it, and nothing is harmed when it throws. */
  readonly onEvent?: EventListener
}

export const DAGSTORE_DEFAULTS: { readonly maxOpenShards: number, readonly maxConcurrentIndexing: number } =
  Object.freeze({ maxOpenShards: 64, maxConcurrentIndexing: 2 })

/**
 * The store. What the last process left unfinished goes on in the background: builds and recoveries anew, destructions to
 * their end. The caller closes the store, then the database.
 *
 * @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: written by a later version. `DAGSTORE_STORAGE_FAILED`
 * @throws {RangeError} an option out of range
 */
export const openDagstore = async (options: DagstoreOptions): Promise<Dagstore> => {
  const { files, mounts, hashes, clock = systemClock } = options
  const maxOpenShards = atLeastOne('maxOpenShards', options.maxOpenShards ?? DAGSTORE_DEFAULTS.maxOpenShards)
  const maxConcurrentIndexing = atLeastOne('maxConcurrentIndexing', options.maxConcurrentIndexing ?? DAGSTORE_DEFAULTS.maxConcurrentIndexing)
  const emit = quiet(options.onEvent)
  return new Store({
    ...await openState(options, emit),
    repo: openIndexRepo(files.child('index')),
    transients: files.child('transients'),
    mounts,
    hashes,
    clock,
    pages: options.pages ?? createPageCache(),
    maxOpenShards,
    maxConcurrentIndexing,
    emit,
  })
}

const openState = async (state: DatabaseState | PortState, emit: EventListener): Promise<Pick<OpenedParts, 'catalogue' | 'top' | 'closeState'>> => {
  if (!('db' in state)) return { catalogue: state.catalogue, top: state.topLevelIndex, closeState: async () => {} }
  const catalogue = await openCatalogue(state.db)
  const top = await openTopLevelIndex(state.db, { onPurgeFailure: (error) => { emit({ type: 'postponed', key: undefined, error }) } })
  return {
    catalogue,
    top,
    closeState: async () => {
      await catalogue[Symbol.asyncDispose]()
      await top.close()
    },
  }
}

const atLeastOne = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name}; want=a whole number from 1 got=${value}`)
}
