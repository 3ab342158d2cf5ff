/** The store, cut off after each of its writes: what the next process finds, and what it makes of it. */
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { indexName } from '@dagstore/index-repo'
import { MountError, transientName } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { Dagstore, ShardInfo } from '../src/index.ts'
import { collectAll, type Harness, makeCar, namesIn, openHarness, Sources, type TestCar, until } from './harness.ts'

const cars: Record<string, TestCar> = { a: makeCar(1, 5), b: makeCar(2, 5), c: makeCar(3, 5), d: makeCar(4, 5) }
const SEQUENTIAL = new Set(['b', 'c'])

const sourcesOf = (broken: readonly string[] = []): Sources => {
  const sources = new Sources()
  for (const [key, car] of Object.entries(cars)) {
    const access = SEQUENTIAL.has(key) ? 'sequential' : 'random'
    sources.put(key, broken.includes(key) ? new Uint8Array(5) : car, { access })
    sources.put(`moved-${key}`, car, { access })
  }
  return sources
}

const open = ({ db, fs }: CrashWorld, sources: Sources): Promise<Harness> => openHarness({}, { db, files: fs.directory, sources })

/** What was acknowledged before the cut; of a shard under destruction, nothing is known. */
type Known = Map<string, 'registered' | 'indexed' | 'moved' | 'gone' | undefined>

const settled = async (store: Dagstore): Promise<ShardInfo[]> => {
  let infos: ShardInfo[] = []
  await until(async () => {
    infos = await collectAll(store.shards())
    return infos.every(({ health, destroying }) => health !== 'initializing' && health !== 'recovering' && !destroying)
  })
  return infos
}

/** The invariants of `docs/formats/catalogue.md`, and that what was acknowledged holds. */
const checkStore = async (world: CrashWorld, known: Known, rebuilds: boolean): Promise<void> => {
  const h = await open(world, sourcesOf())
  const infos = await settled(h.store)
  const byKey = new Map(infos.map((info) => [info.key, info]))
  for (const [key, state] of known) {
    if (state === 'gone') expect(byKey.has(key), `${key} is gone`).toBe(false)
    if (state !== 'gone' && state !== undefined) expect(byKey.has(key), `${key} is registered`).toBe(true)
    if (state === 'indexed' || state === 'moved') expect(byKey.get(key)?.health, `${key} is indexed`).toBe('available')
    if (state === 'moved') expect(byKey.get(key)?.mountUrl).toBe(`test:moved-${key}`)
  }
  // what is on disk is what the records name, and nothing else
  const expected = infos.flatMap(({ key, indexGeneration, dataGeneration }) => [
    ...(indexGeneration > 0 ? [`index/${indexName(key, indexGeneration)}`] : []),
    ...(dataGeneration > 0 && SEQUENTIAL.has(key) ? [`transients/${transientName(key, dataGeneration)}`] : []),
  ])
  const health = new Map(infos.map((info) => [info.key, info.health]))
  await until(async () => (await namesIn(world.fs.directory)).every((name) => expected.includes(name)))
  for (const [key, car] of Object.entries(cars)) {
    const { cid, data } = car.blocks[2]!
    if (health.get(key) === 'available') {
      expect(await h.store.blockstore.bytes(cid)).toEqual(data)
      expect(await h.store.find(cid.multihash.bytes)).toEqual([key])
    } else {
      expect(await h.store.find(cid.multihash.bytes)).toEqual([])
    }
  }
  // an index that was committed is good
  if (!rebuilds) expect(h.events.filter(({ type }) => type === 'index-unusable')).toEqual([])
  for (const { key } of infos) {
    if (health.get(key) === 'errored') await h.store.recover(key)
    const lease = await h.store.acquire(key)
    expect(await lease.blockstore.bytes(cars[key]!.blocks[0]!.cid)).toEqual(cars[key]!.blocks[0]!.data)
    await lease.close()
    await h.store.destroy(key)
  }
  expect(await namesIn(world.fs.directory)).toEqual([])
  expect(h.events.filter(({ type }) => type === 'unsaved' || type === 'postponed')).toEqual([])
  await h.store.close()
}

const scenario = (seed: string, broken: readonly string[], run: (h: Harness, known: Known) => Promise<void>, prepare?: (h: Harness, known: Known) => Promise<void>): Promise<number> => {
  let known: Known = new Map()
  return everyCrash({
    seed,
    prepare: async (world) => {
      known = new Map()
      const h = await open(world, sourcesOf(broken))
      await prepare?.(h, known)
      await h.store.close()
    },
    run: async (world) => {
      const h = await open(world, sourcesOf(broken))
      try {
        await run(h, known)
      } finally {
        await h.store.close()
      }
    },
    check: (world) => checkStore(world, known, seed === 'rebuild' || seed === 'refresh'),
  })
}

