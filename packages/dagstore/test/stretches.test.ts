/** Stretches of shards: what another shard takes over, what is counted, and what is held. */
import { carV1 } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { createMetrics } from '../src/index.ts'
import { codeOf, type Harness, makeCar, openHarness, rejection, type TestBlock, type TestCar } from './harness.ts'

const made = makeCar(7, 12)
const carOf = (blocks: readonly TestBlock[]): TestCar => ({ blocks, roots: [], bytes: carV1([], blocks.map(({ cid, data }) => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data }))) })
const register = (h: Harness, key: string, car: TestCar): Promise<unknown> => h.store.register(key, h.sources.put(key, car), { indexing: 'eager' })
const spoil = (h: Harness, key: string, { data }: TestBlock): void => {
  const place = h.sources.place(key)
  const bytes = place.bytes!.slice()
  bytes[Buffer.from(bytes).indexOf(data)]! ^= 1
  place.bytes = bytes
}

describe('a stretch across shards', () => {
  it('is of a shard that can be read, and another takes over from one that is damaged in its midst', async () => {
    await using h = await openHarness()
    const { blocks } = made
    await register(h, 'one', made)
    await register(h, 'two', carOf(blocks.slice(4)))
    spoil(h, 'one', blocks[5]!)
    // the last one is damaged wherever it is
    spoil(h, 'one', blocks[11]!)
    spoil(h, 'two', blocks[11]!)
    const first = await h.store.blockstore.stretch(blocks[0]!.cid, 1 << 16)
    expect([first.bytes, ...blocks.slice(1, 5).map(({ cid }) => first.take(cid))]).toEqual(blocks.slice(0, 5).map(({ data }) => new Uint8Array(data)))
    expect(first.take(blocks[5]!.cid)).toBeUndefined()
    const second = await h.store.blockstore.stretch(blocks[5]!.cid, 1 << 16)
    expect([second.bytes, ...blocks.slice(6, 11).map(({ cid }) => second.take(cid))]).toEqual(blocks.slice(5, 11).map(({ data }) => new Uint8Array(data)))
    expect(second.take(blocks[11]!.cid)).toBeUndefined()
    expect(codeOf(await rejection(h.store.blockstore.stretch(blocks[11]!.cid, 1 << 16)))).toBe('BLOCKSTORE_HASH_MISMATCH')
    expect(await rejection(h.store.blockstore.stretch(makeCar(99, 1).blocks[0]!.cid, 1 << 16))).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 0 })
  })

  it('is told by as many served blocks as were taken, and bytes', async () => {
    const metrics = createMetrics()
    await using h = await openHarness({ metrics })
    await register(h, 'one', made)
    const served = (name: string): number => metrics.snapshot().counters.filter((counter) => counter.name === name).reduce((sum, { value }) => sum + value, 0)
    const stretch = await h.store.blockstore.stretch(made.blocks[2]!.cid, 1 << 16)
    expect(served('block.served')).toBe(1)
    for (const n of [3, 4, 4, 6]) stretch.take(made.blocks[n]!.cid)
    expect(served('block.served')).toBe(4)
    expect(served('block.served.bytes')).toBe([2, 3, 4, 6].reduce((sum, n) => sum + made.blocks[n]!.data.byteLength, 0))
    expect(stretch.isSpent).toBe(false)
    for (const { cid } of made.blocks.slice(7)) stretch.take(cid)
    expect(stretch.isSpent).toBe(true)
  })

  it('holds no shard, and outlives it', async () => {
    await using h = await openHarness()
    await register(h, 'one', made)
    const stretch = await h.store.blockstore.stretch(made.blocks[0]!.cid, 1 << 16)
    await h.store.destroy('one')
    expect(h.sources.open).toBe(0)
    expect(stretch.take(made.blocks[1]!.cid)).toEqual(new Uint8Array(made.blocks[1]!.data))
    expect(codeOf(await rejection(h.store.blockstore.stretch(made.blocks[0]!.cid, 1 << 16)))).toBe('BLOCKSTORE_NOT_FOUND')
  })

  it('of a lease is refused once that is closed', async () => {
    await using h = await openHarness()
    await register(h, 'one', made)
    const lease = await h.store.acquire('one')
    // so that the shard stays open
    await using other = await h.store.acquire('one')
    const stretch = await lease.blockstore.stretch(made.blocks[0]!.cid, 1 << 16)
    await lease.close()
    expect((await other.blockstore.stretch(made.blocks[0]!.cid, 1 << 16)).bytes).toEqual(stretch.bytes)
    expect(stretch.take(made.blocks[1]!.cid)).toEqual(new Uint8Array(made.blocks[1]!.data))
    expect(codeOf(await rejection(lease.blockstore.stretch(made.blocks[0]!.cid, 1 << 16)))).toBe('BLOCKSTORE_CLOSED')
  })
})
