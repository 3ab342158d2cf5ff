/** Every kind of state and every kind of event of the machine, and how they look as text. */
import type { Change, Effect, Event, Failure, RetryPlan, State, Waiter } from '../src/machine/index.ts'

const once = { message: 'm', at: 't', attempts: 1, nextRetryAt: undefined }
export const LATER: Failure = { ...once, code: 'MOUNT_UNREACHABLE', retry: 'later' }
/** The third in a row, and another try due at second 8. */
export const THIRD: Failure = { ...LATER, attempts: 3, nextRetryAt: '1970-01-01T00:00:08.000Z' }
export const NEVER: Failure = { ...once, code: 'CARV2_BAD_SECTION', retry: 'never' }
export const UNWRITTEN: Failure = { ...once, code: 'DAGSTORE_STORAGE_FAILED', retry: 'later' }
/** It is second 10, and no jitter is taken off. */
export const PLAN: RetryPlan = { attempts: 5, baseMs: 1000, maxMs: 60_000, now: 10_000, draw: 1 }

const bare = { serial: 5, url: 'u', index: 'none', sessions: [] } as const
const known = { ...bare, index: 'ours' } as const
/** The index that it has is not of our making. */
const lent = { ...bare, index: 'foreign' } as const
const job = { id: 5, aborting: false }
const aborting = { id: 5, aborting: true }
const opening = { ...job, wanted: false }
const leaving = { ...aborting, wanted: false }
const lease = { id: 1, wish: 'lease', urgent: true } as const
const patient = { id: 1, wish: 'lease', urgent: false } as const
const refresh = { id: 3, wish: 'refresh', url: 'v' } as const
const index = { id: 2, wish: 'index' } as const
const recovery = { id: 3, wish: 'recovery' } as const
const pinned = [{ id: 4, leases: [8] }]

