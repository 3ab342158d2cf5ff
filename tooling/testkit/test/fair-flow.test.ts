import { createFairFlow, createLane, type FairFlow, type Lane } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { createFakeClock, seededRandom } from '../src/index.ts'

/** Passes parts of one size for as long as it may. */
const taker = (flow: FairFlow, lane: Lane, part: number, signal?: AbortSignal): { readonly passed: () => number } => {
  let passed = 0
  void (async () => {
    for (;;) {
      await flow.pass(lane, part, { signal })
      passed += part
    }
  })().catch(() => {})
  return { passed: () => passed }
}

describe('a fair flow', () => {
  it('lets pass at once what is within the rate, without a promise; 0 is no limit', async () => {
    const clock = createFakeClock()
    const flow = createFairFlow(1000, clock)
    const lane = createLane()
    expect(flow.pass(lane, 100)).toBeUndefined()
    expect(flow.pass(lane, 100)).toBeUndefined()
    expect(flow.owedMs).toBe(200)
    const third = flow.pass(lane, 100)
    expect(third).toBeInstanceOf(Promise)
    await clock.advance(100)
    await third
    await clock.advance(1000)
    expect(flow.owedMs).toBe(0)
    expect(createFairFlow(0, clock).pass(lane, 1e12)).toBeUndefined()
    expect(clock.sleeping).toBe(0)
  })

  it('keeps the rate over time', async () => {
    const clock = createFakeClock()
    const { passed } = taker(createFairFlow(10_000, clock), createLane(), 300)
    for (let second = 1; second <= 20; second++) {
      await clock.advance(1000)
      expect(Math.abs(passed() - second * 10_000)).toBeLessThanOrEqual(1300 + 300)
    }
  })

  it.each([{ parts: [1000, 1000, 1000] }, { parts: [100, 1000, 3000] }, { parts: [64, 4000] }])('shares evenly between lanes whose parts are of $parts bytes', async ({ parts }) => {
    const clock = createFakeClock()
    const flow = createFairFlow(100_000, clock)
    const takers = parts.map((part) => taker(flow, createLane(), part))
    await clock.advance(30_000)
    const share = 3_000_000 / parts.length
    for (const { passed } of takers) expect(Math.abs(passed() - share) / share).toBeLessThan(0.05)
  })

  it('gives one lane no more for having many that wait', async () => {
    const clock = createFakeClock()
    const flow = createFairFlow(100_000, clock)
    const [many, one] = [createLane(), createLane()]
    const crowd = Array.from({ length: 50 }, () => taker(flow, many, 500))
    const { passed } = taker(flow, one, 500)
    await clock.advance(20_000)
    const sum = crowd.reduce((bytes, taken) => bytes + taken.passed(), 0)
    expect(sum / passed()).toBeLessThan(1.1)
    expect(passed() / sum).toBeLessThan(1.1)
  })

  it('gives no arrears to a lane that took nothing for a while', async () => {
    const clock = createFakeClock()
    const flow = createFairFlow(10_000, clock)
    const [first, second] = [createLane(), createLane()]
    const early = taker(flow, first, 100)
    await flow.pass(second, 100)
    await clock.advance(10_000)
    const before = early.passed()
    const late = taker(flow, second, 100)
    await clock.advance(2000)
    expect(late.passed()).toBeLessThan(1.2 * (early.passed() - before) + 200)
  })

  it('forgets who leaves, and keeps no time for nobody', async () => {
    const clock = createFakeClock()
    const flow = createFairFlow(1000, clock)
    const lane = createLane()
    void flow.pass(lane, 5000)
    const leaving = new AbortController()
    const waits = [flow.pass(lane, 5000, { signal: leaving.signal }), flow.pass(createLane(), 1, { signal: leaving.signal })]
    await clock.advance(10)
    expect(clock.sleeping).toBe(1)
    leaving.abort('left')
    for (const wait of waits) await expect(wait).rejects.toBe('left')
    await clock.advance(0)
    expect(clock.sleeping).toBe(0)
    // whoever comes then pays for nothing that was not had
    const next = flow.pass(lane, 1)
    await clock.advance(4901)
    await next
  })

  it.each(['flow-1', 'flow-2', 'flow-3'])('lets all pass in the end, never faster than the rate, whatever comes and goes (seed %s)', async (seed) => {
    const random = seededRandom(seed)
    const clock = createFakeClock()
    const flow = createFairFlow(1000, clock)
    const lanes = Array.from({ length: 5 }, () => createLane())
    let [passed, left, largest] = [0, 0, 0]
    const all = Array.from({ length: 100 }, async () => {
      await clock.sleep(random.int(5000))
      const amount = 1 + random.int(500)
      const leaving = new AbortController()
      if (random.chance(0.2)) void clock.sleep(random.int(500)).then(() => { leaving.abort('left') })
      try {
        await flow.pass(random.pick(lanes), amount, { signal: leaving.signal })
        passed += amount
        largest = Math.max(largest, amount)
        expect(passed).toBeLessThanOrEqual(clock.monotonic() + 100 + largest + 1)
      } catch (error) {
        expect(error).toBe('left')
        left++
      }
    })
    await clock.advance(100_000)
    await Promise.all(all)
    expect(left).toBeGreaterThan(0)
    expect(flow.owedMs).toBe(0)
  })
})
