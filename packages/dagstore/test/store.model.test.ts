/** The store against a model that knows nothing of machines, jobs or generations: random calls, sources, restarts and crashes. */
import { createCrashWorld, createFakeClock, type CrashWorld } from '@dagstore-tooling/testkit'
import fc from 'fast-check'
import { indexName } from '@dagstore/index-repo'
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { Health, ShardLease } from '../src/index.ts'
import { codeOf, type Harness, makeCar, namesIn, openHarness, rejection, type TestCar, until } from './harness.ts'

const SEED = 20210817
const RUNS = process.env['DAGSTORE_LONG'] === undefined ? 300 : 10_000
const KEYS = ['a', 'b', 'c']

/** What the mount of a shard gives: one of two CARs, no CAR, or nothing for the time being. */
type Mode = 'one' | 'two' | 'bad' | 'away'
const cars = new Map<string, TestCar>(KEYS.flatMap((key, at) => [[`${key} one`, makeCar(10 + at, 4)], [`${key} two`, makeCar(20 + at, 4)]] as const))
const carOf = (key: string, mode: Mode): TestCar => cars.get(`${key} ${mode}`)!

interface ModelShard {
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

type Model = Map<string, ModelShard>

const newShard = (key: string): ModelShard => ({
  mode: 'one', url: `test:${key}`, health: undefined, retry: undefined, attempts: 0, due: undefined, indexed: undefined, indexLost: false, session: undefined, sessions: 0, cached: false, leases: [],
})

/** One clock for all runs; no jitter is taken off. */
const clock = createFakeClock()
const random = { bytes: (length: number) => new Uint8Array(length).fill(0xff) }

/** A try that was made before one was due counts for nothing. */
const fail = (shard: ModelShard, retry: 'never' | 'later'): void => {
  const now = clock.now()
  const row = shard.retry === 'later' ? shard : { attempts: 0, due: now }
  const counts = retry === 'never' || (row.due !== undefined && row.due <= now)
  const attempts = counts ? row.attempts + 1 : row.attempts
  const due = retry === 'never' || attempts >= 5 ? undefined : counts ? now + 1000 * 2 ** (attempts - 1) : row.due
  Object.assign(shard, { health: 'errored', retry, attempts, due })
}

const heal = (shard: ModelShard): void => { Object.assign(shard, { health: 'available', retry: undefined, attempts: 0, due: undefined }) }

/** What building an index comes to. */
const build = (shard: ModelShard): boolean => {
  if (shard.mode === 'away' || shard.mode === 'bad') {
    fail(shard, shard.mode === 'away' ? 'later' : 'never')
    return false
  }
  heal(shard)
  Object.assign(shard, { indexed: shard.mode, indexLost: false })
  return true
}

/** What an acquire comes to: whether there is a session afterwards. */
const opens = (shard: ModelShard): boolean => {
  if (shard.session !== undefined) return true
  if (shard.health === 'errored' && shard.retry === 'never') return false
  if (shard.mode === 'away') return build(shard)
  if (shard.indexed === undefined || shard.indexLost || shard.indexed !== shard.mode) return build(shard)
  heal(shard)
  return true
}

/** The session that new leases join. */
const join = (shard: ModelShard): Mode => {
  if (shard.session === undefined) shard.sessions++
  return shard.session ??= shard.indexed!
}

const held = (shard: ModelShard): void => { if (!shard.cached && shard.leases.every(({ session }) => session !== shard.sessions)) shard.session = undefined }

interface CrashHarness extends Harness { readonly world: CrashWorld }
interface Real { h: CrashHarness }
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
      expect(info?.error?.attempts ?? 0, `attempts of ${key} after ${this.toString()}`).toBe(shard.attempts)
      expect(info?.error?.nextRetryAt, `next retry of ${key} after ${this.toString()}`).toBe(timeOf(shard))
      expect(info?.mountUrl ?? shard.url, `mount of ${key} after ${this.toString()}`).toBe(shard.url)
    }
  }
  abstract perform (shard: ModelShard, h: CrashHarness, model: Model): Promise<void>
  toString (): string { return `${this.constructor.name}(${this.key})` }
}