export const states: Record<string, State> = {
  absent: { tag: 'absent', serial: 5 },
  new: { ...bare, tag: 'new' },
  'interrupted while initializing': { ...bare, tag: 'interrupted', was: 'initializing', failure: undefined },
  'interrupted while retrying': { ...bare, tag: 'interrupted', was: 'initializing', failure: THIRD },
  'interrupted while refreshing': { ...known, tag: 'interrupted', was: 'refreshing', failure: undefined },
  'interrupted while refreshing, errored': { ...known, tag: 'interrupted', was: 'refreshing', failure: NEVER },
  'interrupted while recovering': { ...known, tag: 'interrupted', was: 'recovering', failure: NEVER },
  'initializing for acquirers': { ...bare, tag: 'initializing', job, waiters: [lease], wanted: false, failure: undefined },
  'initializing for itself': { ...bare, tag: 'initializing', job, waiters: [], wanted: true, failure: undefined },
  'initializing, both kinds wait': { ...bare, tag: 'initializing', job, waiters: [lease, index], wanted: true, failure: undefined },
  'initializing in the background': { ...bare, tag: 'initializing', job, waiters: [patient], wanted: false, failure: undefined },
  'initializing, refresh asked': { ...bare, tag: 'initializing', job, waiters: [index, refresh], wanted: true, failure: undefined },
  'initializing, aborting': { ...bare, tag: 'initializing', job: aborting, waiters: [], wanted: false, failure: undefined },
  'initializing, aborting, someone came': { ...bare, tag: 'initializing', job: aborting, waiters: [lease], wanted: false, failure: undefined },
  'retrying to index, aborting': { ...bare, tag: 'initializing', job: aborting, waiters: [], wanted: false, failure: LATER },
  'reindexing, aborting': { ...known, tag: 'initializing', job: aborting, waiters: [], wanted: false, failure: undefined },
  'reindexing beside a lease': { ...known, tag: 'initializing', sessions: pinned, job, waiters: [lease], wanted: true, failure: undefined },
  'retrying to index for the third time': { ...bare, tag: 'initializing', job, waiters: [], wanted: true, failure: THIRD },
  recovering: { ...known, tag: 'recovering', job, waiters: [lease, index] },
  'recovering beside a lease': { ...known, tag: 'recovering', sessions: pinned, job, waiters: [] },
  available: { ...known, tag: 'available', current: undefined, opening: undefined, waiters: [] },
  'available, opening': { ...known, tag: 'available', current: undefined, opening, waiters: [lease] },
  'available, opening, aborting': { ...known, tag: 'available', current: undefined, opening: leaving, waiters: [] },
  'available, opening, aborting, someone came': { ...known, tag: 'available', current: undefined, opening: leaving, waiters: [lease] },
  'available, opening, refresh asked': { ...known, tag: 'available', current: undefined, opening, waiters: [lease, refresh] },
  'available, leased': { ...known, tag: 'available', sessions: pinned, current: 4, opening: undefined, waiters: [] },
  'available, leased twice': { ...known, tag: 'available', sessions: [{ id: 4, leases: [8, 9] }], current: 4, opening: undefined, waiters: [] },
  'available, old session pinned': { ...known, tag: 'available', sessions: pinned, current: undefined, opening: undefined, waiters: [] },
  'errored for good': { ...bare, tag: 'errored', failure: NEVER, opening: undefined, waiters: [] },
  'errored for now, no index': { ...bare, tag: 'errored', failure: LATER, opening: undefined, waiters: [] },
  'errored for now': { ...known, tag: 'errored', failure: LATER, opening: undefined, waiters: [] },
  'errored, a retry is due': { ...known, tag: 'errored', failure: THIRD, opening: undefined, waiters: [] },
  'errored, a retry is due, no index': { ...bare, tag: 'errored', failure: THIRD, opening: undefined, waiters: [] },
  'errored, retrying by itself': { ...known, tag: 'errored', failure: THIRD, opening: { ...opening, wanted: true }, waiters: [] },
  'errored beside a lease': { ...known, tag: 'errored', sessions: pinned, failure: NEVER, opening: undefined, waiters: [] },
  'errored, retrying': { ...known, tag: 'errored', failure: LATER, opening, waiters: [lease] },
  'errored, retrying, recovery asked': { ...known, tag: 'errored', failure: LATER, opening, waiters: [lease, recovery] },
  'errored, retrying, aborting': { ...known, tag: 'errored', failure: LATER, opening: leaving, waiters: [] },
  refreshing: { ...known, tag: 'refreshing', to: 'u', job, callers: [3], waiters: [], current: undefined, failure: undefined, damaged: false },
  'refreshing from another mount, all kinds wait': { ...known, tag: 'refreshing', to: 'v', job, callers: [3], waiters: [lease, { ...index, wish: 'recovery' }, { ...refresh, id: 9 }], current: undefined, failure: LATER, damaged: false },
  'refreshing beside a lease': { ...known, tag: 'refreshing', to: 'u', sessions: pinned, job, callers: [3], waiters: [], current: 4, failure: undefined, damaged: false },
  'refreshing a damaged index': { ...known, tag: 'refreshing', to: 'u', sessions: pinned, job, callers: [3], waiters: [], current: undefined, failure: undefined, damaged: true },
  'refreshing, errored for good': { ...bare, tag: 'refreshing', to: 'u', job, callers: [3], waiters: [lease], current: undefined, failure: NEVER, damaged: false },
  'refreshing, aborting': { ...known, tag: 'refreshing', to: 'u', job: aborting, callers: [], waiters: [lease], current: undefined, failure: undefined, damaged: false },
  'foreign index': { ...lent, tag: 'available', current: undefined, opening: undefined, waiters: [] },
  'foreign index, opening, all kinds wait': { ...lent, tag: 'available', current: undefined, opening, waiters: [lease, index, refresh] },
  'foreign index, leased': { ...lent, tag: 'available', sessions: pinned, current: 4, opening: undefined, waiters: [] },
  'foreign index, interrupted while refreshing': { ...lent, tag: 'interrupted', was: 'refreshing', failure: undefined },
  'foreign index, errored for now': { ...lent, tag: 'errored', failure: LATER, opening: undefined, waiters: [] },
  'foreign index, retrying, recovery asked': { ...lent, tag: 'errored', failure: LATER, opening, waiters: [lease, recovery] },
  'foreign index, refreshing beside a lease': { ...lent, tag: 'refreshing', to: 'u', sessions: pinned, job, callers: [3], waiters: [lease], current: 4, failure: undefined, damaged: false },
  'foreign index, refreshing, aborting': { ...lent, tag: 'refreshing', to: 'u', job: aborting, callers: [], waiters: [index], current: undefined, failure: undefined, damaged: false },
  'foreign index, refreshing, errored': { ...lent, tag: 'refreshing', to: 'u', job, callers: [3], waiters: [{ ...index, wish: 'recovery' }], current: undefined, failure: LATER, damaged: false },
  'destroying, read from disk': { ...known, tag: 'destroying', callers: [], job: undefined, cleaning: false },
  'destroying, job ending': { ...known, tag: 'destroying', callers: [1], job: 5, cleaning: false },
  'destroying, draining': { ...known, tag: 'destroying', sessions: pinned, callers: [1], job: undefined, cleaning: false },
  'destroying, cleaning': { ...known, tag: 'destroying', callers: [1, 2], job: 5, cleaning: true },
  closed: { tag: 'closed', serial: 5, job: undefined },
  'closed, job ending': { tag: 'closed', serial: 5, job: 5 },
}

