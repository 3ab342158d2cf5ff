/** The store against a model that knows nothing of machines, jobs or generations: random calls, sources and restarts. */
import fc from 'fast-check'
import { indexName } from '@dagstore/index-repo'
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { Health, ShardLease } from '../src/index.ts'
import { codeOf, type Harness, makeCar, openHarness, rejection, type TestCar, until } from './harness.ts'

const SEED = 20210817
const RUNS = process.env['DAGSTORE_LONG'] === undefined ? 300 : 2000
const KEYS = ['a', 'b', 'c']

/** What the mount of a shard gives: one of two CARs, no CAR, or nothing for the time being. */
type Mode = 'one' | 'two' | 'bad' | 'away'
const cars = new Map<string, TestCar>(KEYS.flatMap((key, at) => [[`${key} one`, makeCar(10 + at, 4)], [`${key} two`, makeCar(20 + at, 4)]] as const))
const carOf = (key: string, mode: Mode): TestCar => cars.get(`${key} ${mode}`)!

interface ModelShard {
  mode: Mode
  health: Health | undefined
  retry: 'never' | 'later' | undefined
  /** What the committed index is of. */
  indexed: Mode | undefined
  indexLost: boolean
  /** What the open session reads; `undefined`: none is open. */
  session: Mode | undefined
  /** The cross-shard blockstore keeps a lease. */
  cached: boolean
  leases: { lease: ShardLease, mode: Mode }[]
}

type Model = Map<string, ModelShard>

const newShard = (): ModelShard => ({ mode: 'one', health: undefined, retry: undefined, indexed: undefined, indexLost: false, session: undefined, cached: false, leases: [] })

/** What building an index comes to. */
const build = (shard: ModelShard): boolean => {
  if (shard.mode === 'away' || shard.mode === 'bad') {
    shard.health = 'errored'
    shard.retry = shard.mode === 'away' ? 'later' : 'never'
    return false
  }
  Object.assign(shard, { health: 'available', retry: undefined, indexed: shard.mode, indexLost: false })
  return true
}

/** What an acquire comes to: whether there is a session afterwards. */
const opens = (shard: ModelShard): boolean => {
  if (shard.session !== undefined) return true
  if (shard.health === 'errored' && shard.retry === 'never') return false
  if (shard.mode === 'away') return build(shard)
  if (shard.indexed === undefined || shard.indexLost || shard.indexed !== shard.mode) return build(shard)
  shard.health = 'available'
  shard.retry = undefined
  return true
}

const held = (shard: ModelShard): void => { if (shard.leases.length === 0 && !shard.cached) shard.session = undefined }

interface Real { h: Harness }
type Command = fc.AsyncCommand<Model, Real>

/** Runs on one shard; afterwards the store says of it what the model does. */
abstract class ShardCommand implements Command {
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
    }
  }
  abstract perform (shard: ModelShard, h: Harness, model: Model): Promise<void>
  toString (): string { return `${this.constructor.name}(${this.key})` }
}

class Register extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    shard.health ??= 'new'
    expect(await h.store.register(this.key, `test:${this.key}`)).toMatchObject({ health: shard.health })
    expect(codeOf(await rejection(h.store.register(this.key, 'test:other')))).toBe('DAGSTORE_SHARD_EXISTS')
  }
}

class RegisterEagerly extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const fine = shard.health === 'available' || (shard.health === undefined || shard.health === 'new' ? build(shard) : opens(shard))
    const call = h.store.register(this.key, `test:${this.key}`, { indexing: 'eager' })
    if (fine) expect(await call).toMatchObject({ health: 'available' })
    else expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_ERRORED')
  }
}

class Acquire extends ShardCommand {
  readonly count: number
  constructor (key: string, count: number) { super(key); this.count = count }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const calls = Array.from({ length: this.count }, () => h.store.acquire(this.key))
    if (shard.health === undefined) {
      for (const call of calls) expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    if (!opens(shard)) {
      for (const error of await Promise.all(calls.map(rejection))) expect(error).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: shard.retry })
      return
    }
    const mode = shard.session ??= shard.indexed!
    for (const lease of await Promise.all(calls)) {
      shard.leases.push({ lease, mode })
      await readable(this.key, lease, mode)
    }
  }
  override toString (): string { return `Acquire(${this.key} x${this.count})` }
}

