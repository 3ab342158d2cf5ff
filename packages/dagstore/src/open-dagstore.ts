/// <reference lib="esnext.disposable" preserve="true" />
/** Opening a store on a database and a directory. */
import { createPageCache, type PageCache } from '@dagstore/carv2'
import type { Hashes } from '@dagstore/hashes'
import { openIndexRepo } from '@dagstore/index-repo'
import { type AnyLevel, type Clock, createEventHub, type Directory, type Random, systemClock, systemRandom } from '@dagstore/io'
import { type MountRegistry, openTransients, type TransientsOptions } from '@dagstore/mounts'
import { clearTopLevelIndex, openTopLevelIndex, type TopLevelIndex, TopLevelIndexError } from '@dagstore/top-level-index'
import { createBudget } from './budget.ts'
import { noteRebuild, readRebuildNote } from './bulk/rebuild-top-level-index.ts'
import { openCatalogue } from './catalogue/level-catalogue.ts'
import type { ShardCatalogue } from './catalogue/shard-catalogue.ts'
import type { Dagstore } from './dagstore.ts'
import { type DoctorOptions, doctorSettings } from './doctor/doctor.ts'
import { DagstoreError } from './errors.ts'
import { type DagstoreEvent, type EventListener, quiet } from './events.ts'
import { codeOf } from './failure.ts'
import { measuredMounts, measuredPages } from './metrics/measured.ts'
import { type Metrics, NO_METRICS } from './metrics/metrics.ts'
import { metricsOfCopies } from './metrics/of-copies.ts'
import { metricsOfEvents } from './metrics/of-events.ts'
import { type RetryOptions, retrySettings } from './retry-settings.ts'
import type { Pace } from './runner/paced.ts'
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
  /** For the jitter of retries. @default systemRandom */
  readonly random?: Random
  /** Shared by all open indices. @default its own, of 64 MiB */
  readonly pages?: PageCache
  /** Idle shards that `blockstore` keeps open; a quarter as many index files of others that `find` does; at least 1. @default 64 */
  readonly maxOpenShards?: number
  /** Shards that are fetched or indexed at a time; at least 1. A source that has to become ready first holds up nobody. @default 2 */
  readonly maxConcurrentIndexing?: number
  /** What indexing reads of sources in a second at most, all shards together, in bytes; reads of leases are not slowed. @default no limit */
  readonly indexingBytesPerSecond?: number
  /** When what failed for a passing reason is tried again without being asked. */
  readonly retry?: RetryOptions
  /** Copies of what comes in order only: how much room they may take, and what is done with it. @default no quota, nothing checked */
  readonly transients?: Omit<TransientsOptions, 'directory' | 'onWait' | 'watch'>
  /** Nothing waits for it, and nothing is harmed when it throws. */
  readonly onEvent?: EventListener
  /** Shards are checked in the background at this pace, and repaired where that is possible; `{}`: the defaults. @default no checks */
  readonly doctor?: DoctorOptions
  /** Told what is counted and measured; `createMetrics()` keeps it in memory. @default nobody */
  readonly metrics?: Metrics
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
  const { files, hashes, clock = systemClock, metrics = NO_METRICS } = options
  const maxOpenShards = atLeastOne('maxOpenShards', options.maxOpenShards ?? DAGSTORE_DEFAULTS.maxOpenShards)
  const maxConcurrentIndexing = atLeastOne('maxConcurrentIndexing', options.maxConcurrentIndexing ?? DAGSTORE_DEFAULTS.maxConcurrentIndexing)
  const [listener, counting] = [quiet(options.onEvent), metricsOfEvents(metrics, clock)]
  const events = createEventHub<DagstoreEvent>((event) => {
    counting(event)
    listener(event)
  }, () => { metrics.count('events.dropped') })
  const { emit } = events
  let store: Store | undefined
  const transients = await openTransients({
    ...options.transients, directory: files.child('transients'), onWait: () => { store?.letGoIdle() }, watch: metricsOfCopies(metrics, clock),
  })
  store = new Store({
    ...await openState(options, emit),
    repo: openIndexRepo(files.child('index')),
    transients,
    mounts: measuredMounts(options.mounts, metrics),
    hashes,
    clock,
    pages: measuredPages(options.pages ?? createPageCache(), metrics),
    maxOpenShards,
    maxConcurrentIndexing,
    pace: paceOf(options.indexingBytesPerSecond, clock),
    random: options.random ?? systemRandom,
    retry: retrySettings(options.retry),
    emit,
    events,
    metrics,
    doctor: options.doctor === undefined ? undefined : doctorSettings(options.doctor),
  })
  return store
}

const paceOf = (bytesPerSecond: number | undefined, clock: Clock): Pace | undefined => {
  if (bytesPerSecond === undefined) return undefined
  if (!(bytesPerSecond >= 1)) throw new RangeError(`indexingBytesPerSecond; want=1 or more got=${bytesPerSecond}`)
  return createBudget(clock, bytesPerSecond)
}

const openState = async (state: DatabaseState | PortState, emit: EventListener): Promise<Pick<OpenedParts, 'catalogue' | 'top' | 'rebuilding' | 'closeState'>> => {
  if (!('db' in state)) return { catalogue: state.catalogue, top: state.topLevelIndex, rebuilding: await readRebuildNote(state.catalogue), closeState: async () => {} }
  const catalogue = await openCatalogue(state.db)
  const open = (): Promise<TopLevelIndex> => openTop(state.db, (error) => { emit({ type: 'postponed', key: undefined, error }) })
  let top: TopLevelIndex
  try {
    top = await open()
  } catch (error) {
    if (codeOf(error) !== 'TOP_LEVEL_INDEX_DAMAGED') throw error
    // all that is in it is in the index files too: it is written anew in the background, and until then nothing is called absent
    emit({ type: 'index-unusable', key: undefined, reason: error })
    await noteRebuild(catalogue)
    await clearTopLevelIndex(state.db)
    top = await open()
  }
  return {
    catalogue,
    top,
    rebuilding: await readRebuildNote(catalogue),
    closeState: async () => {
      await catalogue[Symbol.asyncDispose]()
      await top.close()
    },
  }
}

const openTop = async (db: AnyLevel, onPurgeFailure: (error: unknown) => void): Promise<TopLevelIndex> => {
  try {
    return await openTopLevelIndex(db, { onPurgeFailure })
  } catch (cause) {
    if (!(cause instanceof TopLevelIndexError) || cause.code === 'TOP_LEVEL_INDEX_DAMAGED') throw cause
    if (cause.code === 'TOP_LEVEL_INDEX_BAD_FORMAT') throw new DagstoreError('DAGSTORE_BAD_FORMAT', cause.message, { cause })
    throw new DagstoreError('DAGSTORE_STORAGE_FAILED', 'opening the top-level index failed', { cause, retry: 'later' })
  }
}

const atLeastOne = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name}; want=a whole number from 1 got=${value}`)
}
