import { encodeHeader, PRAGMA, PRAGMA_BYTES } from '@dagstore/carv2'
import { carV1, makeBlock } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import type { CID } from 'multiformats/cid'
import { SharedCache } from '../src/cross-shard/shared-cache.ts'
import { codeOf, collectAll, gate, makeCar, openHarness, rejection, until } from './harness.ts'

const names = (blocks: readonly { readonly cid: CID }[]): string[] => blocks.map(({ cid }) => cid.toString()).sort()

describe('what is kept open for all readers', () => {
  it('is closed by the last of those who use it, when it is dropped meanwhile', async () => {
    const closed: string[] = []
    const cache = new SharedCache(async (name: string) => ({ close: async () => { closed.push(name) } }), (name) => name, 4)
    const [first, second] = [gate(), gate()]
    const uses = [cache.use('a', () => first.passed), cache.use('a', () => second.passed)]
    await Promise.resolve()
    cache.drop('a')
    first.open()
    await uses[0]
    await cache.use('a', async () => {})
    expect(closed).toEqual([])
    second.open()
    await uses[1]
    await until(() => closed.length > 0)
    await cache.clear()
    expect(closed).toEqual(['a', 'a'])
  })

  it('is opened again by whoever comes after a failure, also while others are being told of that', async () => {
    let opens = 0
    const cache = new SharedCache(async (_: string) => {
      if (++opens === 1) throw new Error('away')
      return { close: async () => {} }
    }, (name) => name, 4)
    const use = (): Promise<string> => cache.use('a', async () => 'opened')
    const [again, told] = [use().catch(use), rejection(cache.use('a', async () => {}, { signal: new AbortController().signal }))]
    expect(await again).toBe('opened')
    expect(await told).toMatchObject({ message: 'away' })
    expect(opens).toBe(2)
  })
})