class Withdraw extends ShardCommand {
  override isPossible (shard: ModelShard): boolean { return shard.health !== undefined && shard.session === undefined }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const leaving = new AbortController()
    const call = h.store.acquire(this.key, { signal: leaving.signal })
    await h.store.shard(this.key)
    leaving.abort(new Error('gone'))
    const lease = await call.catch(() => undefined)
    await lease?.close()
    // answered behind the withdrawal: what is seen from here on is not from before the acquire
    await h.store.register(this.key, `test:${this.key}`)
    await until(async () => { const info = await h.store.shard(this.key); return info?.health !== 'initializing' && info?.leases === 0 })
    // it went through, or it left no trace
    const info = (await h.store.shard(this.key))!
    const before = { ...shard }
    opens(shard)
    shard.session = undefined
    if (info.health === before.health && info.error?.retry === before.retry && (before.indexed === shard.indexed || info.indexGeneration === 0)) Object.assign(shard, before)
    // the health alone does not tell whether an index was rebuilt before the abort came
    if (before.indexed !== undefined && (before.indexLost || before.indexed !== before.mode)) {
      shard.indexed = before.indexed
      if (info.health === 'available') await settleIndex(this.key, shard, h)
    }
  }
}

/** An acquire that nobody withdraws brings model and store together again. */
const settleIndex = async (key: string, shard: ModelShard, h: Harness): Promise<void> => {
  shard.health = 'available'
  shard.retry = undefined
  if (!opens(shard)) {
    expect(codeOf(await rejection(h.store.acquire(key)))).toBe('DAGSTORE_SHARD_ERRORED')
    return
  }
  const lease = await h.store.acquire(key)
  await readable(key, lease, shard.indexed!)
  await lease.close()
}

const readable = async (key: string, lease: ShardLease, mode: Mode): Promise<void> => {
  const { cid, data } = carOf(key, mode).blocks[1]!
  expect(await lease.blockstore.bytes(cid)).toEqual(data)
  expect(lease.roots.map(String)).toEqual(carOf(key, mode).roots.map(String))
}

class Release extends ShardCommand {
  readonly pick: number
  constructor (key: string, pick: number) { super(key); this.pick = pick }
  override isPossible (shard: ModelShard): boolean { return shard.leases.length > 0 }
  async perform (shard: ModelShard): Promise<void> {
    const [{ lease, mode }] = shard.leases.splice(this.pick % shard.leases.length, 1) as [ModelShard['leases'][number]]
    await readable(this.key, lease, mode)
    await Promise.all([lease.close(), lease.close()])
    expect(codeOf(await rejection(lease.blockstore.bytes(carOf(this.key, mode).blocks[1]!.cid)))).toBe('BLOCKSTORE_CLOSED')
    held(shard)
  }
}

class Recover extends ShardCommand {
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    if (shard.health !== 'errored') {
      expect(codeOf(await rejection(h.store.recover(this.key)))).toBe('DAGSTORE_NOT_ERRORED')
      return
    }
    if (build(shard)) expect(await h.store.recover(this.key)).toMatchObject({ health: 'available', error: undefined })
    else expect(await rejection(h.store.recover(this.key))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: shard.retry })
  }
}

class Destroy extends ShardCommand {
  readonly mode: 'drain' | 'force'
  constructor (key: string, mode: 'drain' | 'force') { super(key); this.mode = mode }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness, model: Model): Promise<void> {
    const destroying = h.store.destroy(this.key, { mode: this.mode })
    if (shard.health === undefined) {
      expect(codeOf(await rejection(destroying))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    if (this.mode === 'drain') for (const { lease } of shard.leases) await lease.close()
    await destroying
    for (const { lease, mode } of shard.leases) {
      expect(codeOf(await rejection(lease.blockstore.bytes(carOf(this.key, mode).blocks[0]!.cid)))).toBe('BLOCKSTORE_CLOSED')
      await lease.close()
    }
    model.set(this.key, { ...newShard(), mode: shard.mode })
    expect(await h.store.shard(this.key)).toBeUndefined()
  }
  override toString (): string { return `Destroy(${this.key} ${this.mode})` }
}

class ChangeSource extends ShardCommand {
  readonly mode: Mode
  constructor (key: string, mode: Mode) { super(key); this.mode = mode }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    shard.mode = this.mode
    setSource(h, this.key, this.mode)
  }
  override toString (): string { return `ChangeSource(${this.key} ${this.mode})` }
}

