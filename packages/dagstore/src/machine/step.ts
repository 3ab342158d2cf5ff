/** The machine: what an event makes of a shard, and what is to be done about it. Pure and total. */
import { acquire, destroy, initialize, recover, register, withdraw } from './calls.ts'
import type { Step } from './effect.ts'
import { end } from './ends.ts'
import type { Event } from './event.ts'
import { advance, begin, open, shut, stay } from './outcomes.ts'
import { giveUp, refresh } from './refresh.ts'
import type { State } from './state.ts'
import { unsaved } from './unsaved.ts'
import { release, spoiled } from './use.ts'

/** The next state, and the effects the runner must execute in this order. */
export const step = (state: State, event: Event): Step<State> => {
  switch (event.type) {
    case 'register': return register(state, event)
    case 'initialize': return initialize(state, event)
    case 'acquire': return acquire(state, event)
    case 'recover': return recover(state, event)
    case 'refresh': return refresh(state, event)
    case 'destroy': return destroy(state, event)
    case 'withdraw': return withdraw(state, event)
    case 'release': return release(state, event)
    case 'spoiled': return spoiled(state, event)
    case 'resume': return resume(state)
    case 'retry': return retry(state)
    case 'close': return state.tag === 'closed' ? stay(state) : shut(state)
    case 'opened':
    case 'unusable':
    case 'built':
    case 'unchanged':
    case 'cleaned':
    case 'failed':
    case 'aborted': return end(state, event)
    case 'unsaved': return unsaved(state, event)
  }
}

const resume = (state: State): Step<State> => {
  if (state.tag === 'interrupted') return state.was === 'refreshing' ? giveUp(state, []) : begin(state, state.was, [], true)
  if (state.tag === 'destroying') return advance(state, [])
  // the end of a refresh could not be written
  if (isResting(state)) return { state, effects: [{ type: 'persist', change: { type: 'undo' } }, { type: 'collect' }] }
  // a call was faster
  return stay(state)
}

/** Available or errored, and nothing is under way. */
const isResting = (state: State): boolean => (state.tag === 'available' || state.tag === 'errored') && state.opening === undefined

/** The time for another try has come, unless somebody was faster. */
const retry = (state: State): Step<State> => {
  if (state.tag !== 'errored' || state.opening !== undefined || state.failure.nextRetryAt === undefined) return stay(state)
  return state.index !== 'none' ? open(state, [], true) : begin(state, 'initializing', [], true)
}