describe('the blockstore over all shards', () => {
  it('says how many shards have no index yet when it does not find a block', async () => {
    await using h = await openHarness()
    const absent = makeCar(99, 1).blocks[0]!.cid
    expect(await rejection(h.store.blockstore.bytes(absent))).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 0 })
    await h.store.register('a', h.sources.put('a', makeCar(1)))
    await h.store.register('b', h.sources.put('b', new Uint8Array(3)))
    await rejection(h.store.acquire('b'))
    await h.store.register('c', h.sources.put('c', makeCar(3)), { indexing: 'eager' })
    expect(await rejection(h.store.blockstore.bytes(absent))).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 2 })
    await using again = await h.reopen()
    expect(await rejection(Promise.resolve(again.store.blockstore.size(absent)))).toMatchObject({ unindexedShards: 2 })
    await again.store.destroy('b')
    expect(await rejection(again.store.blockstore.bytes(absent))).toMatchObject({ unindexedShards: 1 })
    expect(await again.store.blockstore.has(absent)).toBe(false)
  })

  it('does not find the blocks of shards that were never indexed, and finds them once they are', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car))
    expect(await h.store.blockstore.has(car.blocks[0]!.cid)).toBe(false)
    await (await h.store.acquire('a')).close()
    expect(await h.store.blockstore.has(car.blocks[0]!.cid)).toBe(true)
  })

  it('keeps idle shards open up to its limit, those used last', async () => {
    await using h = await openHarness({ maxOpenShards: 3 })
    const cars = Array.from({ length: 8 }, (_, at) => makeCar(at, 3))
    for (const [at, car] of cars.entries()) await h.store.register(`k${at}`, h.sources.put(`k${at}`, car), { indexing: 'eager' })
    for (const car of cars) await h.store.blockstore.bytes(car.blocks[0]!.cid)
    expect(h.sources.open).toBeLessThanOrEqual(3)
    const before = h.sources.opens.get('k7')
    for (let round = 0; round < 5; round++) await h.store.blockstore.bytes(cars[7]!.blocks[1]!.cid)
    expect(h.sources.opens.get('k7')).toBe(before)
    await Promise.all(cars.flatMap((car) => car.blocks.map(({ cid }) => h.store.blockstore.bytes(cid))))
    expect((await collectAll(h.store.shards())).reduce((sum, { leases }) => sum + leases, 0)).toBeLessThanOrEqual(3)
  })

  it('does not stand in the way of a destruction or a recovery', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    await h.store.blockstore.bytes(car.blocks[0]!.cid)
    expect(await h.store.shard('a')).toMatchObject({ leases: 1 })
    await h.store.destroy('a')
    expect(h.sources.open).toBe(0)
  })

  it('does not find the blocks of a shard whose destruction waits for a lease', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    const destroying = h.store.destroy('a')
    await until(async () => (await h.store.shard('a'))?.destroying === true)
    expect(codeOf(await rejection(h.store.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_NOT_FOUND')
    expect(await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual([])
    await lease.close()
    await destroying
  })

  it('lists every block once, whatever shards hold it and however often', async () => {
    await using h = await openHarness()
    const [one, two, three] = [makeCar(1, 10), makeCar(2, 10), makeCar(3, 10)]
    const { carV1 } = await import('@dagstore-tooling/fixtures')
    const both = [...one.blocks.slice(3), ...two.blocks, ...one.blocks.slice(5), ...two.blocks.slice(2, 4)]
    const mixed = carV1([], both.map(({ cid, data }) => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data })))
    await h.store.register('mixed', h.sources.put('mixed', mixed), { indexing: 'eager' })
    await h.store.register('one', h.sources.put('one', one), { indexing: 'eager' })
    await h.store.register('two', h.sources.put('two', two), { indexing: 'eager' })
    await h.store.register('three', h.sources.put('three', three), { indexing: 'eager' })
    await h.store.register('lazy', h.sources.put('lazy', makeCar(4)))
    const listed: { cid: CID, data: Uint8Array }[] = []
    for await (const { cid, bytes } of h.store.blockstore.getAll()) listed.push({ cid, data: Buffer.concat(await collectAll(bytes)) })
    expect(names(listed)).toEqual(names([...one.blocks, ...two.blocks, ...three.blocks]))
    for (const { cid, data } of listed) expect(Buffer.compare(data, await h.store.blockstore.bytes(cid))).toBe(0)
  })

  it('lists a CARv2 whose index cannot be where its header says', async () => {
    await using h = await openHarness()
    const car = makeCar(1, 5)
    const bytes = new Uint8Array(51 + car.bytes.byteLength)
    bytes.set(PRAGMA)
    bytes.set(encodeHeader({ fullyIndexed: false, dataOffset: 51, dataSize: car.bytes.byteLength, indexOffset: bytes.byteLength + 9 }), PRAGMA_BYTES)
    bytes.set(car.bytes, 51)
    await h.store.register('a', h.sources.put('a', bytes), { indexing: 'eager' })
    const listed: { cid: CID }[] = []
    for await (const pair of h.store.blockstore.getAll()) listed.push(pair)
    expect(names(listed)).toEqual(names(car.blocks))
  })

  it('misses no block when a shard gets another index, or its first one, during a listing', async () => {
    await using h = await openHarness()
    // `c` has the older index; it comes after `b`, on another page of the catalogue
    const [shared, own] = [makeCar(1, 5), makeCar(2, 5)]
    const blocks = [...own.blocks, ...shared.blocks]
    const both = carV1([own.blocks[0]!.cid.bytes], blocks.map(({ data }) => makeBlock(data)))
    await h.store.register('c', h.sources.put('c', shared), { indexing: 'eager' })
    await h.store.register('b', h.sources.put('b', both), { indexing: 'eager' })
    for (let at = 0; at < 300; at++) await h.store.register(`b${at}`, h.sources.put(`b${at}`, shared))
    await h.store.register('a', h.sources.put('a', shared))
    const listed: { cid: CID }[] = []
    for await (const pair of h.store.blockstore.getAll()) {
      if (listed.length === 0) {
        h.sources.place('c').version++
        await h.store.refresh('c')
        await h.store.initialize('a')
      }
      listed.push(pair)
    }
    expect([...new Set(names(listed))].sort()).toEqual(names(blocks).sort())
  })

  it('lists what it can, and says at the end what it could not', async () => {
    await using h = await openHarness()
    const [one, two] = [makeCar(1, 5), makeCar(2, 5)]
    await h.store.register('a', h.sources.put('a', one), { indexing: 'eager' })
    await h.store.register('b', h.sources.put('b', two), { indexing: 'eager' })
    h.sources.place('a').before = async (step) => { if (step === 'open') throw new Error('away') }
    const listed: { cid: CID }[] = []
    const error = await rejection((async () => { for await (const pair of h.store.blockstore.getAll()) listed.push(pair) })())
    expect(codeOf(error)).toBe('BLOCKSTORE_UNREADABLE')
    expect(names(listed)).toEqual(names(two.blocks))
  })

  it('gives a block\'s length and parts without knowing where it is', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const { cid, data } = car.blocks[3]!
    expect(await h.store.blockstore.size(cid)).toBe(data.byteLength)
    expect(await h.store.blockstore.bytesAt(cid, 2, 5)).toEqual(data.slice(2, 7))
    await expect(h.store.blockstore.bytesAt(cid, 2, 5000)).rejects.toThrow(RangeError)
  })

  it('finds the shards of a block, in indices alone: no mount is opened', async () => {
    const first = await openHarness()
    const car = makeCar(1)
    for (const key of ['a', 'b']) await first.store.register(key, first.sources.put(key, car), { indexing: 'eager' })
    await using h = await first.reopen()
    const opens = h.sources.opens.get('a')
    expect([...await h.store.find(car.blocks[1]!.cid.multihash.bytes)].sort()).toEqual(['a', 'b'])
    expect(h.sources.opens.get('a')).toBe(opens)
  })
})
