/**
 * Steps for a record that could not be written. `state` is still the one before the event: callers are told, jobs that have
 * ended are accounted for, and nothing claims to be done. The record on disk stays what it was; a restart goes on from it.
 */
import type { Effect, Step } from './effect.ts'
import type { Event, JobEnd } from './event.ts'
import { notCleaned, rested } from './ends.ts'
import { core, dropped, ignore, jobOf, refuse, refuseAll, stay, waitersOf } from './outcomes.ts'
import { unsavedRefresh } from './refresh.ts'
import type { Available, Errored, Failure, Initializing, Recovering, State } from './state.ts'

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
    case 'initializing':
    case 'recovering': {
      if ((event.type === 'aborted' || event.type === 'unusable') && state.tag === 'initializing' && state.waiters.length === 0) return stay(rested(state))
      return { state: errored(state, event, failure), effects: [...refusals(state, event, failure), ...dropped(event)] }
    }
    case 'available':
    case 'errored': {
      const next: State = event.type === 'failed' ? errored(state, event, failure) : { ...state, opening: undefined, waiters: [] }
      return { state: next, effects: [...refusals(state, event, failure), ...dropped(event)] }
    }
    case 'refreshing': return unsavedRefresh(state, event, refuseAll(waitersOf(state), 'DAGSTORE_STORAGE_FAILED', failure))
    case 'destroying': return notCleaned(state, state.callers.map((waiter) => refuse(waiter, 'DAGSTORE_STORAGE_FAILED', failure)))
    default: return ignore(state)
  }
}

type Working = Initializing | Recovering | Available | Errored

const errored = (state: Working, event: JobEnd, failure: Failure): Errored =>
  ({ ...core(state), tag: 'errored', failure: event.type === 'failed' ? event.failure : failure, opening: undefined, waiters: [] })

const refusals = (state: Working, event: JobEnd, failure: Failure): Effect[] => event.type === 'failed'
  ? refuseAll(state.waiters, 'DAGSTORE_SHARD_ERRORED', event.failure)
  : refuseAll(state.waiters, 'DAGSTORE_STORAGE_FAILED', failure)
