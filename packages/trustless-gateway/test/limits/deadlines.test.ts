import { createFakeClock, seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { Deadlines } from '../../src/limits/deadlines.ts'

describe('deadlines', () => {
  it('come in order, each so long after it was set last, and never for what was cleared', async () => {
    const clock = createFakeClock()
    const due: [string, number][] = []
    const deadlines = new Deadlines<string>(1000, clock, (item) => { due.push([item, clock.monotonic()]) })
    for (const item of ['a', 'b', 'c']) {
      deadlines.set(item)
      await clock.advance(100)
    }
    deadlines.set('a')
    deadlines.clear('b')
    await clock.advance(5000)
    expect(due).toEqual([['c', 1200], ['a', 1300]])
    expect(clock.sleeping).toBe(0)
  })

  it('share one sleep, which ends soon after there is nothing left to wait for', async () => {
    const clock = createFakeClock()
    const deadlines = new Deadlines<number>(3_600_000, clock, () => {})
    for (let n = 0; n < 1000; n++) deadlines.set(n)
    expect(clock.sleeping).toBe(1)
    for (let n = 0; n < 1000; n++) deadlines.clear(n)
    await clock.advance(60_000)
    expect(clock.sleeping).toBe(0)
  })

  it('of no time never come', async () => {
    const clock = createFakeClock()
    const deadlines = new Deadlines<number>(0, clock, () => { throw new Error('came') })
    deadlines.set(1)
    expect(clock.sleeping).toBe(0)
  })

  it('come again where a sleep was lost, as with the request that began it', async () => {
    const clock = createFakeClock()
    let lost = true
    const due: number[] = []
    const deadlines = new Deadlines<number>(5000, { ...clock, sleep: (ms, options) => (lost ? new Promise(() => {}) : clock.sleep(ms, options)) }, (item) => { due.push(item) })
    deadlines.set(1)
    lost = false
    await clock.advance(5500)
    deadlines.set(2)
    expect(clock.sleeping).toBe(0)
    await clock.advance(1000)
    deadlines.set(3)
    await clock.advance(0)
    expect(due).toEqual([1])
    await clock.advance(10_000)
    expect(due).toEqual([1, 2, 3])
    expect(clock.sleeping).toBe(0)
  })

  it.each(['due-1', 'due-2', 'due-3'])('come once for each that is left, at their time (seed %s)', async (seed) => {
    const random = seededRandom(seed)
    const clock = createFakeClock()
    const want = new Map<number, number>()
    const deadlines = new Deadlines<number>(500, clock, (item) => {
      expect(clock.monotonic()).toBe(want.get(item))
      want.delete(item)
    })
    for (let n = 0; n < 500; n++) {
      const item = random.int(50)
      if (random.chance(0.3)) {
        deadlines.clear(item)
        want.delete(item)
      } else {
        deadlines.set(item)
        want.set(item, clock.monotonic() + 500)
      }
      await clock.advance(random.int(40))
    }
    await clock.advance(1000)
    expect([want.size, clock.sleeping]).toEqual([0, 0])
  })
})
