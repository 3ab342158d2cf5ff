/** Very many shards and callers at once, in memory; on real files it is the `node` package that is loaded. */
import { describe, expect, it } from 'vitest'
import { codeOf, collectAll, makeCar, openHarness, rejection, until } from './harness.ts'

const COUNT = 1000
/** Eight callers for each of them; all in a long run. */
const CALLED = process.env['DAGSTORE_LONG'] === undefined ? 250 : COUNT
const keys = Array.from({ length: COUNT }, (_, at) => `k${String(at).padStart(4, '0')}`)

describe('under load', () => {
  it('a thousand shards that fail at once, while one who asked for events never reads them: all are answered, and all can be healed', async () => {
    await using h = await openHarness({ retry: { attempts: 0 } })
    const never = h.store.events({ capacity: 16 })[Symbol.asyncIterator]()
    const first = never.next()
    for (const key of keys) h.sources.put(key, new Uint8Array(10))
    const failed = await Promise.all(keys.map((key) => rejection(h.store.acquire(key, { registerAs: `test:${key}` }))))
    expect(new Set(failed.map(codeOf))).toEqual(new Set(['DAGSTORE_SHARD_ERRORED']))
    expect(await collectAll(h.store.shards({ health: 'errored' }))).toHaveLength(COUNT)
    expect((await first).done).toBe(false)
    const car = makeCar(1, 2)
    for (const key of keys) h.sources.put(key, car)
    await Promise.all(keys.map((key) => h.store.recover(key)))
    expect(await collectAll(h.store.shards({ health: 'available' }))).toHaveLength(COUNT)
    // what it missed is counted, and the rest is what came last
    expect((await never.next()).value).toMatchObject({ type: 'dropped', count: expect.any(Number) })
    await until(() => h.sources.open === 0)
  })

  it(`${CALLED} shards and eight callers for each, some of whom leave: as many leases as were given, none when they are closed`, async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 8 })
    const car = makeCar(2, 2)
    const called = keys.slice(0, CALLED)
    for (const key of called) h.sources.put(key, car, { access: 'sequential' })
    const outcomes = await Promise.allSettled(called.flatMap((key, at) => Array.from({ length: 8 }, async (_, n) => {
      const leaving = new AbortController()
      const acquiring = h.store.acquire(key, { registerAs: `test:${key}`, signal: leaving.signal })
      if ((at + n) % 5 === 0) {
        for (let turn = 0; turn < at % 40; turn++) await Promise.resolve()
        leaving.abort(new Error('left'))
      }
      return acquiring
    })))
    const leases = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(leases.length).toBeGreaterThanOrEqual(CALLED * 8 * 4 / 5)
    expect((await collectAll(h.store.shards())).reduce((sum, info) => sum + info.leases, 0)).toBe(leases.length)
    expect(called.every((key) => h.sources.opens.get(key) === 1)).toBe(true)
    await Promise.all(leases.map((lease) => lease.close()))
    expect((await collectAll(h.store.shards())).every((info) => info.leases === 0 && info.health === 'available')).toBe(true)
    expect((await h.store.gc()).items).toHaveLength(CALLED)
  })
})
