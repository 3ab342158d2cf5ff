/** Each operation on disk and database fails once, or from there on until the disk is well again: what was answered holds, and all heals. */
import { type CrashWorld, createCrashWorld, type Operation } from '@dagstore-tooling/testkit'
import { indexName } from '@dagstore/index-repo'
import { IoError } from '@dagstore/io'
import { transientName } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { Dagstore } from '../src/index.ts'
import { collectAll, type Harness, makeCar, namesIn, openHarness, Sources, type TestCar } from './harness.ts'

/** Every how many operations one is made to fail. */
const STRIDE = process.env['DAGSTORE_LONG'] === undefined ? 5 : 1

const KEYS = ['a', 'b', 'c', 'd']
const cars = new Map<string, TestCar>(KEYS.map((key, at) => [key, makeCar(20 + at, 5)]))
const isSequential = (key: string): boolean => key === 'b' || key === 'c'
const accessOf = (key: string): 'sequential' | 'random' => (isSequential(key) ? 'sequential' : 'random')

const sourcesOf = (broken: readonly string[]): Sources => {
  const sources = new Sources()
  for (const [key, car] of cars) {
    sources.put(key, broken.includes(key) ? new Uint8Array(5) : car, { access: accessOf(key) })
    sources.put(`moved-${key}`, car, { access: accessOf(key) })
  }
  return sources
}
const mend = (sources: Sources): void => { for (const [key, car] of cars) sources.put(key, car, { access: accessOf(key) }) }

/** Until `look` has nothing to say; turns of the event loop are counted, time is not. */
const until = async (look: () => Promise<string>): Promise<void> => {
  let said = await look()
  for (let turn = 0; turn < 2000 && said !== ''; turn++) {
    await new Promise((resolve) => { setImmediate(resolve) })
    said = await look()
  }
  if (said !== '') throw new Error(said)
}

const open = ({ db, fs }: CrashWorld, sources: Sources): Promise<Harness> => openHarness({ retry: { attempts: 0 } }, { db, files: fs.directory, sources })

type Promised = 'registered' | 'indexed' | 'gone'
/** One call; `promises` is what its answer says of its key. */
interface Call { readonly key: string | undefined, readonly promises: Promised, readonly make: (h: Harness) => Promise<unknown> }

const register = (key: string): Call => ({ key, promises: 'registered', make: ({ store }) => store.register(key, `test:${key}`) })
const eager = (key: string): Call => ({ key, promises: 'indexed', make: ({ store }) => store.register(key, `test:${key}`, { indexing: 'eager' }) })
const acquire = (key: string): Call => ({
  key,
  promises: 'indexed',
  make: async ({ store }) => {
    await using lease = await store.acquire(key)
    return lease.blockstore.bytes(lease.roots[0]!)
  },
})
const recover = (key: string): Call => ({ key, promises: 'indexed', make: ({ store }) => store.recover(key) })
const refresh = (key: string, mount?: string): Call => ({ key, promises: 'registered', make: ({ store }) => store.refresh(key, { mount }) })
const destroy = (key: string): Call => ({ key, promises: 'gone', make: ({ store }) => store.destroy(key) })
const gc: Call = { key: undefined, promises: 'registered', make: ({ store }) => store.gc() }
const importAll = (lines: () => readonly Uint8Array[]): Call => ({
  key: undefined,
  promises: 'registered',
  make: async ({ store }) => {
    for await (const outcome of store.importShards(lines())) if (!outcome.ok) throw outcome.error
  },
})

interface Story {
  readonly name: string
  readonly broken?: readonly string[]
  readonly before: readonly Call[]
  /** Between `before` and `calls`, while everything works. */
  readonly change?: (h: Harness) => Promise<void> | void
  readonly calls: readonly Call[]
}

let exported: readonly Uint8Array[] = []
const STORIES: readonly Story[] = [
  { name: 'register', before: [], calls: [register('a'), eager('b'), eager('d')] },
  { name: 'fetch, index and publish by an acquire', before: [register('a'), register('b')], calls: [acquire('a'), acquire('b'), acquire('b')] },
  { name: 'destroy', before: [eager('a'), eager('b'), register('c')], calls: [destroy('b'), destroy('c'), destroy('a')] },
  { name: 'recover', broken: ['a', 'b'], before: [eager('a'), eager('b')], change: ({ sources }) => { mend(sources) }, calls: [recover('a'), recover('b')] },
  { name: 'gc', before: [eager('a'), eager('b'), eager('c')], calls: [gc, acquire('b')] },
  { name: 'refresh', before: [eager('a'), eager('b')], change: ({ sources }) => { for (const key of ['a', 'b']) sources.place(key).version = 2 }, calls: [refresh('a'), refresh('b', 'test:moved-b')] },
  { name: 'a lost index', before: [eager('a'), eager('b')], change: ({ files }) => files.remove(`index/${indexName('a', 1)}`), calls: [acquire('a'), acquire('b')] },
  { name: 'importShards', before: [eager('a')], change: async ({ store }) => { exported = await exportWith(store) }, calls: [importAll(() => exported), acquire('c')] },
]