describe('a store cut off after each write', () => {
  it('while shards are registered, lazily and eagerly', async () => {
    const cuts = await scenario('register', [], async ({ store }, known) => {
      for (const key of ['a', 'b']) {
        await store.register(key, `test:${key}`)
        known.set(key, 'registered')
      }
      for (const key of ['c', 'd']) {
        await store.register(key, `test:${key}`, { indexing: 'eager' })
        known.set(key, 'indexed')
      }
    })
    expect(cuts).toBeGreaterThan(15)
  })

  it('while a shard is indexed by an acquire, one after the other and at once', async () => {
    await scenario('acquire', [], async ({ store }, known) => {
      await (await store.acquire('a')).close()
      known.set('a', 'indexed')
      await Promise.all(['b', 'c', 'd'].map(async (key) => { await (await store.acquire(key, { registerAs: `test:${key}` })).close() }))
      for (const key of ['b', 'c', 'd']) known.set(key, 'indexed')
    }, async ({ store }, known) => {
      await store.register('a', 'test:a')
      known.set('a', 'registered')
    })
  })

  it('while shards are destroyed', async () => {
    await scenario('destroy', [], async ({ store }, known) => {
      for (const key of ['a', 'b', 'd']) {
        known.set(key, undefined)
        await store.destroy(key)
        known.set(key, 'gone')
      }
    }, async ({ store }, known) => {
      for (const key of ['a', 'b', 'c']) {
        await store.register(key, `test:${key}`, { indexing: 'eager' })
        known.set(key, 'indexed')
      }
      await store.register('d', 'test:d')
    })
  })

  it('while a key is destroyed and registered again', async () => {
    await scenario('again', [], async ({ store }, known) => {
      known.set('b', undefined)
      await store.destroy('b')
      known.set('b', 'gone')
      known.set('b', undefined)
      await store.register('b', 'test:b', { indexing: 'eager' })
      known.set('b', 'indexed')
    }, async ({ store }) => { await store.register('b', 'test:b', { indexing: 'eager' }) })
  })

  it('while an errored shard is recovered', async () => {
    await scenario('recover', ['b', 'a'], async ({ store, sources }, known) => {
      for (const key of ['a', 'b']) {
        sources.put(key, cars[key]!)
        await store.recover(key)
        known.set(key, 'indexed')
      }
    }, async ({ store }, known) => {
      for (const key of ['a', 'b']) {
        await store.register(key, `test:${key}`, { indexing: 'eager' }).catch(() => {})
        known.set(key, 'registered')
      }
    })
  })

  it('while shards are refreshed, of changed bytes and of another mount', async () => {
    await scenario('refresh', [], async ({ store, sources }, known) => {
      for (const key of ['a', 'b']) {
        sources.place(key).version++
        await store.refresh(key)
      }
      for (const key of ['c', 'd']) {
        await store.refresh(key, { mount: `test:moved-${key}` })
        known.set(key, 'moved')
      }
    }, async ({ store }, known) => {
      for (const key of ['a', 'b', 'c', 'd']) {
        await store.register(key, `test:${key}`, { indexing: 'eager' })
        known.set(key, 'indexed')
      }
    })
  })

  it('while a failure is noted, and the shard is tried again', async () => {
    await scenario('retry', [], async ({ store, sources }, known) => {
      sources.place('a').before = async (step) => { if (step === 'open') throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
      await store.acquire('a').catch(() => {})
      sources.place('a').before = async () => {}
      await (await store.acquire('a')).close()
      known.set('a', 'indexed')
    }, async ({ store }, known) => {
      await store.register('a', 'test:a')
      known.set('a', 'registered')
    })
  })

  it('while a lost index is rebuilt, and an old one is given up with its last lease', async () => {
    await scenario('rebuild', [], async ({ store, files, sources }, known) => {
      await files.remove(`index/${indexName('a', 1)}`)
      await (await store.acquire('a')).close()
      sources.place('d').version = 2
      await (await store.acquire('d')).close()
      known.set('d', 'indexed')
    }, async ({ store }, known) => {
      for (const key of ['a', 'd']) {
        await store.register(key, `test:${key}`, { indexing: 'eager' })
        known.set(key, 'registered')
      }
    })
  })
})
