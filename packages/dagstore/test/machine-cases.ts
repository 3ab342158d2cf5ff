/** Every kind of state and every kind of event of the machine, and how they look as text. */
import type { Effect, Event, Failure, State } from '../src/machine/index.ts'

export const LATER: Failure = { code: 'MOUNT_UNREACHABLE', message: 'm', at: 't', retry: 'later' }
export const NEVER: Failure = { code: 'CARV2_BAD_SECTION', message: 'm', at: 't', retry: 'never' }
export const UNWRITTEN: Failure = { code: 'DAGSTORE_STORAGE_FAILED', message: 'm', at: 't', retry: 'later' }

const bare = { serial: 5, url: 'u', indexed: false, sessions: [] }
const known = { ...bare, indexed: true }
const job = { id: 5, aborting: false }
const aborting = { id: 5, aborting: true }
const lease = { id: 1, wish: 'lease' } as const
const index = { id: 2, wish: 'index' } as const
const recovery = { id: 3, wish: 'recovery' } as const
const pinned = [{ id: 4, leases: [8] }]

export const states: Record<string, State> = {
  absent: { tag: 'absent', serial: 5 },
  new: { ...bare, tag: 'new' },
  'interrupted while initializing': { ...bare, tag: 'interrupted', was: 'initializing', failure: undefined },
  'interrupted while recovering': { ...known, tag: 'interrupted', was: 'recovering', failure: NEVER },
  'initializing for acquirers': { ...bare, tag: 'initializing', job, waiters: [lease], wanted: false, failure: undefined },
  'initializing for itself': { ...bare, tag: 'initializing', job, waiters: [], wanted: true, failure: undefined },
  'initializing, both kinds wait': { ...bare, tag: 'initializing', job, waiters: [lease, index], wanted: true, failure: undefined },
  'initializing, aborting': { ...bare, tag: 'initializing', job: aborting, waiters: [], wanted: false, failure: undefined },
  'initializing, aborting, someone came': { ...bare, tag: 'initializing', job: aborting, waiters: [lease], wanted: false, failure: undefined },
  'retrying to index, aborting': { ...bare, tag: 'initializing', job: aborting, waiters: [], wanted: false, failure: LATER },
  'reindexing, aborting': { ...known, tag: 'initializing', job: aborting, waiters: [], wanted: false, failure: undefined },
  'reindexing beside a lease': { ...known, tag: 'initializing', sessions: pinned, job, waiters: [lease], wanted: true, failure: undefined },
  recovering: { ...known, tag: 'recovering', job, waiters: [lease, index] },
  'recovering beside a lease': { ...known, tag: 'recovering', sessions: pinned, job, waiters: [] },
  available: { ...known, tag: 'available', current: undefined, opening: undefined, waiters: [] },
  'available, opening': { ...known, tag: 'available', current: undefined, opening: job, waiters: [lease] },
  'available, opening, aborting': { ...known, tag: 'available', current: undefined, opening: aborting, waiters: [] },
  'available, opening, aborting, someone came': { ...known, tag: 'available', current: undefined, opening: aborting, waiters: [lease] },
  'available, leased': { ...known, tag: 'available', sessions: pinned, current: 4, opening: undefined, waiters: [] },
  'available, leased twice': { ...known, tag: 'available', sessions: [{ id: 4, leases: [8, 9] }], current: 4, opening: undefined, waiters: [] },
  'available, old session pinned': { ...known, tag: 'available', sessions: pinned, current: undefined, opening: undefined, waiters: [] },
  'errored for good': { ...bare, tag: 'errored', failure: NEVER, opening: undefined, waiters: [] },
  'errored for now, no index': { ...bare, tag: 'errored', failure: LATER, opening: undefined, waiters: [] },
  'errored for now': { ...known, tag: 'errored', failure: LATER, opening: undefined, waiters: [] },
  'errored beside a lease': { ...known, tag: 'errored', sessions: pinned, failure: NEVER, opening: undefined, waiters: [] },
  'errored, retrying': { ...known, tag: 'errored', failure: LATER, opening: job, waiters: [lease] },
  'errored, retrying, recovery asked': { ...known, tag: 'errored', failure: LATER, opening: job, waiters: [lease, recovery] },
  'errored, retrying, aborting': { ...known, tag: 'errored', failure: LATER, opening: aborting, waiters: [] },
  'destroying, read from disk': { ...known, tag: 'destroying', callers: [], job: undefined, cleaning: false },
  'destroying, job ending': { ...known, tag: 'destroying', callers: [1], job: 5, cleaning: false },
  'destroying, draining': { ...known, tag: 'destroying', sessions: pinned, callers: [1], job: undefined, cleaning: false },
  'destroying, cleaning': { ...known, tag: 'destroying', callers: [1, 2], job: 5, cleaning: true },
  closed: { tag: 'closed', serial: 5, job: undefined },
  'closed, job ending': { tag: 'closed', serial: 5, job: 5 },
}

