import { describe, expect, it } from 'vitest'
import { collectAll, makeCar, openHarness } from './harness.ts'

describe('openDagstore', () => {
  it('registers a shard lazily, indexes it on the first acquire, and serves its blocks', async () => {
    await using h = await openHarness()
    const car = makeCar(1, 20)
    const info = await h.store.register('a', h.sources.put('a', car))
    expect(info).toMatchObject({ key: 'a', mountUrl: 'test:a', health: 'new', leases: 0, indexGeneration: 0, error: undefined })
    expect(h.sources.opens.get('a')).toBeUndefined()
    await using lease = await h.store.acquire('a')
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', leases: 1, indexGeneration: 1, dataGeneration: 1 })
    for (const { cid, data } of car.blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
    expect(lease.roots.map(String)).toEqual(car.roots.map(String))
  })

  it('reads blocks across shards, finds who holds them, and lists all of them once', async () => {
    await using h = await openHarness({ maxOpenShards: 2 })
    const cars = [1, 2, 3, 4, 5].map((seed) => makeCar(seed, 6))
    for (const [at, car] of cars.entries()) await h.store.register(`k${at}`, h.sources.put(`k${at}`, car), { indexing: 'eager' })
    for (const [at, car] of cars.entries()) {
      for (const { cid, data } of car.blocks) {
        expect(await h.store.blockstore.bytes(cid)).toEqual(data)
        expect(await h.store.find(cid.multihash.bytes)).toEqual([`k${at}`])
      }
    }
    expect(h.sources.open).toBeLessThanOrEqual(2)
    expect((await collectAll(h.store.blockstore.getAll())).length).toBe(30)
    expect((await collectAll(h.store.shards())).map(({ key }) => key)).toEqual(['k0', 'k1', 'k2', 'k3', 'k4'])
  })

  it('keeps everything across a restart, reading no mount until a lease is asked for', async () => {
    const first = await openHarness()
    const car = makeCar(1)
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    expect(first.sources.opens.get('a')).toBe(1)
    await using h = await first.reopen()
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
    expect(h.sources.opens.get('a')).toBe(1)
    await using lease = await h.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[3]!.cid)).toEqual(car.blocks[3]!.data)
    expect(h.events.filter(({ type }) => type === 'index-unusable')).toEqual([])
  })
})
