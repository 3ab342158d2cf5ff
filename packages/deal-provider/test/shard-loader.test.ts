/** Pieces as blockstores, and the loops around them. */
import type { Dagstore, DagstoreEvent, ShardLease } from '@dagstore/dagstore'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { pieceCidV2 } from '@dagstore/piece'
import { describe, expect, it } from 'vitest'
import { createShardLoader, type ShardLoaderEvent } from '../src/index.ts'
import { codeOf, collect, dealIs, dealOf, inState, makeCar, openHarness, turn, until, withShard } from './harness.ts'

const car = makeCar(1)
const given = dealOf('a', car.bytes)

const openWithPiece = async () => {
  const h = await openHarness()
  h.fs.plant('in/a.car', car.bytes)
  await h.provider.accept(given)
  await h.provider.importData(given.proposalCid, { path: 'in/a.car' })
  await dealIs(h, given.proposalCid, inState('StorageDealActive'), withShard('registered'))
  return h
}

/** A store of which only what the loops use is there. */
const fakeStore = (more: Partial<Dagstore> = {}): Pick<Dagstore, 'acquire' | 'gc' | 'recover' | 'events'> => ({
  acquire: () => Promise.reject(new Error('not asked for')),
  gc: async () => ({ items: [], reclaimedBytes: 0, failures: 0, unreadRecords: 0 }),
  recover: () => Promise.reject(new Error('not asked for')),
  events: ({ signal } = {}) => ({
    [Symbol.asyncIterator]: () => ({ next: () => new Promise((_, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason) }) }) }),
  }),
  ...more,
})

describe('loading a shard', () => {
  it('gives a full blockstore that reads the piece, refuses writes, and closes its lease', async () => {
    const h = await openWithPiece()
    const loader = createShardLoader({ dagstore: h.dagstore })
    const store = await loader.loadShard(given.proposal.pieceCid)
    expect(await store.has(car.blocks[1]!.cid)).toBe(true)
    const chunks = await collect(store.get(car.blocks[1]!.cid))
    expect(chunks[0]).toEqual(car.blocks[1]!.data)
    expect(await codeOf(store.put(car.blocks[1]!.cid, car.blocks[1]!.data))).toBe('BLOCKSTORE_READ_ONLY')
    expect(await h.dagstore.shard(given.proposal.pieceCid.toString())).toMatchObject({ leases: 1 })
    await store.close()
    expect(await h.dagstore.shard(given.proposal.pieceCid.toString())).toMatchObject({ leases: 0 })
    await loader.close()
    expect(await codeOf(loader.loadShard(given.proposal.pieceCid))).toBe('DEAL_CLOSED')
    await h.close()
  })

  it('L3: 2: two calls at once for a piece that nobody has registered both get it; there, the second was refused', async () => {
    const h = await openWithPiece()
    await h.dagstore.destroy(given.proposal.pieceCid.toString())
    const loader = createShardLoader({ dagstore: h.dagstore })
    // by either version of its name
    const v2 = pieceCidV2(given.proposal.pieceCid.multihash.digest, car.bytes.byteLength)
    const stores = await Promise.all([given.proposal.pieceCid, v2, given.proposal.pieceCid].map((piece) => loader.loadShard(piece)))
    for (const store of stores) expect(await store.has(car.blocks[0]!.cid)).toBe(true)
    expect(await h.dagstore.shard(given.proposal.pieceCid.toString())).toMatchObject({ leases: 3, mountUrl: `lotus://${given.proposal.pieceCid.toString()}` })
    await Promise.all(stores.map((store) => store.close()))
    await loader.close()
    await h.close()
  })

  it('L3: 2: an abort leaves no lease behind; there, the shard stayed Serving for ever', async () => {
    const h = await openWithPiece()
    const key = given.proposal.pieceCid.toString()
    const loader = createShardLoader({ dagstore: h.dagstore })
    const done = new Error('enough')
    for (let turns = 0; turns < 40; turns++) {
      const leaving = new AbortController()
      const loading = loader.loadShard(given.proposal.pieceCid, { signal: leaving.signal }).then((store) => store.close(), (error: unknown) => { expect(error).toBe(done) })
      for (let at = 0; at < turns; at++) await Promise.resolve()
      leaving.abort(done)
      await loading
    }
    await until(async () => (await h.dagstore.shard(key))?.leases === 0)
    // given when the caller has already left
    let closed = 0
    const leaving = new AbortController()
    const late = createShardLoader({
      dagstore: fakeStore({
        acquire: async () => {
          leaving.abort(done)
          return { blockstore: {}, close: async () => { closed++ } } as unknown as ShardLease
        },
      }),
    })
    await expect(late.loadShard(given.proposal.pieceCid, { signal: leaving.signal })).rejects.toBe(done)
    expect(closed).toBe(1)
    await late.close()
    await loader.close()
    await h.close()
  })

  it('L3: 8: gives each caller a store of its own: closing one closes no other; there, they shared one by the number of a deal', async () => {
    const h = await openWithPiece()
    const loader = createShardLoader({ dagstore: h.dagstore })
    const [one, two] = await Promise.all([loader.loadShard(given.proposal.pieceCid), loader.loadShard(given.proposal.pieceCid)])
    await one.close()
    expect(await codeOf(one.has(car.blocks[0]!.cid))).toBe('BLOCKSTORE_CLOSED')
    expect(await two.has(car.blocks[0]!.cid)).toBe(true)
    await two.close()
    await loader.close()
    await h.close()
  })

  it('refuses what is no piece, and what nobody has', async () => {
    const h = await openHarness()
    const loader = createShardLoader({ dagstore: h.dagstore })
    expect(await codeOf(loader.loadShard(car.blocks[0]!.cid))).toBe('PIECE_BAD_CID')
    expect(await codeOf(loader.loadShard(given.proposal.pieceCid))).toBe('DAGSTORE_SHARD_ERRORED')
    await loader.close()
    await h.close()
  })
})

