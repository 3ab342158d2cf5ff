/** How well the sources have done: what each costs, how long it takes, and how often it failed of late. */
import type { Clock } from '@dagstore/io'
import type { FailureMemory } from '@dagstore/mounts'

export interface SourceScore {
  readonly name: string
  /** Its cost, its latency and its failures together; the least is tried first. `Infinity`: it asked to be left alone for a while. */
  readonly rank: number
  readonly cost: number
  /** A moving mean of its answers, in milliseconds; old ones count less. */
  readonly latencyMs: number
  /** How often it has failed since it last worked. */
  readonly failures: number
}

export interface SourceScores extends FailureMemory {
  /** It has answered after `ms`. */
  took (name: string, ms: number): void
  /** It asked to be left alone for `ms`. */
  pause (name: string, ms: number): void
  score (name: string): SourceScore
  /** It has failed several times in a row, over some time, and answered nothing meanwhile. */
  isDown (name: string): boolean
}

/** A failure counts as much as an answer that takes 3.2 s; what failures and answers count halves in this time. */
const FAILURE = 32
const MAX_FAILURE = 1024
const FAILURE_HALVES_MS = 30_000
const LATENCY_HALVES_MS = 600_000
/** The longest time for which a source is left alone because it asked for that. */
const MAX_PAUSE_MS = 600_000
/** Failures in a row, and the time over which they come, after which a source is down. */
export const DOWN: { readonly failures: number, readonly ms: number } = Object.freeze({ failures: 3, ms: 60_000 })
/** Milliseconds for each unit of cost. */
const UNIT_MS = 100
/** Of the latest answer in the moving mean. */
const WEIGHT = 0.2

interface State { penalty: number, failedAt: number, latencyMs: number, answeredAt: number | undefined, failures: number, row: number, rowSince: number, pausedUntil: number }

/** @param costs - by name */
export const createSourceScores = (clock: Clock, costs: ReadonlyMap<string, number>): SourceScores => {
  const states = new Map<string, State>()
  const stateOf = (name: string): State => {
    let state = states.get(name)
    if (state === undefined) states.set(name, state = { penalty: 0, failedAt: 0, latencyMs: 0, answeredAt: undefined, failures: 0, row: 0, rowSince: 0, pausedUntil: Number.NEGATIVE_INFINITY })
    return state
  }
  const faded = (value: number, at: number, now: number, halvesMs: number): number => value === 0 ? 0 : value * 0.5 ** ((now - at) / halvesMs)
  const score = (name: string): SourceScore => {
    const now = clock.monotonic()
    const { penalty, failedAt, latencyMs, answeredAt, failures, pausedUntil } = stateOf(name)
    const cost = costs.get(name) ?? 0
    const latency = faded(latencyMs, answeredAt ?? now, now, LATENCY_HALVES_MS)
    const rank = now < pausedUntil ? Infinity : cost + latency / UNIT_MS + faded(penalty, failedAt, now, FAILURE_HALVES_MS)
    return { name, rank, cost, latencyMs: latency, failures }
  }
  return {
    score,
    isDown: (name) => {
      const { row, rowSince } = stateOf(name)
      return row >= DOWN.failures && clock.monotonic() - rowSince >= DOWN.ms
    },
    failed: (name) => {
      const state = stateOf(name)
      const now = clock.monotonic()
      state.penalty = Math.min(MAX_FAILURE, faded(state.penalty, state.failedAt, now, FAILURE_HALVES_MS) + FAILURE)
      state.failedAt = now
      state.failures++
      if (state.row++ === 0) state.rowSince = now
    },
    worked: (name) => {
      const state = stateOf(name)
      const now = clock.monotonic()
      state.penalty = faded(state.penalty, state.failedAt, now, FAILURE_HALVES_MS) / 2
      state.failedAt = now
      state.failures = 0
      state.row = 0
    },
    took: (name, ms) => {
      const state = stateOf(name)
      const now = clock.monotonic()
      state.latencyMs = state.answeredAt === undefined ? ms : faded(state.latencyMs, state.answeredAt, now, LATENCY_HALVES_MS) * (1 - WEIGHT) + ms * WEIGHT
      state.answeredAt = now
      state.row = 0
    },
    pause: (name, ms) => { stateOf(name).pausedUntil = clock.monotonic() + Math.min(ms, MAX_PAUSE_MS) },
    order: (items, nameOf) => items
      .map((item) => ({ item, rank: score(nameOf(item)).rank }))
      // of two infinite ones neither is before the other
      .sort((a, b) => a.rank === b.rank ? 0 : a.rank - b.rank)
      .map(({ item }) => item),
  }
}
