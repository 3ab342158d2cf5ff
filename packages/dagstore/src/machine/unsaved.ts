/**
 * Steps for a record that could not be written. `state` is still the one before the event: callers are told, jobs that have
 * ended are accounted for, and nothing claims to be done. The record on disk stays what it was, and so does the state; what the
 * record calls unfinished is gone on with by `resume`, in this process or the next one.
 */
import type { Effect, Step } from './effect.ts'
import type { Event, JobEnd } from './event.ts'
import { notCleaned } from './ends.ts'
import { core, dropped, ignore, jobOf, refuse, refuseAll, stay, waitersOf } from './outcomes.ts'
import { unsavedRefresh } from './refresh.ts'
import { lastFailure } from './retry.ts'
import type { Failure, State, Waiter } from './state.ts'

type Of<T extends Event['type']> = Extract<Event, { readonly type: T }>

export const unsaved = (state: State, { event, failure }: Of<'unsaved'>): Step<State> => {
  switch (event.type) {
    case 'register':
    case 'initialize':
    case 'acquire':
    case 'recover':
    case 'refresh':
    case 'destroy': return { state, effects: [refuse(event.waiter, 'DAGSTORE_STORAGE_FAILED', failure)] }
    case 'resume':
    case 'retry': return stay(state)
    case 'spoiled': return state.tag === 'available' && state.current === event.session
      ? { state: { ...state, current: undefined }, effects: [{ type: 'let-go' }] }
      : ignore(state)
    case 'withdraw':
    case 'release':
    case 'close': return ignore(state)
    default: return endUnsaved(state, event, failure)
  }
}

const endUnsaved = (state: State, event: JobEnd, failure: Failure): Step<State> => {
  if (jobOf(state)?.id !== event.job) return ignore(state)
  switch (state.tag) {
    // as the next process would find it; whoever comes, or `resume`, begins anew
    case 'initializing':
    case 'recovering': return {
      state: { ...core(state), tag: 'interrupted', was: state.tag, failure: lastFailure(state) },
      effects: [...refusals(state.waiters, event, failure), ...dropped(event)],
    }
    case 'available':
    case 'errored': return { state: { ...state, opening: undefined, waiters: [] }, effects: [...refusals(state.waiters, event, failure), ...dropped(event)] }
    case 'refreshing': return unsavedRefresh(state, event, refuseAll(waitersOf(state), 'DAGSTORE_STORAGE_FAILED', failure))
    case 'destroying': return notCleaned(state, state.callers.map((waiter) => refuse(waiter, 'DAGSTORE_STORAGE_FAILED', failure)))
    default: return ignore(state)
  }
}

/** Who waited for something that has failed is told why that was. */
const refusals = (waiters: readonly Waiter[], event: JobEnd, failure: Failure): Effect[] => event.type === 'failed'
  ? refuseAll(waiters, 'DAGSTORE_SHARD_ERRORED', event.failure)
  : refuseAll(waiters, 'DAGSTORE_STORAGE_FAILED', failure)
