/** Steps for what callers ask: register, initialize, acquire, recover, destroy; and for a caller who leaves. Refresh: `refresh.ts`. */
import type { Effect, Step } from './effect.ts'
import type { Event } from './event.ts'
import { advance, again, begin, beginNew, core, cutOff, jobOf, open, raised, refuse, refuseAll, stay, waitersOf, type Present } from './outcomes.ts'
import { beginRefresh, giveUp } from './refresh.ts'
import type { Destroying, State, Waiter } from './state.ts'

type Of<T extends Event['type']> = Extract<Event, { readonly type: T }>

export const register = (state: State, { waiter, url, eager, localCopy }: Of<'register'>): Step<State> => {
  if (state.tag === 'absent') {
    if (eager) return beginNew(state.serial, { url, localCopy }, { id: waiter, wish: 'index' }, true)
    return {
      state: { tag: 'new', serial: state.serial, url, index: 'none', sessions: [] },
      effects: [{ type: 'persist', change: { type: 'register', url, localCopy } }, { type: 'answer', waiter }],
    }
  }
  if (state.tag === 'destroying') return only(state, refuse(waiter, 'DAGSTORE_SHARD_DESTROYED'))
  if (state.tag === 'closed') return only(state, refuse(waiter, 'DAGSTORE_CLOSED'))
  if (state.url !== url) return only(state, refuse(waiter, 'DAGSTORE_SHARD_EXISTS'))
  return eager ? prepare(state, waiter) : only(state, { type: 'answer', waiter })
}

export const initialize = (state: State, { waiter }: Of<'initialize'>): Step<State> => {
  switch (state.tag) {
    case 'absent': return only(state, refuse(waiter, 'DAGSTORE_SHARD_UNKNOWN'))
    case 'destroying': return only(state, refuse(waiter, 'DAGSTORE_SHARD_DESTROYED'))
    case 'closed': return only(state, refuse(waiter, 'DAGSTORE_CLOSED'))
    default: return prepare(state, waiter)
  }
}

/** Until there is an index of ours. */
const prepare = (state: Present, waiter: number): Step<State> => {
  const wish: Waiter = { id: waiter, wish: 'index' }
  if (state.tag === 'initializing') return stay({ ...state, wanted: true, waiters: [...state.waiters, wish] })
  const isServed = state.tag === 'available' || (state.tag === 'refreshing' && state.failure === undefined)
  if (!isServed) return wait(state, wish, true)
  if (state.index !== 'foreign') return only(state, { type: 'answer', waiter })
  if (state.tag === 'available' && state.opening === undefined) return beginRefresh(state, waiter, state.url, false)
  // what is being read already will do
  if (state.tag === 'refreshing' && !state.job.aborting) return stay({ ...state, callers: [...state.callers, waiter] })
  return stay({ ...state, waiters: [...state.waiters, wish] })
}

export const acquire = (state: State, { waiter, registerAs, urgent }: Of<'acquire'>): Step<State> => {
  const wish: Waiter = { id: waiter, wish: 'lease', urgent }
  switch (state.tag) {
    case 'absent':
      if (registerAs === undefined) return only(state, refuse(waiter, 'DAGSTORE_SHARD_UNKNOWN'))
      return beginNew(state.serial, { url: registerAs, localCopy: undefined }, wish, false)
    case 'destroying': return only(state, refuse(waiter, 'DAGSTORE_SHARD_DESTROYED'))
    case 'closed': return only(state, refuse(waiter, 'DAGSTORE_CLOSED'))
    case 'available':
    case 'refreshing':
      if (state.current === undefined) return wait(state, wish, false)
      return {
        state: { ...state, sessions: state.sessions.map((session) => session.id === state.current ? { ...session, leases: [...session.leases, waiter] } : session) },
        effects: [{ type: 'grant', waiter, session: state.current }],
      }
    default: return wait(state, wish, false)
  }
}

/** Park the waiter, and start what it waits for unless that is under way or would be in vain. */
const wait = (state: Present, waiter: Waiter, wanted: boolean): Step<State> => {
  switch (state.tag) {
    case 'new': return begin(state, 'initializing', [waiter], wanted)
    case 'interrupted': return state.was === 'refreshing' ? giveUp(state, [again(waiter)]) : begin(state, state.was, [waiter], true)
    case 'initializing':
    case 'recovering':
    case 'refreshing': return { state: { ...state, waiters: [...state.waiters, waiter] }, effects: raised(state.job, waiter) }
    case 'available': return state.opening === undefined ? open(state, [waiter]) : stay({ ...state, waiters: [...state.waiters, waiter] })
    case 'errored':
      if (state.opening !== undefined) return stay({ ...state, waiters: [...state.waiters, waiter] })
      if (state.failure.retry === 'never') return only(state, refuse(waiter.id, 'DAGSTORE_SHARD_ERRORED', state.failure))
      return state.index !== 'none' ? open(state, [waiter]) : begin(state, 'initializing', [waiter], wanted)
  }
}