const timeOf = ({ due }: ModelShard): string | undefined => due === undefined ? undefined : new Date(due).toISOString()

class Register extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    shard.health ??= 'new'
    expect(await h.store.register(this.key, shard.url)).toMatchObject({ health: shard.health })
    expect(codeOf(await rejection(h.store.register(this.key, 'test:other')))).toBe('DAGSTORE_SHARD_EXISTS')
  }
}

class RegisterEagerly extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const fine = shard.health === 'available' || (shard.health === undefined || shard.health === 'new' ? build(shard) : opens(shard))
    const call = h.store.register(this.key, shard.url, { indexing: 'eager' })
    if (fine) expect(await call).toMatchObject({ health: 'available' })
    else expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_ERRORED')
  }
}

class Initialize extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const call = h.store.initialize(this.key)
    if (shard.health === undefined) {
      expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    const fine = shard.health === 'available' || (shard.health === 'new' ? build(shard) : opens(shard))
    if (fine) expect(await call).toMatchObject({ health: 'available' })
    else expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_ERRORED')
  }
}

/** Of the same mount, or of the other one, which has the same bytes. */
class Refresh extends ShardCommand {
  readonly moves: boolean
  constructor (key: string, moves: boolean) { super(key); this.moves = moves }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: Harness): Promise<void> {
    const url = shard.url === `test:${this.key}` ? `test:${this.key}-moved` : `test:${this.key}`
    const call = h.store.refresh(this.key, this.moves ? { mount: url } : {})
    if (shard.health === undefined) {
      expect(codeOf(await rejection(call))).toBe('DAGSTORE_SHARD_UNKNOWN')
      return
    }
    if (shard.health === 'new') {
      if (this.moves) shard.url = url
      expect(await call).toMatchObject({ health: 'new', mountUrl: shard.url })
      return
    }
    if (shard.mode === 'away' || shard.mode === 'bad') {
      expect(codeOf(await rejection(call))).toBe('DAGSTORE_REFRESH_FAILED')
      return
    }
    const unchanged = !this.moves && shard.health === 'available' && shard.indexed === shard.mode && !shard.indexLost
    if (this.moves) shard.url = url
    expect(await call).toMatchObject({ health: 'available', mountUrl: shard.url, error: undefined })
    if (unchanged) return
    build(shard)
    // leases keep what they have; the next one gets the new bytes
    Object.assign(shard, { session: undefined, cached: false })
    await until(async () => (await h.store.shard(this.key))?.leases === shard.leases.length)
    for (const { lease, mode } of shard.leases) await readable(this.key, lease, mode)
  }
  override toString (): string { return `Refresh(${this.key}${this.moves ? ' moved' : ''})` }
}

