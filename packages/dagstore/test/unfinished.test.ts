/** What could not be ended is gone on with by the store itself, in this process and in the next one. */
import { createCrashWorld, createFakeClock, type CrashWorld, type FakeClock, type Operation } from '@dagstore-tooling/testkit'
import { IoError } from '@dagstore/io'
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import { openCatalogue } from '../src/index.ts'
import { PATIENCE_MS } from '../src/runner/patience.ts'
import { codeOf, gate, type Harness, makeCar, namesIn, openHarness, rejection, Sources, until } from './harness.ts'

const [car, other] = [makeCar(1), makeCar(2)]

interface Ward { readonly h: Harness, readonly world: CrashWorld, readonly clock: FakeClock, sick: (operation: Operation) => boolean }

const openWard = async (seed: string): Promise<Ward> => {
  const world = await createCrashWorld(seed)
  const clock = createFakeClock()
  const h = await openHarness({ clock }, { db: world.db, files: world.fs.directory })
  const ward: Ward = { h, world, clock, sick: () => false }
  world.faults.failAt((operation) => ward.sick(operation), () => new IoError('IO_FAILED', 'injected'), Number.POSITIVE_INFINITY)
  return ward
}

const isDatabaseWrite = ({ kind }: Operation): boolean => kind === 'batch'
/** Acquire the shard `a`, whose database cannot be written from when its bytes are there. Gives what the call is rejected with. */
const acquireWhileSick = async (ward: Ward): Promise<{ readonly call: Promise<unknown> }> => {
  const { h } = ward
  const opening = gate()
  h.sources.place('a').before = async (step) => { if (step === 'open') await opening.passed }
  const call = rejection(h.store.acquire('a'))
  await until(() => h.sources.opens.get('a') === 1)
  ward.sick = isDatabaseWrite
  opening.open()
  return { call }
}
const unsaved = ({ events }: Harness): number => events.filter(({ type }) => type === 'unsaved').length

describe('a store whose database fails for a while', () => {
  it('indexes a shard whose build could not be recorded once it can be, after growing pauses', async () => {
    const ward = await openWard('build')
    const { h, clock } = ward
    await h.store.register('a', h.sources.put('a', car))
    const { call } = await acquireWhileSick(ward)
    expect(await call).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', cause: { code: 'TOP_LEVEL_INDEX_FAILED' } })
    expect(await h.store.shard('a')).toMatchObject({ health: 'initializing', error: undefined })
    // its file is there, and named
    expect(await namesIn(h.files)).toHaveLength(1)
    expect((await h.store.gc({ dryRun: true })).items).toEqual([])
    await clock.advance(1000)
    await until(() => unsaved(h) === 2)
    await clock.advance(1999)
    expect(unsaved(h)).toBe(2)
    await clock.advance(1)
    await until(() => unsaved(h) === 3)
    ward.sick = () => false
    await clock.advance(4000)
    await until(async () => (await h.store.shard('a'))?.health === 'available')
    expect(await h.store.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    expect(await namesIn(h.files)).toHaveLength(1)
    await h.store.close()
    expect(h.sources.open).toBe(0)
  })

  it('tells whoever comes meanwhile, and begins anew for who comes when it is over', async () => {
    const ward = await openWard('call')
    const { h } = ward
    await h.store.register('a', h.sources.put('a', new Uint8Array(7)))
    const { call } = await acquireWhileSick(ward)
    // the reason is told, though it could not be written down
    expect(codeOf(await call)).toBe('DAGSTORE_SHARD_ERRORED')
    expect(codeOf(await rejection(h.store.acquire('a')))).toBe('DAGSTORE_STORAGE_FAILED')
    ward.sick = () => false
    h.sources.put('a', car)
    await (await h.store.acquire('a')).close()
    expect(await h.store.shard('a')).toMatchObject({ health: 'available' })
    await h.store.close()
  })

  it('undoes a refresh whose end could not be recorded, beside the leases that are out', async () => {
    const ward = await openWard('refresh')
    const { h, clock } = ward
    await h.store.register('a', h.sources.put('a', car))
    const lease = await h.store.acquire('a')
    h.sources.put('moved', other)
    const opening = gate()
    h.sources.place('moved').before = async (step) => { if (step === 'open') await opening.passed }
    const call = rejection(h.store.refresh('a', { mount: 'test:moved' }))
    await until(() => h.sources.opens.get('moved') === 1)
    ward.sick = isDatabaseWrite
    opening.open()
    expect(codeOf(await call)).toBe('DAGSTORE_STORAGE_FAILED')
    ward.sick = () => false
    expect(await namesIn(h.files)).toHaveLength(2)
    await clock.advance(1000)
    await until(async () => (await namesIn(h.files)).length === 1)
    const another = await h.store.acquire('a')
    for (const each of [lease, another]) {
      expect(await each.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
      await each.close()
    }
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', mountUrl: 'test:a', indexGeneration: 1 })
    await h.store.close()
    expect(h.sources.open).toBe(0)
  })
})

describe('a retry whose beginning could not be recorded', () => {
  it('is made when the database is well again, though nothing else happens', async () => {
    const ward = await openWard('retry')
    const { h, clock } = ward
    h.sources.put('a', car)
    h.sources.place('a').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
    expect(codeOf(await rejection(h.store.register('a', 'test:a', { indexing: 'eager' })))).toBe('DAGSTORE_SHARD_ERRORED')
    ward.sick = isDatabaseWrite
    h.sources.place('a').before = async () => {}
    await clock.advance(1000)
    await until(() => unsaved(h) === 1)
    ward.sick = () => false
    await until(async () => {
      await clock.advance(1000)
      return (await h.store.shard('a'))?.health === 'available'
    })
    await h.store.close()
  })
})

describe('a destruction that fails half-way', () => {
  it('goes on by itself when the disk is well again', async () => {
    const ward = await openWard('destroy')
    const { h, clock } = ward
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    ward.sick = ({ kind }) => kind === 'remove'
    expect(codeOf(await rejection(h.store.destroy('a')))).toBe('DAGSTORE_STORAGE_FAILED')
    expect(await h.store.shard('a')).toMatchObject({ destroying: true })
    ward.sick = () => false
    await clock.advance(1000)
    await until(async () => await h.store.shard('a') === undefined)
    expect(await namesIn(h.files)).toEqual([])
    expect(unsaved(h)).toBe(0)
    await h.store.close()
  })
})

describe('a store that finds much unfinished', () => {
  it('goes on with all of it, though the sources of most hang', async () => {
    const sources = new Sources()
    const h = await openHarness({}, { sources })
    const keys = Array.from({ length: 260 }, (_, at) => `k${String(at).padStart(3, '0')}`)
    for (const key of keys) await h.store.register(key, sources.put(key, car))
    const catalogue = await openCatalogue(h.db)
    for (const key of keys) {
      const stored = (await catalogue.get(key))!
      await catalogue.commit([{ key, ifVersion: stored.version, record: { ...stored.record, health: 'initializing' } }])
      if (key < 'k257') sources.place(key).before = (step) => step === 'open' ? new Promise(() => {}) : Promise.resolve()
    }
    const clock = createFakeClock()
    const next = await h.reopen({ clock, maxConcurrentIndexing: 300 })
    await until(() => keys.filter((key) => sources.opens.get(key) === 1).length === 256)
    await clock.advance(PATIENCE_MS)
    await until(async () => (await next.store.shard('k259'))?.health === 'available')
    await next.store.close()
    expect(sources.open).toBe(0)
  })
})

