import { createMemoryDirectory, type Directory } from '@dagstore/io'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { type Harness, makeCar, openHarness } from './harness.ts'

interface Counted { readonly files: Directory, opens: number, open: number }

/** Counts index files: opened so far, and open now. */
const countIndices = (): Counted => {
  const over = (directory: Directory, prefix: string): Directory => ({
    ...directory,
    child: (name) => over(directory.child(name), `${prefix}${name}/`),
    openSource: async (name, options) => {
      const source = await directory.openSource(name, options)
      if (!prefix.startsWith('index/')) return source
      counted.opens++
      counted.open++
      let closed = false
      const close = async (): Promise<void> => {
        if (!closed) counted.open--
        closed = true
        await source.close()
      }
      return { ...source, close, [Symbol.asyncDispose]: close }
    },
  })
  const counted: Counted = { files: over(createMemoryDirectory('test'), ''), opens: 0, open: 0 }
  return counted
}

const openCounted = async (counted: Counted, maxOpenShards = 64): Promise<Harness> =>
  openHarness({ maxOpenShards }, { db: new MemoryLevel<any, any>({ storeEncoding: 'view' }), files: counted.files })

describe('find', () => {
  it('asks the index of a shard that reads keep open, and opens none beside it', async () => {
    const counted = countIndices()
    const h = await openCounted(counted)
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    await h.store.blockstore.bytes(car.blocks[0]!.cid)
    const { opens } = counted
    for (const { cid } of car.blocks) expect(await h.store.find(cid.multihash.bytes)).toEqual(['a'])
    expect(counted.opens).toBe(opens)
    // other bytes, and another index
    h.sources.put('a', makeCar(2))
    h.sources.place('a').version++
    await h.store.refresh('a')
    expect(await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual([])
    await h.store.close()
    expect(counted.open).toBe(0)
  })

  it('opens the index of a shard once for many calls, and closes it with the shard and the store', async () => {
    const counted = countIndices()
    const h = await openCounted(counted)
    const car = makeCar(1)
    for (const key of ['a', 'b']) await h.store.register(key, h.sources.put(key, car), { indexing: 'eager' })
    const opens = counted.opens
    for (const { cid } of car.blocks) expect([...await h.store.find(cid.multihash.bytes)].sort()).toEqual(['a', 'b'])
    await Promise.all(car.blocks.map(({ cid }) => h.store.find(cid.multihash.bytes)))
    expect(counted.opens).toBe(opens + 2)
    expect(counted.open).toBe(2)
    await h.store.destroy('a')
    expect(counted.open).toBe(1)
    expect(await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual(['b'])
    await h.store.close()
    expect(counted.open).toBe(0)
  })

  it('ends at its limit, and looks into no index behind it', async () => {
    const counted = countIndices()
    const h = await openCounted(counted)
    const car = makeCar(1)
    for (const key of ['a', 'b', 'c', 'd']) await h.store.register(key, h.sources.put(key, car), { indexing: 'eager' })
    const opens = counted.opens
    const multihash = car.blocks[0]!.cid.multihash.bytes
    expect((await h.store.find(multihash, { limit: 2 })).length).toBe(2)
    expect(counted.opens).toBe(opens + 2)
    expect((await h.store.find(multihash)).length).toBe(4)
    for (const limit of [0, -1, 1.5]) await expect(h.store.find(multihash, { limit })).rejects.toBeInstanceOf(RangeError)
    await h.store.close()
  })

  it('keeps so many indices open at the most', async () => {
    const counted = countIndices()
    const h = await openCounted(counted, 3)
    const cars = Array.from({ length: 8 }, (_, at) => makeCar(at, 3))
    for (const [at, car] of cars.entries()) await h.store.register(`k${at}`, h.sources.put(`k${at}`, car), { indexing: 'eager' })
    for (const [at, car] of cars.entries()) expect(await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual([`k${at}`])
    expect(counted.open).toBeLessThanOrEqual(3)
    await h.store.close()
    expect(counted.open).toBe(0)
  })

  it('reads the new index of a shard whose bytes have changed', async () => {
    const counted = countIndices()
    await using h = await openCounted(counted)
    const [one, two] = [makeCar(1), makeCar(2)]
    await h.store.register('a', h.sources.put('a', one), { indexing: 'eager' })
    expect(await h.store.find(one.blocks[0]!.cid.multihash.bytes)).toEqual(['a'])
    h.sources.put('a', two)
    h.sources.place('a').version = 2
    await (await h.store.acquire('a')).close()
    expect(await h.store.find(one.blocks[0]!.cid.multihash.bytes)).toEqual([])
    expect(await h.store.find(two.blocks[0]!.cid.multihash.bytes)).toEqual(['a'])
  })
})