const plain: readonly Exclude<Event, { type: 'unsaved' }>[] = [
  { type: 'register', waiter: 7, url: 'u', eager: false },
  { type: 'register', waiter: 7, url: 'u', eager: true },
  { type: 'register', waiter: 7, url: 'v', eager: false },
  { type: 'acquire', waiter: 7, registerAs: undefined },
  { type: 'acquire', waiter: 7, registerAs: 'u' },
  { type: 'recover', waiter: 7 },
  { type: 'destroy', waiter: 7, force: false },
  { type: 'destroy', waiter: 7, force: true },
  { type: 'withdraw', waiter: 1 },
  { type: 'withdraw', waiter: 6 },
  { type: 'release', lease: 8 },
  { type: 'release', lease: 6 },
  { type: 'spoiled', session: 4, part: 'source' },
  { type: 'spoiled', session: 4, part: 'index' },
  { type: 'resume' },
  { type: 'close' },
  { type: 'opened', job: 5 },
  { type: 'unusable', job: 5, part: 'index' },
  { type: 'unusable', job: 5, part: 'source' },
  { type: 'built', job: 5 },
  { type: 'cleaned', job: 5 },
  { type: 'failed', job: 5, failure: NEVER },
  { type: 'failed', job: 5, failure: LATER },
  { type: 'aborted', job: 5 },
  { type: 'opened', job: 2 },
  { type: 'built', job: 2 },
  { type: 'failed', job: 2, failure: NEVER },
  { type: 'aborted', job: 2 },
]

export const events: readonly Event[] = [...plain, ...plain.map((event): Event => ({ type: 'unsaved', event, failure: UNWRITTEN }))]

export const showEvent = (event: Event): string => {
  switch (event.type) {
    case 'register': return `register(${event.waiter} ${event.url}${event.eager ? ' eager' : ''})`
    case 'acquire': return `acquire(${event.waiter}${event.registerAs === undefined ? '' : ` as ${event.registerAs}`})`
    case 'recover':
    case 'withdraw': return `${event.type}(${event.waiter})`
    case 'destroy': return `destroy(${event.waiter}${event.force ? ' force' : ''})`
    case 'release': return `release(${event.lease})`
    case 'spoiled': return `spoiled(${event.session} ${event.part})`
    case 'failed': return `failed(${event.job} ${event.failure.retry})`
    case 'unusable': return `unusable(${event.job} ${event.part})`
    case 'opened':
    case 'built':
    case 'cleaned':
    case 'aborted': return `${event.type}(${event.job})`
    case 'resume':
    case 'close': return event.type
    case 'unsaved': return `unsaved ${showEvent(event.event)}`
  }
}

export const showState = (state: State): string => {
  const parts: string[] = []
  if (state.tag === 'interrupted') parts.push(state.was)
  if ('indexed' in state && state.indexed) parts.push('indexed')
  if ('failure' in state && state.failure !== undefined) parts.push(`${state.failure.code} ${state.failure.retry}`)
  if ('wanted' in state && state.wanted) parts.push('wanted')
  const job = state.tag === 'destroying' || state.tag === 'closed' ? state.job : undefined
  if (job !== undefined) parts.push(`${state.tag === 'destroying' && state.cleaning ? 'clean' : 'job'} ${job}`)
  const working = 'opening' in state ? state.opening : state.tag === 'initializing' || state.tag === 'recovering' ? state.job : undefined
  if (working !== undefined) parts.push(`${'opening' in state ? 'open' : 'build'} ${working.id}${working.aborting ? ' aborting' : ''}`)
  if ('waiters' in state && state.waiters.length > 0) parts.push(`waiting ${state.waiters.map(({ id, wish }) => `${id}:${wish}`).join(' ')}`)
  if ('callers' in state && state.callers.length > 0) parts.push(`callers ${state.callers.join(' ')}`)
  if ('sessions' in state) {
    for (const { id, leases } of state.sessions) parts.push(`${'current' in state && state.current === id ? 'current ' : ''}session ${id}[${leases.join(' ')}]`)
  }
  return parts.length === 0 ? state.tag : `${state.tag}{${parts.join(', ')}}`
}

export const showEffect = (effect: Effect): string => {
  switch (effect.type) {
    case 'persist': {
      const { change } = effect
      const detail = change.type === 'register' ? ` ${change.url}` : change.type === 'begin' ? ` ${change.health}${change.refetch ? ' refetch' : ''}${change.registerAs === undefined ? '' : ` as ${change.registerAs}`}` : change.type === 'fail' ? ` ${change.failure.code}` : ''
      return `persist ${change.type}${detail}`
    }
    case 'start': return `start ${effect.kind} ${effect.job}`
    case 'abort': return `abort ${effect.job}`
    case 'grant': return `grant ${effect.waiter} on ${effect.session}`
    case 'answer': return `answer ${effect.waiter}`
    case 'refuse': return `refuse ${effect.waiter} ${effect.code}${effect.failure === undefined ? '' : ` (${effect.failure.code})`}`
    case 'revoke':
    case 'close-session': return `${effect.type} ${effect.session}`
    case 'let-go':
    case 'collect':
    case 'ignored': return effect.type
  }
}