export const recover = (state: State, { waiter }: Of<'recover'>): Step<State> => {
  switch (state.tag) {
    case 'absent': return only(state, refuse(waiter, 'DAGSTORE_SHARD_UNKNOWN'))
    case 'destroying': return only(state, refuse(waiter, 'DAGSTORE_SHARD_DESTROYED'))
    case 'closed': return only(state, refuse(waiter, 'DAGSTORE_CLOSED'))
    case 'recovering': return wait(state, { id: waiter, wish: 'index' }, true)
    case 'interrupted':
      if (state.was === 'recovering') return wait(state, { id: waiter, wish: 'index' }, true)
      if (state.was === 'refreshing') return giveUp(state, [again({ id: waiter, wish: 'recovery' })])
      break
    case 'refreshing':
      // a refresh that succeeds is a recovery; one that does not leaves what there is to recover
      if (state.failure !== undefined) return wait(state, { id: waiter, wish: 'recovery' }, true)
      break
    case 'errored':
      // a retry that is under way decides first: it heals the shard, or the recovery starts when it has ended
      if (state.opening !== undefined) return stay({ ...state, waiters: [...state.waiters, { id: waiter, wish: 'recovery' }] })
      return begin(state, 'recovering', [{ id: waiter, wish: 'index' }], true)
    default:
  }
  return only(state, refuse(waiter, 'DAGSTORE_NOT_ERRORED'))
}

export const destroy = (state: State, { waiter, force }: Of<'destroy'>): Step<State> => {
  if (state.tag === 'absent') return only(state, refuse(waiter, 'DAGSTORE_SHARD_UNKNOWN'))
  if (state.tag === 'closed') return only(state, refuse(waiter, 'DAGSTORE_CLOSED'))
  if (state.tag === 'destroying') {
    const next: Destroying = { ...state, callers: [...state.callers, waiter], sessions: force ? [] : state.sessions }
    return advance(next, force ? cutOff(state.sessions) : [])
  }
  const job = jobOf(state)
  const effects: Effect[] = [
    { type: 'persist', change: { type: 'destroy' } },
    ...refuseAll(waitersOf(state), 'DAGSTORE_SHARD_DESTROYED'),
    ...(job !== undefined && !job.aborting ? [{ type: 'abort' as const, job: job.id }] : []),
    ...(force ? cutOff(state.sessions) : []),
    { type: 'let-go' },
  ]
  const sessions = force ? [] : state.sessions
  return advance({ ...core(state), tag: 'destroying', sessions, callers: [waiter], job: job?.id, cleaning: false }, effects)
}

/** Only the caller leaves. The job is aborted when nobody waits for it any more and nobody wanted it for itself. */
export const withdraw = (state: State, { waiter }: Of<'withdraw'>): Step<State> => {
  switch (state.tag) {
    case 'initializing': {
      const waiters = state.waiters.filter(({ id }) => id !== waiter)
      if (waiters.length === state.waiters.length || waiters.length > 0 || state.wanted || state.job.aborting) return stay({ ...state, waiters })
      return { state: { ...state, waiters, job: { ...state.job, aborting: true } }, effects: [{ type: 'abort', job: state.job.id }] }
    }
    case 'recovering': return stay({ ...state, waiters: state.waiters.filter(({ id }) => id !== waiter) })
    case 'available':
    case 'errored': {
      const waiters = state.waiters.filter(({ id }) => id !== waiter)
      const { opening } = state
      if (waiters.length > 0 || opening === undefined || opening.aborting || opening.wanted) return stay({ ...state, waiters })
      return { state: { ...state, waiters, opening: { ...opening, aborting: true } }, effects: [{ type: 'abort', job: opening.id }] }
    }
    case 'refreshing': {
      const callers = state.callers.filter((id) => id !== waiter)
      const waiters = state.waiters.filter(({ id }) => id !== waiter)
      if (callers.length > 0 || state.callers.length === 0 || state.job.aborting) return stay({ ...state, callers, waiters })
      return { state: { ...state, callers, waiters, job: { ...state.job, aborting: true } }, effects: [{ type: 'abort', job: state.job.id }] }
    }
    case 'destroying': return stay({ ...state, callers: state.callers.filter((id) => id !== waiter) })
    default: return stay(state)
  }
}

const only = (state: State, effect: Effect): Step<State> => ({ state, effects: [effect] })