const setSource = (h: Harness, key: string, mode: Mode): void => {
  const place = h.sources.place(key)
  place.before = async (step) => { if (mode === 'away' && step === 'open') throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
  if (mode !== 'away') place.bytes = mode === 'bad' ? new Uint8Array(7) : carOf(key, mode).bytes
  place.version = mode === 'two' ? 2 : 1
}

class LoseIndex extends ShardCommand {
  override isPossible (shard: ModelShard): boolean { return shard.indexed !== undefined }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const info = await h.store.shard(this.key)
    await h.files.remove(`index/${indexName(this.key, info!.indexGeneration)}`)
    shard.indexLost = true
  }
}

class ReadAcross extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness, model: Model): Promise<void> {
    for (const mode of ['one', 'two'] as const) {
      const { cid, data } = carOf(this.key, mode).blocks[2]!
      expect(await h.store.find(cid.multihash.bytes)).toEqual(shard.indexed === mode ? [this.key] : [])
      const unindexed = [...model.values()].filter(({ health, indexed }) => health !== undefined && indexed === undefined).length
      const call = h.store.blockstore.bytes(cid)
      if (shard.indexed !== mode) {
        expect(await rejection(call)).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: unindexed })
        continue
      }
      const was = shard.session
      if (!opens(shard)) {
        expect(codeOf(await rejection(call))).toBe('BLOCKSTORE_UNREADABLE')
        continue
      }
      shard.session ??= shard.indexed!
      // a session that was open before reads what it read then
      if ((was ?? shard.indexed) === mode) expect(await call).toEqual(data)
      else expect(codeOf(await rejection(call))).toBe('BLOCKSTORE_NOT_FOUND')
      shard.cached = true
    }
  }
}

class Restart extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (_: ModelShard, h: Harness, model: Model): Promise<void> {
    for (const shard of model.values()) Object.assign(shard, { session: undefined, cached: false, leases: [] })
    Object.assign(h, await h.reopen())
  }
}

const key = fc.constantFrom(...KEYS)
const commands = fc.commands([
  key.map((k) => new Register(k)),
  key.map((k) => new RegisterEagerly(k)),
  fc.tuple(key, fc.integer({ min: 1, max: 4 })).map(([k, count]) => new Acquire(k, count)),
  key.map((k) => new Withdraw(k)),
  fc.tuple(key, fc.nat(7)).map(([k, pick]) => new Release(k, pick)),
  key.map((k) => new Recover(k)),
  fc.tuple(key, fc.constantFrom('drain' as const, 'force' as const)).map(([k, mode]) => new Destroy(k, mode)),
  fc.tuple(key, fc.constantFrom<Mode>('one', 'two', 'bad', 'away')).map(([k, mode]) => new ChangeSource(k, mode)),
  key.map((k) => new LoseIndex(k)),
  key.map((k) => new ReadAcross(k)),
  key.map((k) => new Restart(k)),
], { maxCommands: 40, size: '+1' })

describe('the store and its model', () => {
  it(`agree after any calls; seed ${SEED}, ${RUNS} runs`, async () => {
    await fc.assert(fc.asyncProperty(commands, async (run) => {
      const h = await openHarness()
      for (const k of KEYS) setSource(h, k, 'one')
      const model: Model = new Map(KEYS.map((k) => [k, newShard()]))
      const real: Real = { h: { ...h } }
      try {
        await fc.asyncModelRun(() => ({ model, real }), run)
      } finally {
        await real.h.store.close()
      }
      expect(h.sources.open, 'sources left open').toBe(0)
    }), { seed: SEED, numRuns: RUNS })
  })
})
