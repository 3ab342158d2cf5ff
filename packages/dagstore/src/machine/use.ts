/** Steps for the use of a shard: leases that end, sessions that turn out to be broken. */
import type { Effect, Step } from './effect.ts'
import type { Event } from './event.ts'
import { advance, begin, ignore, stay } from './outcomes.ts'
import type { State } from './state.ts'

type Of<T extends Event['type']> = Extract<Event, { readonly type: T }>

/** The last lease of a session closes it, in every state; it changes no health. */
export const release = (state: State, { lease }: Of<'release'>): Step<State> => {
  if (state.tag === 'absent' || state.tag === 'closed') return ignore(state)
  const session = state.sessions.find(({ leases }) => leases.includes(lease))
  if (session === undefined) return ignore(state)
  const leases = session.leases.filter((id) => id !== lease)
  if (leases.length > 0) {
    return stay({ ...state, sessions: state.sessions.map((other) => other === session ? { ...session, leases } : other) })
  }
  const sessions = state.sessions.filter((other) => other !== session)
  const effects: Effect[] = [{ type: 'close-session', session: session.id }]
  if (state.tag === 'destroying') return advance({ ...state, sessions }, effects)
  if ((state.tag === 'available' || state.tag === 'refreshing') && state.current === session.id) return { state: { ...state, sessions, current: undefined }, effects }
  // it may have been the last to pin a replaced generation
  return { state: { ...state, sessions }, effects: [...effects, { type: 'collect' }] }
}

/** New leases get a new session; a damaged index is rebuilt at once, since opening it again would not show the damage. */
export const spoiled = (state: State, { session, part }: Of<'spoiled'>): Step<State> => {
  if (state.tag === 'absent' || state.tag === 'closed' || !state.sessions.some(({ id }) => id === session)) return ignore(state)
  // what is being read takes its place, if it comes to something
  if (state.tag === 'refreshing' && state.current === session) {
    return { state: { ...state, current: undefined, damaged: state.damaged || part === 'index' }, effects: [{ type: 'let-go' }] }
  }
  if (state.tag !== 'available' || state.current !== session) return stay(state)
  const next = { ...state, current: undefined }
  if (part === 'source') return { state: next, effects: [{ type: 'let-go' }] }
  const { state: built, effects } = begin(next, 'initializing', state.waiters, true)
  return { state: built, effects: [...effects, { type: 'let-go' }] }
}
