import { describe, expect, it } from 'vitest'
import { atRest, type Effect, type Event, jobOf, type State, step, waitersOf } from '../src/machine/index.ts'
import { healthOf } from '../src/shard-info.ts'
import { events, NEVER, PLAN, showEffect, showEvent, showState, states } from './machine-cases.ts'

const cells = Object.entries(states).flatMap(([name, state]) => events.map((event) => ({ name, state, event, result: step(state, event) })))
const isEnd = (event: Event): boolean => ['opened', 'unusable', 'built', 'unchanged', 'cleaned', 'failed', 'aborted'].includes(event.type)

/** Who is owed an answer; what is to come again is answered then. */
const parked = (state: State): number[] => {
  if (state.tag === 'absent' || state.tag === 'closed') return []
  return state.tag === 'destroying' ? [...state.callers] : waitersOf(state).map(({ id }) => id)
}
const answered = (effects: readonly Effect[]): number[] =>
  effects.flatMap((effect) => effect.type === 'again' ? [effect.event.waiter] : effect.type === 'grant' || effect.type === 'answer' || effect.type === 'refuse' ? [effect.waiter] : [])
const sessions = (state: State): number[] => 'sessions' in state ? state.sessions.map(({ id }) => id) : []
const leases = (state: State): number[] => 'sessions' in state ? state.sessions.flatMap((session) => session.leases) : []
const caller = (event: Event): number[] => 'waiter' in event && event.type !== 'withdraw' ? [event.waiter] : []
/** Of the job under way; a build finds a foreign index wherever it may use one. */
const endOf = (state: State): Event | undefined => {
  const job = jobOf(state)
  if (job === undefined) return undefined
  if (job.aborting) return { type: 'aborted', job: job.id }
  if (state.tag === 'available' || state.tag === 'errored') return { type: 'opened', job: job.id }
  return state.tag === 'initializing' && state.index === 'none' ? { type: 'built', job: job.id, foreign: true } : { type: 'built', job: job.id }
}
const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)

describe('step', () => {
  it('matches the reviewed transition table', async () => {
    const blocks = Object.entries(states).map(([name, state]) => {
      const rows: string[] = []
      const ignored: string[] = []
      for (const { event, result } of cells.filter((cell) => cell.name === name)) {
        // only what would have been written can fail to be
        if (event.type === 'unsaved' && step(state, event.event).effects[0]?.type !== 'persist') continue
        const to = showState(result.state) === showState(state) ? '=' : showState(result.state)
        const row = [to, ...result.effects.map(showEffect)].join(' | ')
        if (row === '= | ignored') ignored.push(showEvent(event))
        else rows.push(`  ${showEvent(event).padEnd(26)} ${row}`)
      }
      return [`${name}: ${showState(state)}`, ...rows, `  ignored: ${ignored.join(' ')}`].join('\n')
    })
    await expect(`${blocks.join('\n\n')}\n`).toMatchFileSnapshot('step.table.txt')
  })

  it('answers every caller exactly once, and loses none', () => {
    for (const { name, state, event, result } of cells) {
      const withdrawn = event.type === 'withdraw' ? [event.waiter] : []
      const retried = event.type === 'unsaved' ? caller(event.event) : caller(event)
      const owed = sorted([...parked(state), ...retried].filter((id) => !withdrawn.includes(id)))
      expect(sorted([...parked(result.state), ...answered(result.effects)]), `${name} + ${showEvent(event)}`).toEqual(owed)
    }
  })

  it('tells nobody who wants an index of ours that there is one while there is a foreign one', () => {
    for (const { name, state, event, result } of cells) {
      if (!('index' in result.state) || result.state.index !== 'foreign') continue
      const asks = event.type === 'initialize' || event.type === 'recover' || (event.type === 'register' && event.eager)
      const wanting = [...('waiters' in state ? state.waiters : []).flatMap(({ id, wish }) => wish === 'index' || wish === 'recovery' ? [id] : []), ...(asks ? caller(event) : [])]
      const told = result.effects.flatMap((effect) => effect.type === 'answer' ? [effect.waiter] : [])
      expect(told.filter((id) => wanting.includes(id)), `${name} + ${showEvent(event)}`).toEqual([])
    }
  })

  it('goes on until whoever wants an index of ours has it, or is refused', () => {
    for (const [name, from] of Object.entries(states)) {
      let state = from
      const asked: Event[] = [{ type: 'initialize', waiter: 7 }]
      const ends: Effect[] = []
      for (let turns = 0; turns < 8 && ends.length === 0; turns++) {
        const event = asked.shift() ?? endOf(state)
        if (event === undefined) break
        const { state: next, effects } = step(state, event)
        state = next
        for (const effect of effects) {
          if (effect.type === 'again' && effect.event.waiter === 7) asked.push(effect.event)
          if ((effect.type === 'answer' || effect.type === 'refuse') && effect.waiter === 7) ends.push(effect)
        }
      }
      expect(ends, name).toHaveLength(1)
      if (ends[0]?.type === 'answer') expect(state, name).toMatchObject({ index: 'ours' })
    }
  })

  it('persists before anything else, at most once, and never while it says that a record could not be written', () => {
    for (const { name, event, result } of cells) {
      const at = result.effects.flatMap((effect, index) => effect.type === 'persist' ? [index] : [])
      expect([[], [0]], `${name} + ${showEvent(event)}`).toContainEqual(at)
      if (event.type === 'unsaved') expect(at).toEqual([])
    }
  })

  it('changes health only together with a persisted change, unless one could not be written', () => {
    const health = (state: State): string | undefined => healthOf(state) ?? state.tag
    for (const { name, state, event, result } of cells) {
      if (event.type === 'unsaved' || event.type === 'close' || health(state) === health(result.state)) continue
      expect(result.effects[0]?.type, `${name} + ${showEvent(event)}`).toBe('persist')
    }
  })

  it('keeps at most one job, and starts one only where none is left', () => {
    for (const { name, state, event, result } of cells) {
      const starts = result.effects.flatMap((effect) => effect.type === 'start' ? [effect.job] : [])
      const ended = isEnd(event) && 'job' in event && event.job === jobOf(state)?.id
      expect(starts.length, `${name} + ${showEvent(event)}`).toBeLessThanOrEqual(1)
      if (starts.length === 1) {
        expect(jobOf(state) === undefined || ended, `${name} + ${showEvent(event)}`).toBe(true)
        expect(jobOf(result.state)?.id).toBe(starts[0])
      }
    }
  })

  it('accounts for every session and lease: it stays, or it is closed', () => {
    for (const { name, state, event, result } of cells) {
      const closed = result.effects.flatMap((effect) => effect.type === 'close-session' ? [effect.session] : [])
      const end = event.type === 'unsaved' ? event.event : event
      const opened = end.type === 'opened' || end.type === 'built' ? [end.job] : []
      // what could not be saved had been opened only if the step before it would have asked for a write
      const due = event.type === 'unsaved' && opened[0] !== jobOf(state)?.id ? [] : opened
      if (event.type === 'unsaved' && due.length > 0 && closed.length === 0) continue
      expect(sorted([...sessions(result.state), ...closed]), `${name} + ${showEvent(event)}`).toEqual(sorted([...sessions(state), ...due]))
      const granted = result.effects.flatMap((effect) => effect.type === 'grant' ? [effect.waiter] : [])
      for (const lease of granted) expect(leases(result.state)).toContain(lease)
    }
  })

  it('never changes a state in place', () => {
    const before = JSON.stringify(Object.values(states))
    for (const { state, event } of cells) step(state, event)
    expect(JSON.stringify(Object.values(states))).toBe(before)
  })

  it('is at rest only when nobody waits, no lease is out and no job runs', () => {
    for (const { result } of cells) {
      if (!atRest(result.state) || result.state.tag === 'closed') continue
      expect([...parked(result.state), ...sessions(result.state), ...(jobOf(result.state) === undefined ? [] : [1])]).toEqual([])
    }
  })
})