const plain: readonly Exclude<Event, { type: 'unsaved' }>[] = [
  { type: 'register', waiter: 7, url: 'u', eager: false, localCopy: undefined },
  { type: 'register', waiter: 7, url: 'u', eager: true, localCopy: { path: 'p', mode: 'move' } },
  { type: 'register', waiter: 7, url: 'v', eager: false, localCopy: undefined },
  { type: 'acquire', waiter: 7, registerAs: undefined, urgent: true },
  { type: 'acquire', waiter: 7, registerAs: undefined, urgent: false },
  { type: 'acquire', waiter: 7, registerAs: 'u', urgent: true },
  { type: 'initialize', waiter: 7 },
  { type: 'recover', waiter: 7 },
  { type: 'refresh', waiter: 7, url: undefined },
  { type: 'refresh', waiter: 7, url: 'v' },
  { type: 'destroy', waiter: 7, force: false },
  { type: 'destroy', waiter: 7, force: true },
  { type: 'withdraw', waiter: 1 },
  { type: 'withdraw', waiter: 3 },
  { type: 'withdraw', waiter: 6 },
  { type: 'release', lease: 8 },
  { type: 'release', lease: 6 },
  { type: 'spoiled', session: 4, part: 'source' },
  { type: 'spoiled', session: 4, part: 'index' },
  { type: 'resume' },
  { type: 'retry' },
  { type: 'close' },
  { type: 'opened', job: 5 },
  { type: 'unusable', job: 5, part: 'index' },
  { type: 'unusable', job: 5, part: 'source' },
  { type: 'built', job: 5 },
  { type: 'built', job: 5, foreign: true },
  { type: 'unchanged', job: 5 },
  { type: 'cleaned', job: 5 },
  { type: 'failed', job: 5, failure: NEVER, plan: PLAN },
  { type: 'failed', job: 5, failure: LATER, plan: PLAN },
  { type: 'aborted', job: 5 },
  { type: 'opened', job: 2 },
  { type: 'built', job: 2 },
  { type: 'failed', job: 2, failure: NEVER, plan: PLAN },
  { type: 'aborted', job: 2 },
]

export const events: readonly Event[] = [...plain, ...plain.map((event): Event => ({ type: 'unsaved', event, failure: UNWRITTEN }))]

