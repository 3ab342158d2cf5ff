/** Which shards a read across shards asks, in which order, and what it says when they fail. */
import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory } from '@dagstore/io'
import { createMountRegistry } from '@dagstore/mounts'
import { createMemoryTopLevelIndex, type TopLevelIndex, TopLevelIndexError } from '@dagstore/top-level-index'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { createRecentFailures } from '../src/cross-shard/recent-failures.ts'
import { createMemoryCatalogue, openDagstore } from '../src/index.ts'
import { codeOf, collectAll, gate, makeCar, openHarness, rejection, Sources, until, WrongReads } from './harness.ts'

interface Counts { finds: number, together: number[] }

const counted = async (over: (top: TopLevelIndex) => Partial<TopLevelIndex> = () => ({}), { maxOpenShards = 64, catalogue = createMemoryCatalogue(), files = createMemoryDirectory('test') } = {}) => {
  const counts: Counts = { finds: 0, together: [] }
  const top = createMemoryTopLevelIndex()
  const watched: TopLevelIndex = {
    ...top,
    find: async (multihash, options) => { counts.finds++; return top.find(multihash, options) },
    findMany: async (multihashes, options) => { counts.together.push(multihashes.length); return top.findMany(multihashes, options) },
    ...over(top),
  }
  const sources = new Sources()
  const store = await openDagstore({
    maxOpenShards, catalogue, topLevelIndex: watched, files, mounts: createMountRegistry([sources]), hashes: createHashes(), clock: createFakeClock(),
  })
  return { store, sources, counts }
}

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>
const bytesOf = async (pairs: AsyncIterable<{ bytes: Bytes }> | Iterable<{ bytes: Bytes }>): Promise<Uint8Array[]> => {
  const all: Uint8Array[] = []
  for await (const { bytes } of pairs) all.push(Buffer.concat(await collectAll(bytes)))
  return all
}

describe('createRecentFailures', () => {
  it('forgets a failure after a while, after a success, and the oldest of very many', async () => {
    const clock = createFakeClock()
    const recent = createRecentFailures(clock)
    recent.note('a')
    recent.note('b')
    recent.clear('b')
    expect([recent.has('a'), recent.has('b'), recent.has('c')]).toEqual([true, false, false])
    await clock.advance(9999)
    expect(recent.has('a')).toBe(true)
    await clock.advance(2)
    expect(recent.has('a')).toBe(false)
    for (let at = 0; at < 1025; at++) recent.note(`k${at}`)
    expect([recent.has('k0'), recent.has('k1'), recent.has('k1024')]).toEqual([false, true, true])
  })
})