describe('the defects of the Go machine', () => {
  const go = (state: State, ...then: Event[]): State => then.reduce((from, event) => step(from, event).state, state)

  it('D6: the last release of an errored shard heals nothing', () => {
    const state = go(states['errored beside a lease'] as State, { type: 'release', lease: 8 })
    expect(state).toMatchObject({ tag: 'errored', failure: { retry: 'never' }, sessions: [] })
  })

  it('D7: a lease that is closed while the shard recovers is gone, and closes the session it pinned', () => {
    const { state, effects } = step(states['recovering beside a lease'] as State, { type: 'release', lease: 8 })
    expect(state).toMatchObject({ tag: 'recovering', sessions: [] })
    expect(effects.map(({ type }) => type)).toEqual(['close-session', 'collect'])
  })

  it('D8: a lease closed twice takes no other lease with it', () => {
    const once = go(states['available, leased twice'] as State, { type: 'release', lease: 8 })
    const twice = step(once, { type: 'release', lease: 8 })
    expect(twice.state).toMatchObject({ sessions: [{ id: 4, leases: [9] }] })
    expect(twice.effects).toEqual([{ type: 'ignored' }])
  })

  it('D9: a destroy that cannot be recorded leaves the shard as it was', () => {
    const from = states['available, leased'] as State
    const result = step(from, { type: 'unsaved', event: { type: 'destroy', waiter: 7, force: false }, failure: { code: 'IO_FULL', message: '', at: '', retry: 'later', attempts: 1, nextRetryAt: undefined } })
    expect(result.state).toBe(from)
    expect(result.effects).toMatchObject([{ type: 'refuse', waiter: 7, code: 'DAGSTORE_STORAGE_FAILED' }])
  })

  it('D10: a build that ends after a destroy commits nothing, and its waiters were refused', () => {
    const destroyed = step(states['initializing for acquirers'] as State, { type: 'destroy', waiter: 7, force: false })
    expect(destroyed.effects).toContainEqual({ type: 'refuse', waiter: 1, code: 'DAGSTORE_SHARD_DESTROYED', failure: undefined })
    const built = step(destroyed.state, { type: 'built', job: 5 })
    expect(built.effects.filter(({ type }) => type === 'persist')).toEqual([])
    expect(built.effects).toContainEqual({ type: 'start', job: 6, kind: 'clean', urgent: false })
  })

  it('D13: the end of a job of earlier changes nothing and is counted', () => {
    for (const state of Object.values(states)) {
      const result = step(state, { type: 'failed', job: 2, failure: NEVER, plan: PLAN })
      expect(result.state).toBe(state)
      expect(result.effects).toEqual([{ type: 'ignored' }])
    }
  })
})
