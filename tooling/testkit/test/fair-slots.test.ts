import { createFairSlots, createLane } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../src/index.ts'

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

describe('fair slots', () => {
  it('are given at once where there are any, without a promise; 0 is no limit', async () => {
    const slots = createFairSlots(2)
    const lane = createLane()
    expect(slots.enter(lane)).toBeUndefined()
    expect(slots.enter(lane)).toBeUndefined()
    const third = slots.enter(lane)
    expect(third).toBeInstanceOf(Promise)
    expect([slots.taken, slots.waiting]).toEqual([2, 1])
    slots.leave()
    await third
    expect([slots.taken, slots.waiting]).toEqual([2, 0])
    const free = createFairSlots(0)
    for (let i = 0; i < 1000; i++) expect(free.enter(lane)).toBeUndefined()
  })

  it('go from lane to lane, so that one who waits for much holds up nobody', async () => {
    const slots = createFairSlots(1)
    const [greedy, modest] = [createLane(), createLane()]
    const order: string[] = []
    void slots.enter(greedy)
    const ask = async (name: string, lane: typeof greedy): Promise<void> => {
      await slots.enter(lane)
      order.push(name)
      slots.leave()
    }
    const all = Array.from({ length: 1000 }, () => ask('greedy', greedy))
    const one = ask('modest', modest)
    slots.leave()
    await Promise.all([...all, one])
    expect(order.indexOf('modest')).toBeLessThanOrEqual(1)
    expect(order.length).toBe(1001)
  })

  it('leave no one behind who left while waiting, and reject with the reason', async () => {
    const slots = createFairSlots(1)
    const lane = createLane()
    void slots.enter(lane)
    const leaving = new AbortController()
    const waits = Array.from({ length: 50 }, () => slots.enter(lane, { signal: leaving.signal }))
    const stays = slots.enter(lane)
    leaving.abort('left')
    for (const wait of waits) await expect(wait).rejects.toBe('left')
    expect(slots.waiting).toBe(1)
    slots.leave()
    await stays
    expect(() => slots.enter(lane, { signal: AbortSignal.abort('early') })).toThrow('early')
    expect([slots.taken, slots.waiting]).toEqual([1, 0])
  })

  it.each(['slots-1', 'slots-2', 'slots-3', 'slots-4'])('are never more than there are, and none is lost, whatever comes and goes (seed %s)', async (seed) => {
    const random = seededRandom(seed)
    const most = 1 + random.int(5)
    const slots = createFairSlots(most)
    const lanes = Array.from({ length: 1 + random.int(6) }, () => createLane())
    let [held, done] = [0, 0]
    const users = Array.from({ length: 200 }, async () => {
      const leaving = new AbortController()
      if (random.chance(0.3)) void turn().then(() => { leaving.abort('left') })
      try {
        await slots.enter(random.pick(lanes), { signal: leaving.signal })
      } catch (error) {
        expect(error).toBe('left')
        return
      }
      held++
      expect(held).toBeLessThanOrEqual(most)
      for (let i = random.int(3); i >= 0; i--) await turn()
      held--
      done++
      slots.leave()
    })
    await Promise.all(users)
    expect([slots.taken, slots.waiting, held]).toEqual([0, 0, 0])
    expect(done).toBeGreaterThan(0)
  })
})