/** Until the next retry is due, which is made then. */
class Wait extends ShardCommand {
  override isPossible (): boolean { return true }
  async perform (_: ModelShard, h: Harness, model: Model): Promise<void> {
    const times = [...model.values()].flatMap(({ due }) => due === undefined ? [] : [due])
    await clock.advance(Math.min(...times, clock.now() + 60_000) - clock.now())
    for (const [key, shard] of model) {
      if (shard.due === undefined || shard.due > clock.now()) continue
      opens(shard)
      await until(async () => {
        const info = await h.store.shard(key)
        return info?.health === shard.health && (info?.error?.attempts ?? 0) === shard.attempts && info?.error?.nextRetryAt === timeOf(shard)
      })
    }
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
    const mode = join(shard)
    for (const lease of await Promise.all(calls)) {
      shard.leases.push({ lease, mode, session: shard.sessions })
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
    await h.store.register(this.key, shard.url)
    await until(async () => { const info = await h.store.shard(this.key); return info?.health !== 'initializing' && info?.leases === shard.leases.length })
    // it went through, or it left no trace
    const info = (await h.store.shard(this.key))!
    const before = { ...shard }
    opens(shard)
    shard.session = undefined
    if (info.health === before.health && info.error?.retry === before.retry && (before.indexed === shard.indexed || info.indexGeneration === 0 || info.health === 'errored')) Object.assign(shard, before)
    // the health alone does not tell whether an index was rebuilt before the abort came
    if (before.indexed !== undefined && (before.indexLost || before.indexed !== before.mode)) {
      shard.indexed = before.indexed
      if (info.health === 'available') await settleIndex(this.key, shard, h)
    }
  }
}

/** An acquire that nobody withdraws brings model and store together again. */
const settleIndex = async (key: string, shard: ModelShard, h: Harness): Promise<void> => {
  heal(shard)
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
    // it counts from the beginning
    shard.retry = undefined
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
    model.set(this.key, { ...newShard(this.key), mode: shard.mode })
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
  for (const name of [key, `${key}-moved`]) setPlace(h, name, key, mode)
}

const setPlace = (h: Harness, name: string, key: string, mode: Mode): void => {
  const place = h.sources.place(name)
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
      join(shard)
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

/** What a call makes of its shard when it comes to its end, `undefined` when it is gone. */
const EFFECTS = {
  register: (shard: ModelShard) => { shard.health ??= 'new'; return shard },
  eager: (shard: ModelShard) => {
    if (shard.health === undefined || shard.health === 'new') build(shard)
    else if (shard.health !== 'available') opens(shard)
    return shard
  },
  acquire: (shard: ModelShard) => {
    if (shard.health !== undefined) opens(shard)
    return shard
  },
  recover: (shard: ModelShard) => {
    if (shard.health !== 'errored') return shard
    shard.retry = undefined
    build(shard)
    return shard
  },
  refresh: (shard: ModelShard, moved: string) => {
    if (shard.health === undefined) return shard
    if (shard.health !== 'new' && (shard.mode === 'away' || shard.mode === 'bad')) return shard
    shard.url = moved
    if (shard.health !== 'new') build(shard)
    return shard
  },
  destroy: ({ mode }: ModelShard, _: string, key: string) => ({ ...newShard(key), mode }),
} as const
type Cut = keyof typeof EFFECTS

/** The process dies during a call, or behind it: what was answered holds, and of what was not, all has happened or nothing. */
class Crash extends ShardCommand {
  readonly cut: Cut
  readonly changes: number
  constructor (key: string, cut: Cut, changes: number) { super(key); this.cut = cut; this.changes = changes }
  override isPossible (): boolean { return true }
  async perform (shard: ModelShard, h: CrashHarness, model: Model): Promise<void> {
    for (const each of model.values()) Object.assign(each, { session: undefined, cached: false, leases: [] })
    const generation = (await h.store.shard(this.key))?.indexGeneration
    const { faults } = h.world
    const moved = shard.url === `test:${this.key}` ? `test:${this.key}-moved` : `test:${this.key}`
    // a session that is open would be an acquire's answer
    Object.assign(h, await h.reopen())
    faults.crashAfter(faults.changes + this.changes)
    const answered = await this.call(h, shard.url, moved).then(() => true, () => !faults.crashed)
    await h.store.close().catch(() => {})
    const world = await h.world.recover(this.changes)
    Object.assign(h, await openHarness({ clock, random }, { db: world.db, files: world.fs.directory, sources: h.sources }), { world })
    const possible = [EFFECTS[this.cut]({ ...shard }, moved, this.key), ...(answered ? [] : [shard])]
    await until(async () => {
      const info = await h.store.shard(this.key)
      return info === undefined || (info.health !== 'initializing' && info.health !== 'recovering' && !info.destroying)
    })
    const info = await h.store.shard(this.key)
    const holds = await Promise.all((['one', 'two'] as const).map(async (mode) => (await h.store.find(carOf(this.key, mode).blocks[2]!.cid.multihash.bytes)).length > 0 ? [mode] : []))
    const [indexed] = holds.flat()
    const found = possible.find((state) => state.health === info?.health && state.retry === info?.error?.retry && state.attempts === (info?.error?.attempts ?? 0) &&
      timeOf(state) === info?.error?.nextRetryAt && (info === undefined || state.url === info.mountUrl) && state.indexed === indexed &&
      (!state.indexLost || info?.indexGeneration === generation))
    expect(found, `${this.toString()}, answered: ${answered}; found ${JSON.stringify({ ...info, indexed })}, possible ${JSON.stringify(possible)}`).toBeDefined()
    model.set(this.key, { ...found!, session: undefined, cached: false, leases: [] })
  }

  call ({ store }: Harness, url: string, moved: string): Promise<unknown> {
    switch (this.cut) {
      case 'register': return store.register(this.key, url)
      case 'eager': return store.register(this.key, url, { indexing: 'eager' })
      case 'acquire': return store.acquire(this.key).then((lease) => lease.close())
      case 'recover': return store.recover(this.key)
      case 'refresh': return store.refresh(this.key, { mount: moved })
      case 'destroy': return store.destroy(this.key)
    }
  }
  override toString (): string { return `Crash(${this.key} ${this.cut}, ${this.changes} changes)` }
}

const key = fc.constantFrom(...KEYS)
const commands = fc.commands([
  key.map((k) => new Register(k)),
  key.map((k) => new RegisterEagerly(k)),
  fc.tuple(key, fc.integer({ min: 1, max: 4 })).map(([k, count]) => new Acquire(k, count)),
  key.map((k) => new Initialize(k)),
  fc.tuple(key, fc.boolean()).map(([k, moves]) => new Refresh(k, moves)),
  key.map((k) => new Wait(k)),
  key.map((k) => new Withdraw(k)),
  fc.tuple(key, fc.nat(7)).map(([k, pick]) => new Release(k, pick)),
  key.map((k) => new Recover(k)),
  fc.tuple(key, fc.constantFrom('drain' as const, 'force' as const)).map(([k, mode]) => new Destroy(k, mode)),
  fc.tuple(key, fc.constantFrom<Mode>('one', 'two', 'bad', 'away')).map(([k, mode]) => new ChangeSource(k, mode)),
  key.map((k) => new LoseIndex(k)),
  key.map((k) => new ReadAcross(k)),
  key.map((k) => new Restart(k)),
  fc.tuple(key, fc.constantFrom(...Object.keys(EFFECTS) as Cut[]), fc.nat(14)).map(([k, cut, changes]) => new Crash(k, cut, changes)),
], { maxCommands: 40, size: '+1' })

describe('the store and its model', () => {
  it(`agree after any calls; seed ${SEED}, ${RUNS} runs`, async () => {
    await fc.assert(fc.asyncProperty(commands, async (run) => {
      const world = await createCrashWorld(SEED)
      const h = await openHarness({ clock, random }, { db: world.db, files: world.fs.directory })
      for (const k of KEYS) setSource(h, k, 'one')
      const model: Model = new Map(KEYS.map((k) => [k, newShard(k)]))
      const real: Real = { h: { ...h, world } }
      try {
        await fc.asyncModelRun(() => ({ model, real }), run)
        for (const [k, { health }] of model) if (health !== undefined) await real.h.store.destroy(k, { mode: 'force' })
      } finally {
        await real.h.store.close()
      }
      expect(h.sources.open, 'sources left open').toBe(0)
      expect(await namesIn(real.h.files), 'files left over').toEqual([])
    }), { seed: SEED, numRuns: RUNS })
  })
})