describe('the loops of a loader', () => {
  it('collect at their interval, tell what came of it, and go on when that failed', async () => {
    const clock = createFakeClock()
    let calls = 0
    const dagstore = fakeStore({
      gc: async () => {
        if (++calls === 2) throw new Error('full')
        return { items: [], reclaimedBytes: calls, failures: 0, unreadRecords: 0 }
      },
    })
    const loader = createShardLoader({ dagstore, clock, gcIntervalMs: 1000 })
    const events = collect(loader.events())
    for (let at = 0; at < 3; at++) await clock.advance(1000)
    await loader.close()
    expect((await events).map((event) => event.type === 'gc' ? event.report?.reclaimedBytes ?? 'failed' : event.type)).toEqual([1, 'failed', 3])
    await clock.advance(10_000)
    expect(calls).toBe(3)
  })

  it.each([0, -1, -60_000])('L3: 1.10: an interval of %d means no collection; there, it was a panic', async (gcIntervalMs) => {
    const clock = createFakeClock()
    let calls = 0
    const loader = createShardLoader({ dagstore: fakeStore({ gc: async () => { throw new Error(String(++calls)) } }), clock, gcIntervalMs })
    await clock.advance(3_600_000)
    expect([calls, clock.sleeping]).toEqual([0, 0])
    await loader.close()
    expect(() => createShardLoader({ dagstore: fakeStore(), gcIntervalMs: Number.NaN })).toThrow(RangeError)
    expect(() => createShardLoader({ dagstore: fakeStore(), recoveries: 1.5 })).toThrow(RangeError)
  })

  it('recover a shard that failed for good as often as they may, and again after it was available', async () => {
    const failed = (key: string, nextRetryAt: string | undefined): DagstoreEvent => ({
      type: 'health', key, from: 'initializing', to: 'errored', failure: { code: 'X', message: '', at: '', retry: 'never', attempts: 1, nextRetryAt },
    })
    const queue: (DagstoreEvent | (() => void))[] = [
      failed('a', undefined), failed('b', '2021-08-17T00:00:00Z'), failed('a', undefined), failed('a', undefined),
      { type: 'health', key: 'a', from: 'recovering', to: 'available', failure: undefined }, failed('a', undefined),
    ]
    const asked: string[] = []
    const loader = createShardLoader({
      dagstore: fakeStore({
        recover: async (key) => {
          asked.push(key)
          throw new Error('still')
        },
        events: async function * ({ signal } = {}) {
          for (const event of queue) {
            await turn()
            if (typeof event !== 'function') yield event
          }
          await new Promise<void>((_, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason) }) })
        },
      }),
      recoveries: 2,
    })
    const told: ShardLoaderEvent['type'][] = []
    const listening = (async () => { for await (const { type } of loader.events()) told.push(type) })()
    await until(() => asked.length === 3)
    await loader.close()
    await listening
    expect(asked).toEqual(['a', 'a', 'a'])
    expect(told.filter((type) => type === 'health').length).toBe(queue.length)
    expect(told.filter((type) => type === 'recovery').length).toBe(3)
  })

  it('never recover with no attempts, and end with the store', async () => {
    const h = await openWithPiece()
    const loader = createShardLoader({ dagstore: h.dagstore, recoveries: 0, gcIntervalMs: 0 })
    await h.dagstore.register('broken', 'lotus://baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq', { indexing: 'eager' }).catch(() => {})
    const events = collect(loader.events())
    await h.close()
    await loader.close()
    expect((await events).filter(({ type }) => type === 'recovery')).toEqual([])
  })
})
