/** Steps that several events share. */
import type { Effect, JobKind, Refusal, Registration, Step } from './effect.ts'
import type { Event, JobEnd } from './event.ts'
import { lastFailure } from './retry.ts'
import type {
  Available, Closed, CommittedIndex, Destroying, Errored, Failure, Initializing, Interrupted, New, Recovering, Refreshing, Session, State, Waiter
} from './state.ts'

/** Registered, and not on the way out. */
export type Present = New | Interrupted | Initializing | Recovering | Available | Errored | Refreshing
export type Registered = Present | Destroying
/** A build is under way. */
export type Building = Initializing | Recovering

export const stay = <S extends State>(state: S): Step<S> => ({ state, effects: [] })
export const ignore = <S extends State>(state: S): Step<S> => ({ state, effects: [{ type: 'ignored' }] })

export const refuse = (waiter: number, code: Refusal, failure?: Failure): Effect => ({ type: 'refuse', waiter, code, failure })
export const refuseAll = (waiters: readonly Waiter[], code: Refusal, failure?: Failure): Effect[] =>
  waiters.map(({ id }) => refuse(id, code, failure))

/** A job has failed: who waits for something of his own asks again, the others are refused. */
export const disappoint = (waiters: readonly Waiter[], code: Refusal, failure?: Failure): Effect[] =>
  waiters.map((waiter) => waiter.wish === 'refresh' ? again(waiter) : refuse(waiter.id, code, failure))

/** The call of a parked waiter, once more. */
export const again = (waiter: Waiter): Effect => ({ type: 'again', event: callOf(waiter) })

const callOf = (waiter: Waiter): Event & { readonly waiter: number } => {
  switch (waiter.wish) {
    case 'lease': return { type: 'acquire', waiter: waiter.id, registerAs: undefined, urgent: waiter.urgent }
    case 'index': return { type: 'initialize', waiter: waiter.id }
    case 'recovery': return { type: 'recover', waiter: waiter.id }
    case 'refresh': return { type: 'refresh', waiter: waiter.id, url: waiter.url }
  }
}

/** Somebody came to a job under way. */
export const raised = (job: { readonly id: number }, waiter: Waiter): Effect[] => isUrgent(waiter) ? [{ type: 'raise', job: job.id }] : []

const isUrgent = (waiter: Waiter): boolean => waiter.wish === 'lease' && waiter.urgent

export const start = (job: number, kind: JobKind, waiters: readonly Waiter[] = []): Effect => ({ type: 'start', job, kind, urgent: waiters.some(isUrgent) })

/** What every registered state carries over. */
export const core = ({ serial, url, index, sessions }: Registered): Pick<Registered, 'serial' | 'url' | 'index' | 'sessions'> =>
  ({ serial, url, index, sessions })

/**
 * Start a build under a new generation; whoever waits goes on waiting.
 *
 * @param refetch - a copy of the data that is there is not to be used; default: in a recovery
 */
export const begin = (
  state: Present, health: 'initializing' | 'recovering', waiters: readonly Waiter[], wanted: boolean, refetch: boolean = health === 'recovering'
): Step<State> => building({ ...core(state), failure: lastFailure(state) }, health, waiters, wanted, { refetch, registerAs: undefined })

/** The same for a key that is not registered yet: registration and begin are one change of the record. */
export const beginNew = (serial: number, registerAs: Registration, waiter: Waiter, wanted: boolean): Step<State> =>
  building({ serial, url: registerAs.url, index: 'none', sessions: [], failure: undefined }, 'initializing', [waiter], wanted, { refetch: false, registerAs })

const building = (
  { failure, ...from }: Pick<Registered, 'serial' | 'url' | 'index' | 'sessions'> & { readonly failure: Failure | undefined }, health: 'initializing' | 'recovering',
  waiters: readonly Waiter[], wanted: boolean, change: { readonly refetch: boolean, readonly registerAs: Registration | undefined }
): Step<State> => {
  const serial = from.serial + 1
  const job = { id: serial, aborting: false }
  return {
    state: health === 'initializing'
      ? { ...from, tag: 'initializing', serial, job, waiters, wanted, failure }
      : { ...from, tag: 'recovering', serial, job, waiters },
    effects: [
      { type: 'persist', change: { type: 'begin', health, ...change } },
      start(serial, 'build', waiters),
    ],
  }
}