/** What a store with all shards would export. */
const exportWith = async (store: Dagstore): Promise<readonly Uint8Array[]> => {
  await using full = await openHarness({}, { sources: sourcesOf([]) })
  for (const key of KEYS) await full.store.register(key, `test:${key}`)
  expect(await collectAll(store.shards())).toHaveLength(1)
  return collectAll(full.store.exportShards())
}

type Known = Map<string, Promised | 'unknown'>

const prepare = async (seed: string, { broken = [], before, change }: Story): Promise<{ world: CrashWorld, sources: Sources, known: Known }> => {
  const world = await createCrashWorld(seed)
  const sources = sourcesOf(broken)
  const known: Known = new Map()
  const h = await open(world, sources)
  for (const { key, promises, make } of before) {
    const done = await make(h).then(() => true, () => false)
    if (key !== undefined) known.set(key, done ? promises : 'registered')
  }
  await change?.(h)
  await h.store.close()
  return { world, sources, known }
}

/** Make the calls, and note what was answered. */
const perform = async (h: Harness, calls: readonly Call[], known: Known): Promise<number> => {
  let refused = 0
  for (const { key, promises, make } of calls) {
    const before = key === undefined ? undefined : known.get(key)
    try {
      await make(h)
      if (key === undefined) continue
      // a refresh says of an indexed shard that it still is
      known.set(key, promises === 'registered' && before === 'indexed' ? 'indexed' : promises)
    } catch (error) {
      expect(error).toHaveProperty('code')
      refused++
      // a refresh, or a registration, that fails leaves the shard as it was
      if (key !== undefined) known.set(key, promises === 'gone' || before === undefined || before === 'gone' ? 'unknown' : promises === 'registered' ? before : 'registered')
    }
  }
  return refused
}

/** What was answered holds; whatever is not well is made so by a call, and then everything is as if nothing had happened. */
const heals = async (h: Harness, known: Known): Promise<void> => {
  for (const [key, promised] of known) {
    const info = await h.store.shard(key)
    if (promised === 'gone') expect(info, key).toBeUndefined()
    if (promised === 'registered' || promised === 'indexed') expect(info, key).toBeDefined()
    if (promised === 'indexed') expect(info?.health, key).toBe('available')
    if (info?.destroying === true) await h.store.destroy(key)
  }
  // a shard whose failure could not be recorded goes on with the next call, after a while, or at the next start
  for (const { key, health, error } of await collectAll(h.store.shards())) {
    if (health === 'errored' && error?.retry === 'never') await h.store.recover(key)
    await using lease = await h.store.acquire(key)
    for (const { cid, data } of cars.get(key)!.blocks) {
      expect(await lease.blockstore.bytes(cid)).toEqual(data)
      expect(await h.store.find(cid.multihash.bytes)).toEqual([key])
    }
  }
}

const leavesNothing = async (world: CrashWorld, sources: Sources, known: Known): Promise<void> => {
  const h = await open(world, sources)
  await heals(h, known)
  const infos = await collectAll(h.store.shards())
  const expected = infos.flatMap(({ key, indexGeneration, dataGeneration }) => [
    `index/${indexName(key, indexGeneration)}`, ...(isSequential(key) ? [`transients/${transientName(key, dataGeneration)}`] : []),
  ])
  await until(async () => (await namesIn(world.fs.directory)).filter((name) => !expected.includes(name)).join(' '))
  expect((await namesIn(world.fs.directory)).sort()).toEqual(expected.sort())
  for (const { key } of infos) await h.store.destroy(key)
  expect(await namesIn(world.fs.directory)).toEqual([])
  expect(h.sources.open).toBe(0)
  await h.store.close()
}

const changes = ({ kind }: Operation): boolean => kind !== 'read'

describe.each(STORIES)('while calls are answered: $name', (story) => {
  it.each([
    { what: 'a full disk', code: 'IO_FULL', matches: changes, retry: 'later' },
    { what: 'a disk that fails', code: 'IO_FAILED', matches: () => true, retry: undefined },
  ] as const)('$what, at each operation', async ({ code, matches, retry }) => {
    const whole = await prepare(story.name, story)
    const start = whole.world.faults.operations
    const first = await open(whole.world, whole.sources)
    expect(await perform(first, story.calls, whole.known)).toBe(0)
    await first.store.close()
    const operations = whole.world.faults.operations - start
    await leavesNothing(whole.world, whole.sources, whole.known)

    let refused = 0
    for (let at = 0; at < operations; at += STRIDE) {
      for (const times of [1, Number.POSITIVE_INFINITY]) {
        const { world, sources, known } = await prepare(story.name, story)
        let sick = true
        const from = world.faults.operations + at
        world.faults.failAt((operation) => sick && operation.index >= from && matches(operation), () => new IoError(code, 'injected', retry === undefined ? {} : { retry }), times)
        try {
          const h = await open(world, sources).catch(() => undefined)
          refused += h === undefined ? 1 : await perform(h, story.calls, known)
          sick = false
          if (h !== undefined) await heals(h, known)
          await h?.store.close()
          await leavesNothing(world, sources, known)
        } catch (cause) {
          throw new Error(`broken; story=${story.name} code=${code} at=${at} times=${times}\n${world.faults.log.slice(from - at).join('\n')}\n${String(cause instanceof Error ? cause.stack : cause)}`, { cause })
        }
      }
    }
    expect(refused).toBeGreaterThan(0)
  })
})
