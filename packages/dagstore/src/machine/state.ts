/**
 * What one shard is, for the machine: its health, and who uses it or waits for it. Health says what is on disk; use (sessions,
 * leases, waiters, the job) is memory only and ends with the process.
 *
 *     absent ──register──► new ──acquire──► initializing ──built──► available
 *                           ▲ └──eager───────▲   │  ▲                │   ▲ │
 *                           └──nobody waits──────┘  └──index unusable┘   │ └─opening failed─┐
 *                                                │                       │                  ▼
 *                     interrupted (restart) ─────┴──failed──► errored ◄──┼───────────────────
 *                                                               │  └─opened, on retry ──►────┘
 *                                                               └──recover──► recovering ──built──► available
 *     available, errored ──refresh──► refreshing ──built──► available (of the new bytes) or ──failed──► what it was
 *     any ──destroy──► destroying ──cleaned──► absent          any ──close──► closed
 */

/** As shown to callers and persisted; Lotus's names for them stand at the edge (`toLotusState`). */
export type Health = 'new' | 'initializing' | 'available' | 'recovering' | 'errored'

/** Why a shard is errored; persisted. `later`: the store tries again by itself, and so does an acquire. `never`: only `recover` does. */
export interface Failure {
  readonly code: string
  readonly message: string
  /** ISO 8601, UTC. */
  readonly at: string
  readonly retry: 'never' | 'later'
  /** Failures in a row; 1: the first. Tries for a caller, made before the next one was due, are not counted. */
  readonly attempts: number
  /** When the store tries again by itself, ISO 8601, UTC; `undefined`: it does not. */
  readonly nextRetryAt: string | undefined
}

/** A file with the bytes of the mount, given at registration. `borrow`: may vanish any time, and is never deleted. */
export interface LocalCopy {
  readonly path: string
  readonly mode: 'borrow' | 'move' | 'link'
}

/** What a parked caller wants: a lease, an index of ours to be there (eager register, initialize, recover), a recovery or a refresh of its own. */
export type Waiter =
  /** `urgent`: somebody waits for bytes; served before those who only prepare. */
  | { readonly id: number, readonly wish: 'lease', readonly urgent: boolean }
  | { readonly id: number, readonly wish: 'index' | 'recovery' }
  /** `url`: of the mount to read from now on; `undefined`: the one it has. */
  | { readonly id: number, readonly wish: 'refresh', readonly url: string | undefined }

/** One opened mount with its index. Its id is that of the job that opened it; a lease's id is that of its waiter. */
export interface Session {
  readonly id: number
  readonly leases: readonly number[]
}

/** At most one job runs per shard. Its completion events carry its number, anything else is stale. */
export interface Job {
  readonly id: number
  /** Told to stop, because nobody waited any more; whoever comes meanwhile gets a new job after it has ended. */
  readonly aborting: boolean
}

/** An opening. `wanted`: it goes on when nobody waits. */
export interface Opening extends Job { readonly wanted: boolean }

/** `foreign`: not made here, so it lists perhaps not every section. */
export type CommittedIndex = 'none' | 'foreign' | 'ours'

interface Registered {
  /** Number of the last job of this machine. */
  readonly serial: number
  readonly url: string
  /** The committed one, even if it may have to be rebuilt. */
  readonly index: CommittedIndex
  /** All that are open; those other than `current` only wait for their last lease. */
  readonly sessions: readonly Session[]
}

export interface Absent { readonly tag: 'absent', readonly serial: number }
export interface New extends Registered { readonly tag: 'new' }
/** The record says that a job is under way, and none is: the process ended before it did, or its end could not be written. */
export interface Interrupted extends Registered {
  readonly tag: 'interrupted'
  readonly was: 'initializing' | 'recovering' | 'refreshing'
  readonly failure: Failure | undefined
}
export interface Initializing extends Registered {
  readonly tag: 'initializing'
  readonly job: Job
  readonly waiters: readonly Waiter[]
  /** The job goes on when nobody waits: asked for by an eager registration, a restart, or damage that was found. */
  readonly wanted: boolean
  /** Of the try before, when it retries: giving it up heals nothing. */
  readonly failure: Failure | undefined
}
export interface Recovering extends Registered { readonly tag: 'recovering', readonly job: Job, readonly waiters: readonly Waiter[] }
export interface Available extends Registered {
  readonly tag: 'available'
  /** The session that new leases join. */
  readonly current: number | undefined
  /** Opens mount and index for the waiters. */
  readonly opening: Opening | undefined
  readonly waiters: readonly Waiter[]
}
export interface Errored extends Registered {
  readonly tag: 'errored'
  readonly failure: Failure
  readonly opening: Opening | undefined
  readonly waiters: readonly Waiter[]
}
/**
 * What the mount has now is indexed beside the index that is current until the commit. Leases are had of the open session;
 * where none is open, whoever comes waits for the end.
 */
export interface Refreshing extends Registered {
  readonly tag: 'refreshing'
  readonly job: Job
  /** URL of the mount that is read; the shard's with the commit. */
  readonly to: string
  /** Whom the end of the job answers. */
  readonly callers: readonly number[]
  readonly waiters: readonly Waiter[]
  readonly current: number | undefined
  /** The shard is errored meanwhile, and stays so if the refresh fails; `undefined`: it is available. */
  readonly failure: Failure | undefined
  /** The current index turned out to be damaged: it is rebuilt if the refresh fails. */
  readonly damaged: boolean
}
/** The intent is durable; what is left is to let the job end and the leases go, to clean, and to forget. */
export interface Destroying extends Registered {
  readonly tag: 'destroying'
  /** Callers of `destroy`. */
  readonly callers: readonly number[]
  readonly job: number | undefined
  readonly cleaning: boolean
}
/** The store is closing; only the end of the job is still awaited. */
export interface Closed { readonly tag: 'closed', readonly serial: number, readonly job: number | undefined }

export type State = Absent | New | Interrupted | Initializing | Recovering | Available | Errored | Refreshing | Destroying | Closed

/** Nothing in memory that the record does not say: the machine may be dropped and made again from its record. */
export const atRest = (state: State): boolean => {
  switch (state.tag) {
    case 'absent':
    case 'closed': return true
    case 'new':
    case 'interrupted': return state.sessions.length === 0
    case 'initializing':
    case 'recovering':
    case 'refreshing': return false
    case 'available':
    case 'errored': return state.sessions.length === 0 && state.opening === undefined && state.waiters.length === 0
    case 'destroying': return state.sessions.length === 0 && state.job === undefined && state.callers.length === 0
  }
}
