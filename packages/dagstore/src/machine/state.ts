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
 *     any ──destroy──► destroying ──cleaned──► absent          any ──close──► closed
 */

/** As shown to callers and persisted; Lotus's names for them stand at the edge (`toLotusState`). */
export type Health = 'new' | 'initializing' | 'available' | 'recovering' | 'errored'

/** Why a shard is errored; persisted. `later`: the next acquire tries again. `never`: only `recover` does. */
export interface Failure {
  readonly code: string
  readonly message: string
  /** ISO 8601, UTC. */
  readonly at: string
  readonly retry: 'never' | 'later'
}

/** What a parked caller wants: a lease, the index to be there (eager register, recover), or a recovery of its own. */
export interface Waiter {
  readonly id: number
  readonly wish: 'lease' | 'index' | 'recovery'
}

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

interface Registered {
  /** Number of the last job of this machine. */
  readonly serial: number
  readonly url: string
  /** An index generation is committed, even if it may have to be rebuilt. */
  readonly indexed: boolean
  /** All that are open; those other than `current` only wait for their last lease. */
  readonly sessions: readonly Session[]
}

export interface Absent { readonly tag: 'absent', readonly serial: number }
export interface New extends Registered { readonly tag: 'new' }
/** Read from the catalogue with a job under way when the process ended. */
export interface Interrupted extends Registered {
  readonly tag: 'interrupted'
  readonly was: 'initializing' | 'recovering'
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
  readonly opening: Job | undefined
  readonly waiters: readonly Waiter[]
}
export interface Errored extends Registered {
  readonly tag: 'errored'
  readonly failure: Failure
  readonly opening: Job | undefined
  readonly waiters: readonly Waiter[]
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

export type State = Absent | New | Interrupted | Initializing | Recovering | Available | Errored | Destroying | Closed

/** Nothing in memory that the record does not say: the machine may be dropped and made again from its record. */
export const atRest = (state: State): boolean => {
  switch (state.tag) {
    case 'absent':
    case 'closed': return true
    case 'new':
    case 'interrupted': return state.sessions.length === 0
    case 'initializing':
    case 'recovering': return false
    case 'available':
    case 'errored': return state.sessions.length === 0 && state.opening === undefined && state.waiters.length === 0
    case 'destroying': return state.sessions.length === 0 && state.job === undefined && state.callers.length === 0
  }
}