/** Start opening the mount and the committed index; needs no change of the record. */
export const open = <S extends Available | Errored>(state: S, waiters: readonly Waiter[], wanted: boolean = false): Step<S> => {
  const serial = state.serial + 1
  return {
    state: { ...state, serial, waiters, opening: { id: serial, aborting: false, wanted } },
    effects: [start(serial, 'open', waiters)],
  }
}

/**
 * The session that a job has opened: leases for those who wait for one, an answer for the others. Whoever wants an index of ours
 * asks again where the session's is foreign.
 */
export const settle = (sessions: readonly Session[], job: number, index: CommittedIndex, waiters: readonly Waiter[]): {
  readonly sessions: readonly Session[], readonly current: number | undefined, readonly effects: readonly Effect[]
} => {
  const leases = waiters.filter(({ wish }) => wish === 'lease').map(({ id }) => id)
  const others = waiters.filter(({ wish }) => wish !== 'lease' && wish !== 'refresh')
  const later = waiters.filter(({ wish }) => wish === 'refresh').map(again)
  const effects: Effect[] = [
    ...leases.map((waiter): Effect => ({ type: 'grant', waiter, session: job })),
    ...others.map(({ id }): Effect => index === 'foreign' ? again({ id, wish: 'index' }) : { type: 'answer', waiter: id }),
  ]
  if (leases.length === 0) return { sessions, current: undefined, effects: [...effects, { type: 'close-session', session: job }, ...later] }
  return { sessions: [...sessions, { id: job, leases }], current: job, effects: [...effects, ...later] }
}

/** A destruction goes on with whatever is possible now. */
export const advance = (state: Destroying, effects: readonly Effect[]): Step<Destroying> => {
  if (state.job !== undefined || state.sessions.length > 0) return { state, effects }
  const serial = state.serial + 1
  return {
    state: { ...state, serial, job: serial, cleaning: true },
    effects: [...effects, start(serial, 'clean')],
  }
}

/** A session that nobody gets is closed. */
export const dropped = (event: JobEnd): Effect[] =>
  event.type === 'opened' || event.type === 'built' ? [{ type: 'close-session', session: event.job }] : []

/** Not the end that was awaited; if something was opened, it must not stay open. */
export const stray = (state: State, event: JobEnd): Step<State> => ({ state, effects: [{ type: 'ignored' }, ...dropped(event)] })

/** Refuse what is called on the leases of all sessions, and close these. */
export const cutOff = (sessions: readonly Session[]): Effect[] => [
  ...sessions.map(({ id }): Effect => ({ type: 'revoke', session: id })),
  ...sessions.map(({ id }): Effect => ({ type: 'close-session', session: id })),
]

/** The job under way, whatever its kind. */
export const jobOf = (state: State): { readonly id: number, readonly aborting: boolean } | undefined => {
  switch (state.tag) {
    case 'absent':
    case 'new':
    case 'interrupted': return undefined
    case 'initializing':
    case 'recovering':
    case 'refreshing': return state.job
    case 'available':
    case 'errored': return state.opening
    case 'destroying':
    case 'closed': return state.job === undefined ? undefined : { id: state.job, aborting: true }
  }
}

/** Whoever is parked; the callers of a refresh under way among them. */
export const waitersOf = (state: Present): readonly Waiter[] => {
  switch (state.tag) {
    case 'new':
    case 'interrupted': return []
    case 'refreshing': return [...state.callers.map((id): Waiter => ({ id, wish: 'refresh', url: state.to })), ...state.waiters]
    default: return state.waiters
  }
}

/** All is refused, all is cut off, the job is told to stop. */
export const shut = (state: State): Step<Closed> => {
  const { serial } = state
  const job = jobOf(state)
  const effects: Effect[] = []
  if (state.tag === 'destroying') effects.push(...state.callers.map((waiter) => refuse(waiter, 'DAGSTORE_CLOSED')))
  else if (state.tag !== 'absent' && state.tag !== 'closed') effects.push(...refuseAll(waitersOf(state), 'DAGSTORE_CLOSED'))
  if (job !== undefined) effects.push({ type: 'abort', job: job.id })
  if (state.tag !== 'absent' && state.tag !== 'closed') effects.push(...cutOff(state.sessions))
  return { state: { tag: 'closed', serial, job: job?.id }, effects }
}
