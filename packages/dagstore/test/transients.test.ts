/** Copies under a quota: shards that are larger together than the room for them. */
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { SharedCache } from '../src/cross-shard/shared-cache.ts'
import { PATIENCE_MS } from '../src/runner/patience.ts'
import { gate, makeCar, namesIn, openHarness, until } from './harness.ts'

const cars = Array.from({ length: 12 }, (_, at) => makeCar(at + 1, 20))
const QUOTA = 3 * Math.max(...cars.map(({ bytes }) => bytes.byteLength + 300))

describe('a store whose copies have less room than its shards', () => {
  it('reads across all of them: leases that are kept only for speed make room', async () => {
    await using h = await openHarness({ transients: { quotaBytes: QUOTA, highWatermark: 1, lowWatermark: 1 } })
    for (const [at, car] of cars.entries()) await h.store.register(`k${at}`, h.sources.put(`k${at}`, car, { access: 'sequential' }), { indexing: 'eager' })
    for (let round = 0; round < 2; round++) {
      for (const car of cars) expect(await h.store.blockstore.bytes(car.blocks[round]!.cid)).toEqual(car.blocks[round]!.data)
    }
    const copies = (await namesIn(h.files)).filter((name) => name.endsWith('.transient'))
    expect(copies.length).toBeGreaterThan(0)
    expect(copies.length).toBeLessThanOrEqual(3)
    expect(h.events.filter(({ type }) => type === 'unsaved' || type === 'postponed')).toEqual([])
  })

  it('serves many readers at once, and leaves nothing open', async () => {
    const h = await openHarness({ transients: { quotaBytes: QUOTA, highWatermark: 1, lowWatermark: 0.7 } })
    for (const [at, car] of cars.entries()) await h.store.register(`k${at}`, h.sources.put(`k${at}`, car, { access: 'sequential' }))
    await Promise.all(Array.from({ length: 8 * cars.length }, async (_, reader) => {
      const at = (reader * 5) % cars.length
      const lease = await h.store.acquire(`k${at}`)
      const { cid, data } = cars[at]!.blocks[reader % 20]!
      expect(await lease.blockstore.bytes(cid)).toEqual(data)
      await lease.close()
    }))
    let bytes = 0
    for (const name of await namesIn(h.files)) if (name.endsWith('.transient')) bytes += (await h.files.stat(name))!.sizeBytes
    expect(bytes).toBeLessThanOrEqual(QUOTA)
    await h.store.close()
    expect(h.sources.open).toBe(0)
  })

  it('waits for leases that are held, until whoever waits leaves', async () => {
    await using h = await openHarness({ transients: { quotaBytes: QUOTA, highWatermark: 1, lowWatermark: 1 } })
    for (const [at, car] of cars.entries()) await h.store.register(`k${at}`, h.sources.put(`k${at}`, car, { access: 'sequential' }))
    const held = []
    for (let at = 0; at < 3; at++) held.push(await h.store.acquire(`k${at}`))
    const leaving = new AbortController()
    const waiting = h.store.acquire('k5', { signal: leaving.signal })
    setImmediate(() => { leaving.abort('left') })
    await expect(waiting).rejects.toBe('left')
    const next = h.store.acquire('k6')
    await held[0]!.close()
    const lease = await next
    expect(await lease.blockstore.bytes(cars[6]!.blocks[0]!.cid)).toEqual(cars[6]!.blocks[0]!.data)
    for (const other of [...held, lease]) await other.close()
  })

  it('lets others index meanwhile: what waits for room holds no place', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 1, transients: { quotaBytes: QUOTA / 3, highWatermark: 1, lowWatermark: 1 } })
    for (const at of [0, 1, 2]) await h.store.register(`k${at}`, h.sources.put(`k${at}`, cars[at]!, { access: 'sequential' }))
    await h.store.register('in place', h.sources.put('in place', cars[3]!))
    const held = await h.store.acquire('k0')
    const waiting = ['k1', 'k2'].map(async (key) => (await h.store.acquire(key)).close())
    await until(() => h.sources.opens.get('k2') === 1)
    const lease = await h.store.acquire('in place')
    expect(await lease.blockstore.bytes(cars[3]!.blocks[0]!.cid)).toEqual(cars[3]!.blocks[0]!.data)
    await lease.close()
    await held.close()
    await Promise.all(waiting)
  })

  it.each([1, 3])('fetches %i at a time, however many open shards whose copies were given up; the urgent ones first', async (slots) => {
    const many = Array.from({ length: 40 }, (_, at) => ({ key: `k${at}`, car: cars[at % cars.length]! }))
    const first = await openHarness({ transients: { quotaBytes: QUOTA, highWatermark: 1, lowWatermark: 0 } })
    for (const { key, car } of many) await first.store.register(key, first.sources.put(key, car, { access: 'sequential' }), { indexing: 'eager' })
    await using h = await first.reopen({ maxConcurrentIndexing: slots, transients: {} })
    const { passed, open } = gate()
    const begun: string[] = []
    let now = 0
    let most = 0
    for (const { key } of many) {
      h.sources.place(key).streaming = async () => {
        begun.push(key)
        most = Math.max(most, ++now)
        await passed
        now--
      }
    }
    const opens = new Map(h.sources.opens)
    const acquiring = many.map(async ({ key }, at) => (await h.store.acquire(key, { priority: at < 20 ? 'background' : 'interactive' })).close())
    // the mounts are opened all at once: that may take hours, and is no work
    await until(() => many.every(({ key }) => h.sources.opens.get(key) === opens.get(key)! + 1))
    await until(() => now >= slots)
    open()
    await Promise.all(acquiring)
    expect(most).toBe(slots)
    expect(begun.length).toBeGreaterThan(30)
    const later = begun.slice(slots).map((key) => Number(key.slice(1)) < 20)
    expect(later.lastIndexOf(false)).toBeLessThan(later.indexOf(true))
    expect(h.sources.open).toBe(0)
  })

  it('leaves places to others while an opening waits for room, or for a source that hangs', async () => {
    const clock = createFakeClock()
    const first = await openHarness({ clock, transients: { quotaBytes: QUOTA / 3, highWatermark: 1, lowWatermark: 0 } })
    for (const at of [0, 1, 2]) await first.store.register(`k${at}`, first.sources.put(`k${at}`, cars[at]!, { access: 'sequential' }), { indexing: 'eager' })
    await using h = await first.reopen({ maxConcurrentIndexing: 1 })
    await h.store.register('in place', h.sources.put('in place', cars[3]!))
    const hung = gate()
    h.sources.place('k0').streaming = () => hung.passed
    const hanging = h.store.acquire('k0')
    await until(() => clock.sleeping > 0)
    const waiting = ['k1', 'k2'].map(async (key) => (await h.store.acquire(key)).close())
    const lease = h.store.acquire('in place')
    await until(async () => {
      await clock.advance(PATIENCE_MS)
      return await Promise.race([lease.then(() => true), new Promise<boolean>((resolve) => { setImmediate(resolve, false) })])
    })
    await (await lease).close()
    hung.open()
    await (await hanging).close()
    await Promise.all(waiting)
  })

  it('is given a lease that is kept for speed when its last read ends, though it was in use when the wait began', async () => {
    const closed: string[] = []
    let waiting = 0
    const cache = new SharedCache(async (key: string) => ({ close: async () => { closed.push(key) } }), (key) => key, 4, () => waiting === 0)
    const { passed, open } = gate()
    const reading = cache.use('a', () => passed)
    await cache.use('b', async () => {})
    waiting++
    cache.dropIdle()
    open()
    await reading
    await until(() => closed.length === 2)
    expect(closed).toEqual(['b', 'a'])
    waiting--
    await cache.use('c', async () => {})
    expect(cache.latest()).toBe('c')
  })
})
