/**
 * Steps of a refresh: what the mount has now, or another mount, takes the place of what was indexed. Until its commit the
 * shard is what it was, and it stays that when the refresh fails, is given up, or is cut off.
 */
import type { Effect, Step } from './effect.ts'
import type { Event, JobEnd } from './event.ts'
import { again, begin, core, dropped, type Present, refuse, settle, start, stay, stray } from './outcomes.ts'
import { lastFailure } from './retry.ts'
import type { Available, Errored, Interrupted, Refreshing, State, Waiter } from './state.ts'

type Of<T extends Event['type']> = Extract<Event, { readonly type: T }>

export const refresh = (state: State, { waiter, url }: Of<'refresh'>): Step<State> => {
  const wish: Waiter = { id: waiter, wish: 'refresh', url }
  switch (state.tag) {
    case 'absent': return { state, effects: [refuse(waiter, 'DAGSTORE_SHARD_UNKNOWN')] }
    case 'destroying': return { state, effects: [refuse(waiter, 'DAGSTORE_SHARD_DESTROYED')] }
    case 'closed': return { state, effects: [refuse(waiter, 'DAGSTORE_CLOSED')] }
    case 'new':
      // nothing was read yet
      if (url === undefined || url === state.url) return { state, effects: [{ type: 'answer', waiter }] }
      return { state: { ...state, url }, effects: [{ type: 'persist', change: { type: 'remount', url } }, { type: 'answer', waiter }] }
    case 'interrupted': return state.was === 'refreshing' ? giveUp(state, [again(wish)]) : begin(state, state.was, [wish], true)
    case 'initializing': return stay({ ...state, wanted: true, waiters: [...state.waiters, wish] })
    case 'recovering':
    // the bytes may have changed since the refresh under way began to read them
    case 'refreshing': return stay({ ...state, waiters: [...state.waiters, wish] })
    case 'available':
    case 'errored': return state.opening === undefined ? beginRefresh(state, waiter, url ?? state.url, true) : stay({ ...state, waiters: [...state.waiters, wish] })
  }
}

/** @param refetch - not the data that was indexed, but what the mount has now */
export const beginRefresh = (state: Available | Errored, caller: number, to: string, refetch: boolean): Step<State> =>
  refreshing(state, { to, callers: [caller], waiters: [], current: state.tag === 'available' ? state.current : undefined, damaged: false }, refetch)

const refreshing = (state: Present, rest: Pick<Refreshing, 'to' | 'callers' | 'waiters' | 'current' | 'damaged'>, refetch: boolean): Step<Refreshing> => {
  const serial = state.serial + 1
  return {
    state: { ...core(state), ...rest, tag: 'refreshing', serial, job: { id: serial, aborting: false }, failure: lastFailure(state) },
    effects: [{ type: 'persist', change: { type: 'begin-refresh', url: rest.to, refetch } }, start(serial, 'refresh', rest.waiters)],
  }
}

/** What an earlier process had begun is undone. */
export const giveUp = (state: Interrupted, then: readonly Effect[]): Step<State> =>
  ({ state: rest(state, undefined), effects: [{ type: 'persist', change: { type: 'undo' } }, { type: 'collect' }, ...then] })

export const endRefresh = (state: Refreshing, event: JobEnd): Step<State> => {
  const { callers, waiters } = state
  switch (event.type) {
    case 'built': {
      const { sessions, current, effects } = settle(state.sessions, event.job, 'ours', waiters)
      return {
        state: { ...core(state), url: state.to, tag: 'available', index: 'ours', sessions, current, opening: undefined, waiters: [] },
        effects: [
          { type: 'persist', change: { type: 'commit' } },
          ...callers.map((waiter): Effect => ({ type: 'answer', waiter })),
          ...effects,
          // who keeps a lease for speed and has just got this one had none of the old
          ...(state.sessions.length > 0 && current === undefined ? [{ type: 'let-go' as const }] : []),
          { type: 'collect' },
        ],
      }
    }
    case 'unchanged': return undone(state, callers.map((waiter): Effect => ({ type: 'answer', waiter })))
    case 'failed': return undone(state, callers.map((waiter) => refuse(waiter, 'DAGSTORE_REFRESH_FAILED', event.failure)))
    // a copy under the new generation is of other bytes: another generation, if anybody still wants it
    case 'unusable': return callers.length === 0 ? undone(state, []) : refreshing(state, { ...state, waiters }, true)
    case 'aborted': return undone(state, callers.map((id) => again({ id, wish: 'refresh', url: state.to })))
    default: return stray(state, event)
  }
}

/** Back to what it was; whoever was parked comes again. */
const undone = (state: Refreshing, answers: readonly Effect[]): Step<State> => {
  const waiters = state.waiters.map(again)
  const undo: Effect[] = [{ type: 'persist', change: { type: 'undo' } }, ...answers]
  const back = rest(state, state.current)
  if (!state.damaged || back.tag !== 'available') return { state: back, effects: [...undo, { type: 'collect' }, ...waiters] }
  // an undo of its own would be a second write
  const { state: built, effects } = begin({ ...back, current: undefined }, 'initializing', [], true)
  return { state: built, effects: [...effects, ...answers, { type: 'collect' }, ...waiters] }
}

export const rest = (state: Refreshing | Interrupted, current: number | undefined): Available | Errored => state.failure === undefined
  ? { ...core(state), tag: 'available', current, opening: undefined, waiters: [] }
  : { ...core(state), tag: 'errored', failure: state.failure, opening: undefined, waiters: [] }

/** The record of its end could not be written: it still names the refresh, which `resume` undoes. */
export const unsavedRefresh = (state: Refreshing, event: JobEnd, refusals: readonly Effect[]): Step<State> =>
  ({ state: rest(state, state.current), effects: [...refusals, ...dropped(event)] })