describe('a read across shards', () => {
  it('asks the shard that was read last before the top-level index', async () => {
    const { store, sources, counts } = await counted()
    const [one, two] = [makeCar(1, 20), makeCar(2, 20)]
    await store.register('a', sources.put('a', one), { indexing: 'eager' })
    await store.register('b', sources.put('b', two), { indexing: 'eager' })
    for (const { cid, data } of [...one.blocks, ...two.blocks]) expect(await store.blockstore.bytes(cid)).toEqual(data)
    expect(counts.finds).toBe(2)
    await store.close()
  })

  it('asks the top-level index for no block of a shard that is open', async () => {
    const { store, sources, counts } = await counted()
    const cars = Array.from({ length: 5 }, (_, at) => makeCar(at, 20))
    for (const [at, car] of cars.entries()) await store.register(`k${at}`, sources.put(`k${at}`, car), { indexing: 'eager' })
    for (let at = 0; at < 20; at++) {
      // never in the shard that was read last
      for (const { blocks } of cars) expect(await store.blockstore.bytes(blocks[at]!.cid)).toEqual(blocks[at]!.data)
    }
    expect(counts.finds).toBe(5)
    expect(await store.blockstore.has(makeCar(9, 1).blocks[0]!.cid)).toBe(false)
    expect(counts.finds).toBe(6)
    await store.destroy('k3')
    expect(await store.blockstore.has(cars[3]!.blocks[0]!.cid)).toBe(false)
    await store.close()
  })

  it.each([20, 10_000])('does not let a lease of the index before, of %i blocks, decide about a block of the new one', async (blocks) => {
    const catalogue = createMemoryCatalogue()
    let held: Promise<void> | undefined
    const commit = catalogue.commit.bind(catalogue)
    // durable, and found by others, before the shard's machine hears of it
    catalogue.commit = async (changes) => {
      const outcome = await commit(changes)
      if (held !== undefined && changes.some(({ record }) => record?.index?.generation === 2)) await held
      return outcome
    }
    // not in memory: of a large index, only reading tells what it lists
    const { store, sources } = await counted(undefined, { catalogue, files: new WrongReads().over(createMemoryDirectory('test')) })
    const [one, two] = [makeCar(1, blocks), makeCar(2, 20)]
    await store.register('a', sources.put('a', one), { indexing: 'eager' })
    await store.blockstore.bytes(one.blocks[0]!.cid)
    sources.put('a', two)
    sources.place('a').version++
    const hearing = gate()
    held = hearing.passed
    const refreshing = store.refresh('a')
    await until(async () => (await catalogue.get('a'))?.record.index?.generation === 2)
    const reading = store.blockstore.bytes(two.blocks[0]!.cid)
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    hearing.open()
    expect(await reading).toEqual(two.blocks[0]!.data)
    await refreshing
    await store.close()
  })

  it('looks up many blocks at once', async () => {
    const { store, sources, counts } = await counted(undefined, { maxOpenShards: 1 })
    const cars = Array.from({ length: 8 }, (_, at) => makeCar(at, 10))
    for (const [at, car] of cars.entries()) await store.register(`k${at}`, sources.put(`k${at}`, car), { indexing: 'eager' })
    // neighbours are in different shards
    const wanted = Array.from({ length: 80 }, (_, at) => cars[at % 8]!.blocks[Math.floor(at / 8)]!)
    const read = await bytesOf(store.blockstore.getMany(wanted.map(({ cid }) => cid)))
    expect(read.map((bytes, at) => Buffer.compare(bytes, wanted[at]!.data))).toEqual(wanted.map(() => 0))
    expect(counts).toEqual({ finds: 0, together: [32, 32, 16] })
    await store.close()
  })

  it('finds what was published after the blocks were looked up, and takes no CID early from who gives them one by one', async () => {
    const { store, sources } = await counted()
    const [one, two] = [makeCar(1, 3), makeCar(2, 3)]
    await store.register('a', sources.put('a', one), { indexing: 'eager' })
    const pairs = await collectAll(store.blockstore.getMany([one.blocks[0]!.cid, two.blocks[0]!.cid, one.blocks[1]!.cid]))
    expect(await collectAll(pairs[0]!.bytes)).toEqual([one.blocks[0]!.data])
    await store.register('b', sources.put('b', two), { indexing: 'eager' })
    expect(await collectAll(pairs[1]!.bytes)).toEqual([two.blocks[0]!.data])
    expect(await collectAll(pairs[2]!.bytes)).toEqual([one.blocks[1]!.data])
    let taken = 0
    const slow = (async function * () { for (const { cid } of one.blocks) { taken++; yield cid } })()
    for await (const { bytes } of store.blockstore.getMany(slow)) {
      await collectAll(bytes)
      expect(taken).toBe(1)
      break
    }
    await store.close()
  })

  it('asks a shard that failed a moment ago last', async () => {
    const { store, sources } = await counted()
    const car = makeCar(1, 40)
    let away = false
    for (const key of ['a', 'b']) await store.register(key, sources.put(key, car), { indexing: 'eager' })
    const asked: string[] = []
    for (const key of ['a', 'b']) {
      sources.place(key).before = async (step) => {
        if (step !== 'read') return
        asked.push(key)
        if (key === 'a' && away) throw new Error('away')
      }
    }
    // open, so that a failure is one of the read alone
    const leases = [await store.acquire('a'), await store.acquire('b')]
    const asksOfA = (): number => asked.filter((key) => key === 'a').length
    for (let at = 0; at < 4; at++) await store.blockstore.bytes(car.blocks[at]!.cid)
    away = true
    await store.blockstore.bytes(car.blocks[4]!.cid)
    const before = asksOfA()
    for (let at = 5; at < 10; at++) await store.blockstore.bytes(car.blocks[at]!.cid)
    expect(asksOfA()).toBe(before)
    // alone, it is asked all the same: nothing is said to be absent because of a failure
    await leases[1]!.close()
    await store.destroy('b')
    expect(codeOf(await rejection(store.blockstore.bytes(car.blocks[10]!.cid)))).toBe('BLOCKSTORE_UNREADABLE')
    away = false
    expect(await store.blockstore.bytes(car.blocks[11]!.cid)).toEqual(car.blocks[11]!.data)
    await leases[0]!.close()
    await store.close()
  })

  it('does not let the shard nearby decide about a block that it does not hold', async () => {
    const { store, sources } = await counted()
    const car = makeCar(1, 5)
    await store.register('a', sources.put('a', car), { indexing: 'eager' })
    await store.blockstore.bytes(car.blocks[0]!.cid)
    sources.place('a').before = async (step) => { if (step === 'read') throw new Error('away') }
    expect(codeOf(await rejection(store.blockstore.bytes(makeCar(9, 1).blocks[0]!.cid)))).toBe('BLOCKSTORE_NOT_FOUND')
    const error = await rejection(store.blockstore.bytes(car.blocks[1]!.cid))
    expect(error).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE', cause: { errors: [expect.anything()] } })
    await store.close()
  })

  it('names every cause when all shards fail', async () => {
    await using h = await openHarness()
    const car = makeCar(1, 5)
    for (const key of ['a', 'b', 'c']) {
      await h.store.register(key, h.sources.put(key, car), { indexing: 'eager' })
      h.sources.place(key).before = async (step) => { if (step === 'read') throw new Error(`no ${key}`) }
    }
    const error = await rejection(h.store.blockstore.bytes(car.blocks[0]!.cid)) as { code: string, cause: AggregateError }
    expect(error.code).toBe('BLOCKSTORE_UNREADABLE')
    expect(error.cause.errors.length).toBe(3)
  })

  it('does not take a top-level index that cannot answer for absence', async () => {
    let damaged = false
    const { store, sources } = await counted((top) => ({
      find: async (multihash, options) => {
        if (damaged) throw new TopLevelIndexError('TOP_LEVEL_INDEX_DAMAGED', 'row')
        return top.find(multihash, options)
      },
    }))
    const car = makeCar(1, 5)
    await store.register('a', sources.put('a', car), { indexing: 'eager' })
    damaged = true
    const error = await rejection(store.blockstore.bytes(car.blocks[0]!.cid)) as { code: string, cause: AggregateError }
    expect(error.code).toBe('BLOCKSTORE_UNREADABLE')
    expect(error.cause.errors.map(codeOf)).toEqual(['TOP_LEVEL_INDEX_DAMAGED'])
    expect(codeOf(await rejection(Promise.resolve(store.blockstore.has(car.blocks[0]!.cid))))).toBe('BLOCKSTORE_UNREADABLE')
    damaged = false
    expect(await store.blockstore.has(car.blocks[0]!.cid)).toBe(true)
    await store.close()
  })

  it('says that there are shards it did not look at, rather than that the block is absent', async () => {
    const { store, sources } = await counted(() => ({ find: async () => ({ shards: [], more: true }) }))
    const car = makeCar(1, 5)
    await store.register('a', sources.put('a', car), { indexing: 'eager' })
    expect(codeOf(await rejection(store.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_UNREADABLE')
    await store.close()
  })

  it('refuses to call a block absent, or to list all, while shards are unindexed and an answer for all was asked for', async () => {
    await using h = await openHarness()
    const [one, two] = [makeCar(1, 5), makeCar(2, 5)]
    const [held, absent] = [one.blocks[0]!.cid, two.blocks[0]!.cid]
    await h.store.register('a', h.sources.put('a', one), { indexing: 'eager' })
    await h.store.register('b', h.sources.put('b', two))
    const store = h.store.blockstore
    const complete = { complete: true }
    expect(await store.has(held, complete)).toBe(true)
    expect(await store.bytes(held, complete)).toEqual(one.blocks[0]!.data)
    const calls = [
      store.has(absent, complete), store.bytes(absent, complete), store.size(absent, complete), store.bytesAt(absent, 0, 1, complete), collectAll(store.get(absent, complete)),
      collectAll(store.getAll(complete)), bytesOf(store.getMany([absent], complete)),
    ]
    for (const call of calls) expect(codeOf(await rejection(call))).toBe('BLOCKSTORE_UNREADABLE')
    expect(await store.has(absent)).toBe(false)
    await (await h.store.acquire('b')).close()
    expect(await store.has(absent, complete)).toBe(true)
    expect((await collectAll(store.getAll(complete))).length).toBe(10)
    expect(await store.has(makeCar(9, 1).blocks[0]!.cid, complete)).toBe(false)
  })
})