export const showEvent = (event: Event): string => {
  switch (event.type) {
    case 'register': return `register(${event.waiter} ${event.url}${event.eager ? ' eager' : ''}${event.localCopy === undefined ? '' : ` ${event.localCopy.mode}`})`
    case 'acquire': return `acquire(${event.waiter}${event.registerAs === undefined ? '' : ` as ${event.registerAs}`}${event.urgent ? '' : ' background'})`
    case 'refresh': return `refresh(${event.waiter}${event.url === undefined ? '' : ` ${event.url}`})`
    case 'initialize':
    case 'recover':
    case 'withdraw': return `${event.type}(${event.waiter})`
    case 'destroy': return `destroy(${event.waiter}${event.force ? ' force' : ''})`
    case 'release': return `release(${event.lease})`
    case 'spoiled': return `spoiled(${event.session} ${event.part})`
    case 'failed': return `failed(${event.job} ${event.failure.retry})`
    case 'unusable': return `unusable(${event.job} ${event.part})`
    case 'built': return `built(${event.job}${event.foreign === true ? ' foreign' : ''})`
    case 'opened':
    case 'unchanged':
    case 'cleaned':
    case 'aborted': return `${event.type}(${event.job})`
    case 'resume':
    case 'retry':
    case 'close': return event.type
    case 'unsaved': return `unsaved ${showEvent(event.event)}`
  }
}

const showFailure = ({ code, retry, attempts, nextRetryAt }: Failure): string =>
  `${code} ${retry}${attempts === 1 ? '' : ` x${attempts}`}${nextRetryAt === undefined ? '' : ` next ${nextRetryAt.slice(11, 19)}`}`

const showWaiter = (waiter: Waiter): string => {
  const detail = waiter.wish === 'lease' && !waiter.urgent ? ' background' : waiter.wish === 'refresh' && waiter.url !== undefined ? ` ${waiter.url}` : ''
  return `${waiter.id}:${waiter.wish}${detail}`
}

export const showState = (state: State): string => {
  const parts: string[] = []
  if (state.tag === 'interrupted') parts.push(state.was)
  if ('index' in state && state.index !== 'none') parts.push(state.index === 'ours' ? 'indexed' : 'foreign')
  if ('failure' in state && state.failure !== undefined) parts.push(showFailure(state.failure))
  if ('wanted' in state && state.wanted) parts.push('wanted')
  const job = state.tag === 'destroying' || state.tag === 'closed' ? state.job : undefined
  if (job !== undefined) parts.push(`${state.tag === 'destroying' && state.cleaning ? 'clean' : 'job'} ${job}`)
  if (state.tag === 'refreshing') parts.push(`to ${state.to}${state.damaged ? ', damaged' : ''}`)
  const working = 'opening' in state ? state.opening : state.tag === 'initializing' || state.tag === 'recovering' || state.tag === 'refreshing' ? state.job : undefined
  if (working !== undefined) parts.push(`${'opening' in state ? 'open' : 'build'} ${working.id}${working.aborting ? ' aborting' : ''}${'wanted' in working && working.wanted ? ' wanted' : ''}`)
  if ('waiters' in state && state.waiters.length > 0) parts.push(`waiting ${state.waiters.map(showWaiter).join(' ')}`)
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
      return `persist ${change.type}${showChange(change)}`
    }
    case 'start': return `start ${effect.kind} ${effect.job}${effect.urgent ? ' urgent' : ''}`
    case 'raise': return `raise ${effect.job}`
    case 'again': return `again ${showEvent(effect.event)}`
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

const showChange = (change: Change): string => {
  switch (change.type) {
    case 'register': return ` ${change.url}${change.localCopy === undefined ? '' : ` ${change.localCopy.mode}`}`
    case 'remount': return ` ${change.url}`
    case 'begin-refresh': return ` ${change.url}${change.refetch ? '' : ' same data'}`
    case 'commit': return change.foreign === true ? ' foreign' : ''
    case 'begin': return ` ${change.health}${change.refetch ? ' refetch' : ''}${change.registerAs === undefined ? '' : ` as ${change.registerAs.url}${change.registerAs.localCopy === undefined ? '' : ` ${change.registerAs.localCopy.mode}`}`}`
    case 'fail': return ` ${showFailure(change.failure)}`
    default: return ''
  }
}
