/// <reference lib="esnext.disposable" preserve="true" />
/** Opening a store on a database and a directory. */
import { createPageCache, type PageCache } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { openIndexRepo } from '@dagstore/index-repo'
import { type Clock, type Directory, systemClock } from '@dagstore/io'
import type { MountRegistry } from '@dagstore/mounts'
import { openTopLevelIndex } from '@dagstore/top-level-index'
import type { AbstractLevel } from 'abstract-level'
import { openCatalogue } from './catalogue/level-catalogue.ts'
import type { Dagstore } from './dagstore.ts'
import { type EventListener, quiet } from './events.ts'
import { Store } from './store.ts'

export interface DagstoreOptions {
  /** Opened; any engine. Sublevels `catalogue` and `tli` are the store's. One store at a time: the engine's lock must see to it. */
  readonly db: AbstractLevel<any, any, any>
  /** `index/` and `transients/` in it are the store's. */
  readonly files: Directory
  readonly mounts: MountRegistry
  readonly hashes: Hashes
  /** @default systemClock */
  readonly clock?: Clock
  /** Shared by all open indices. @default its own, of 64 MiB */
  readonly pages?: PageCache
  /** Idle shards that `blockstore` keeps open; at least 1. @default 64 */
  readonly maxOpenShards?: number
  /** Shards that are fetched or indexed at a time; at least 1. @default 2 */
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
  const { db, files, mounts, hashes, clock = systemClock } = options
  const maxOpenShards = atLeastOne('maxOpenShards', options.maxOpenShards ?? DAGSTORE_DEFAULTS.maxOpenShards)
  const maxConcurrentIndexing = atLeastOne('maxConcurrentIndexing', options.maxConcurrentIndexing ?? DAGSTORE_DEFAULTS.maxConcurrentIndexing)
  const catalogue = await openCatalogue(db)
  const emit = quiet(options.onEvent)
  const top = await openTopLevelIndex(db, { onPurgeFailure: (error) => { emit({ type: 'postponed', key: undefined, error }) } })
  return new Store({
    catalogue,
    top,
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

const atLeastOne = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name}; want=a whole number from 1 got=${value}`)
}
