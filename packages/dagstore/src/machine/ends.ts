/** Steps for the end of a job. An end of another job than the one under way changes nothing. */
import type { Effect, Step } from './effect.ts'
import type { JobEnd } from './event.ts'
import { advance, begin, type Building, core, disappoint, dropped, jobOf, open, refuse, settle, stray } from './outcomes.ts'
import { endRefresh } from './refresh.ts'
import { counted, lastFailure } from './retry.ts'
import type { Available, Destroying, Errored, Initializing, State, Waiter } from './state.ts'

export const end = (state: State, event: JobEnd): Step<State> => {
  if (jobOf(state)?.id !== event.job) return stray(state, event)
  switch (state.tag) {
    case 'initializing':
    case 'recovering': return endBuild(state, event)
    case 'refreshing': return endRefresh(state, event)
    case 'available':
    case 'errored': return endOpen(state, event)
    case 'destroying': return endUnderDestroy(state, event)
    case 'closed': return { state: { ...state, job: undefined }, effects: dropped(event) }
    default: return stray(state, event)
  }
}

const endBuild = (state: Building, event: JobEnd): Step<State> => {
  switch (event.type) {
    case 'built': {
      const index = event.foreign === true ? 'foreign' : 'ours'
      const { sessions, current, effects } = settle(state.sessions, event.job, index, state.waiters)
      return {
        state: { ...core(state), tag: 'available', index, sessions, current, opening: undefined, waiters: [] },
        effects: [
          { type: 'persist', change: event.foreign === true ? { type: 'commit', foreign: true } : { type: 'commit' } },
          ...effects,
          // who keeps a lease for speed and has just got this one had none of the old
          ...(state.sessions.length > 0 && current === undefined ? [{ type: 'let-go' as const }] : []),
          { type: 'collect' },
        ],
      }
    }
    case 'failed': {
      const failure = counted(event.failure, lastFailure(state), event.plan)
      return {
        state: { ...core(state), tag: 'errored', failure, opening: undefined, waiters: [] },
        effects: [
          { type: 'persist', change: { type: 'fail', failure } },
          ...disappoint(state.waiters, 'DAGSTORE_SHARD_ERRORED', failure),
          { type: 'collect' },
        ],
      }
    }
    // begun anew, under a new generation where the copy of the data was of other bytes
    case 'unusable':
    case 'aborted': {
      if (state.tag === 'recovering') return begin(state, 'recovering', state.waiters, true)
      if (state.wanted || state.waiters.length > 0) return begin(state, 'initializing', state.waiters, state.wanted, event.type === 'unusable')
      return {
        state: rested(state),
        effects: [{ type: 'persist', change: { type: 'undo' } }, { type: 'collect' }],
      }
    }
    default: return stray(state, event)
  }
}

/** Where a build that is given up leads: to what was there before it. */
const rested = (state: Initializing): State => {
  if (state.failure !== undefined) return { ...core(state), tag: 'errored', failure: state.failure, opening: undefined, waiters: [] }
  return state.index !== 'none' ? { ...core(state), tag: 'available', current: undefined, opening: undefined, waiters: [] } : { ...core(state), tag: 'new' }
}

const endOpen = (state: Available | Errored, event: JobEnd): Step<State> => {
  const { waiters } = state
  const recovery = waiters.some(({ wish }) => wish === 'recovery')
  switch (event.type) {
    case 'opened': {
      const { sessions, current, effects } = settle(state.sessions, event.job, state.index, waiters)
      return {
        state: { ...core(state), tag: 'available', sessions, current, opening: undefined, waiters: [] },
        effects: state.tag === 'errored' ? [{ type: 'persist', change: { type: 'heal' } }, ...effects] : effects,
      }
    }
    case 'unusable':
      if (waiters.length === 0 && state.opening?.wanted !== true) return { state: { ...state, opening: undefined }, effects: [] }
      return begin(state, recovery ? 'recovering' : 'initializing', joined(waiters), recovery || waiters.length === 0, recovery || event.part === 'source')
    case 'failed': {
      if (recovery) return begin(state, 'recovering', joined(waiters), true)
      const failure = counted(event.failure, lastFailure(state), event.plan)
      return {
        state: { ...core(state), tag: 'errored', failure, opening: undefined, waiters: [] },
        effects: [
          { type: 'persist', change: { type: 'fail', failure } },
          ...disappoint(waiters, 'DAGSTORE_SHARD_ERRORED', failure),
        ],
      }
    }
    case 'aborted':
      if (recovery) return begin(state, 'recovering', joined(waiters), true)
      return waiters.length > 0 ? open(state, waiters) : { state: { ...state, opening: undefined }, effects: [] }
    default: return stray(state, event)
  }
}

/** A recovery has begun: whoever asked for it now waits for the index, like everybody. */
const joined = (waiters: readonly Waiter[]): Waiter[] => waiters.map((waiter) => waiter.wish === 'recovery' ? { id: waiter.id, wish: 'index' } : waiter)

const endUnderDestroy = (state: Destroying, event: JobEnd): Step<State> => {
  const { callers, serial } = state
  if (!state.cleaning) return advance({ ...state, job: undefined }, dropped(event))
  switch (event.type) {
    case 'cleaned': return {
      state: { tag: 'absent', serial },
      effects: [{ type: 'persist', change: { type: 'remove' } }, ...callers.map((waiter): Effect => ({ type: 'answer', waiter }))],
    }
    // the intent stays: `resume`, the next `destroy` or the next start goes on
    case 'failed': return notCleaned(state, callers.map((waiter) => refuse(waiter, 'DAGSTORE_STORAGE_FAILED', event.failure)))
    case 'aborted': return notCleaned(state, callers.map((waiter) => refuse(waiter, 'DAGSTORE_CLOSED')))
    default: return stray(state, event)
  }
}

export const notCleaned = (state: Destroying, effects: readonly Effect[]): Step<Destroying> =>
  ({ state: { ...state, callers: [], job: undefined, cleaning: false }, effects })
