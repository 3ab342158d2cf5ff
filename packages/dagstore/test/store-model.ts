/** What a store of a few shards does, as a model that knows nothing of machines, jobs or generations; and what every command on both begins with. */
import { createFakeClock, type CrashWorld } from '@dagstore-tooling/testkit'
import type fc from 'fast-check'
import { MountError } from '@dagstore/mounts'
import { expect } from 'vitest'
import type { Health, ShardLease } from '../src/index.ts'
import { type Harness, makeCar, type TestCar } from './harness.ts'

export const KEYS = ['a', 'b', 'c']

/** What the mount of a shard gives: one of two CARs, no CAR, or nothing for the time being. */
export type Mode = 'one' | 'two' | 'bad' | 'away'
const cars = new Map<string, TestCar>(KEYS.flatMap((key, at) => [[`${key} one`, makeCar(10 + at, 4)], [`${key} two`, makeCar(20 + at, 4)]] as const))
export const carOf = (key: string, mode: Mode): TestCar => cars.get(`${key} ${mode}`)!

export interface ModelShard {
  mode: Mode
  url: string
  health: Health | undefined
  retry: 'never' | 'later' | undefined
  /** Failures in a row; 0: none. */
  attempts: number
  /** When the store tries again by itself. */
  due: number | undefined
  /** What the committed index is of. */
  indexed: Mode | undefined
  indexLost: boolean
  /** What the open session reads; `undefined`: none is open. */
  session: Mode | undefined
  /** Number of the session that is open, or was last. */
  sessions: number
  /** The cross-shard blockstore keeps a lease. */
  cached: boolean
  leases: { lease: ShardLease, mode: Mode, session: number }[]
}

export type Model = Map<string, ModelShard>

export const newShard = (key: string): ModelShard => ({
  mode: 'one', url: `test:${key}`, health: undefined, retry: undefined, attempts: 0, due: undefined, indexed: undefined, indexLost: false, session: undefined, sessions: 0, cached: false, leases: [],
})

/** One clock for all runs; no jitter is taken off. */
export const clock = createFakeClock()
export const random = { bytes: (length: number) => new Uint8Array(length).fill(0xff) }

/** A try that was made before one was due counts for nothing. */
export const fail = (shard: ModelShard, retry: 'never' | 'later'): void => {
  const now = clock.now()
  const row = shard.retry === 'later' ? shard : { attempts: 0, due: now }
  const counts = retry === 'never' || (row.due !== undefined && row.due <= now)
  const attempts = counts ? row.attempts + 1 : row.attempts
  const due = retry === 'never' || attempts >= 5 ? undefined : counts ? now + 1000 * 2 ** (attempts - 1) : row.due
  Object.assign(shard, { health: 'errored', retry, attempts, due })
}

export const heal = (shard: ModelShard): void => { Object.assign(shard, { health: 'available', retry: undefined, attempts: 0, due: undefined }) }

/** What building an index comes to. */
export const build = (shard: ModelShard): boolean => {
  if (shard.mode === 'away' || shard.mode === 'bad') {
    fail(shard, shard.mode === 'away' ? 'later' : 'never')
    return false
  }
  heal(shard)
  Object.assign(shard, { indexed: shard.mode, indexLost: false })
  return true
}

/** What an acquire comes to: whether there is a session afterwards. */
export const opens = (shard: ModelShard): boolean => {
  if (shard.session !== undefined) return true
  if (shard.health === 'errored' && shard.retry === 'never') return false
  if (shard.mode === 'away') return build(shard)
  if (shard.indexed === undefined || shard.indexLost || shard.indexed !== shard.mode) return build(shard)
  heal(shard)
  return true
}

/** The session that new leases join. */
export const join = (shard: ModelShard): Mode => {
  if (shard.session === undefined) shard.sessions++
  return shard.session ??= shard.indexed!
}

export const held = (shard: ModelShard): void => { if (!shard.cached && shard.leases.every(({ session }) => session !== shard.sessions)) shard.session = undefined }

export interface CrashHarness extends Harness { readonly world: CrashWorld }
export interface Real { h: CrashHarness }
type Command = fc.AsyncCommand<Model, Real>

/** Runs on one shard; afterwards the store says of it what the model does. */
export abstract class ShardCommand implements Command {
  readonly key: string
  constructor (key: string) { this.key = key }
  check (model: Readonly<Model>): boolean { return this.isPossible(model.get(this.key)!) }
  isPossible (shard: ModelShard): boolean { return shard.health !== undefined }
  async run (model: Model, { h }: Real): Promise<void> {
    await this.perform(model.get(this.key)!, h, model)
    for (const [key, shard] of model) {
      const info = await h.store.shard(key)
      expect(info?.health, `health of ${key} after ${this.toString()}`).toBe(shard.health)
      expect(info?.leases ?? 0, `leases of ${key} after ${this.toString()}`).toBe(shard.leases.length + (shard.cached ? 1 : 0))
      expect(info?.error?.retry, `retry of ${key} after ${this.toString()}`).toBe(shard.retry)
      expect(info?.error?.attempts ?? 0, `attempts of ${key} after ${this.toString()}`).toBe(shard.attempts)
      expect(info?.error?.nextRetryAt, `next retry of ${key} after ${this.toString()}`).toBe(timeOf(shard))
      expect(info?.mountUrl ?? shard.url, `mount of ${key} after ${this.toString()}`).toBe(shard.url)
    }
  }
  abstract perform (shard: ModelShard, h: CrashHarness, model: Model): Promise<void>
  toString (): string { return `${this.constructor.name}(${this.key})` }
}

export const timeOf = ({ due }: ModelShard): string | undefined => due === undefined ? undefined : new Date(due).toISOString()

export const readable = async (key: string, lease: ShardLease, mode: Mode): Promise<void> => {
  const { cid, data } = carOf(key, mode).blocks[1]!
  expect(await lease.blockstore.bytes(cid)).toEqual(data)
  expect(lease.roots.map(String)).toEqual(carOf(key, mode).roots.map(String))
}

export const setSource = (h: Harness, key: string, mode: Mode): void => {
  for (const name of [key, `${key}-moved`]) setPlace(h, name, key, mode)
}

const setPlace = (h: Harness, name: string, key: string, mode: Mode): void => {
  const place = h.sources.place(name)
  place.before = async (step) => { if (mode === 'away' && step === 'open') throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
  if (mode !== 'away') place.bytes = mode === 'bad' ? new Uint8Array(7) : carOf(key, mode).bytes
  place.version = mode === 'two' ? 2 : 1
}
