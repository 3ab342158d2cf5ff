import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { makeCar, openHarness, rejection } from './harness.ts'

const car = makeCar(31, 40)
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

describe('indexingBytesPerSecond', () => {
  it.each(['random', 'sequential'] as const)('bounds what is read for indices of %s sources, all together, and no read of a lease', async (access) => {
    const clock = createFakeClock()
    const rate = Math.ceil(car.bytes.byteLength / 4)
    await using h = await openHarness({ clock, indexingBytesPerSecond: rate, maxConcurrentIndexing: 3 })
    const keys = ['a', 'b', 'c']
    for (const key of keys) await h.store.register(key, h.sources.put(key, car, { access }))
    let done = 0
    const started = clock.monotonic()
    const all = Promise.all(keys.map(async (key) => {
      await h.store.initialize(key)
      done++
    }))
    while (done < keys.length) {
      await turn()
      if (clock.sleeping > 0) await clock.advance(100)
    }
    await all
    const seconds = (clock.monotonic() - started) / 1000
    // what was saved up before the first read was free
    expect(seconds).toBeGreaterThan(3 * 4 - 2)
    const before = clock.monotonic()
    const lease = await h.store.acquire('a')
    for (const { cid, data } of car.blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
    await lease.close()
    expect(clock.monotonic()).toBe(before)
  })

  it('lets go of a shard that waits when its caller leaves', async () => {
    const clock = createFakeClock()
    await using h = await openHarness({ clock, indexingBytesPerSecond: 1 })
    await h.store.register('a', h.sources.put('a', car))
    const controller = new AbortController()
    const waiting = rejection(h.store.acquire('a', { signal: controller.signal }))
    while (clock.sleeping < 2) await turn()
    controller.abort(new Error('left'))
    expect(await waiting).toBe(controller.signal.reason)
    while (h.sources.open > 0) await turn()
  })

  it('is refused where it is none', async () => {
    for (const indexingBytesPerSecond of [0, -1, Number.NaN]) expect(await rejection(openHarness({ indexingBytesPerSecond }))).toBeInstanceOf(RangeError)
  })
})
