import { createFakeClock, type FakeClock, seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { Admission, Asker, Ticket } from '../../src/limits/admission.ts'
import { createAdmission } from '../../src/limits/create-admission.ts'
import type { GatewayLimits } from '../../src/limits/limits.ts'

const enter = async (admission: Admission, asker: Asker = {}): Promise<Ticket> => admission.enter(asker)
const refused = (status: number, code: string): unknown => expect.objectContaining({ status, code, retryAfterS: expect.any(Number) })
const opened = (limits: GatewayLimits): { readonly clock: FakeClock, readonly admission: Admission } => {
  const clock = createFakeClock()
  return { clock, admission: createAdmission(limits, clock) }
}

describe('entering', () => {
  it('takes no promise where there is room, and costs nothing when it is over', () => {
    const { clock, admission } = opened({ request: { maxMs: 0 } })
    const ticket = admission.enter({ client: 'a' })
    expect(ticket).not.toBeInstanceOf(Promise)
    expect([admission.active, admission.waiting, admission.clients]).toEqual([1, 0, 1])
    const held = ticket as Ticket
    held.leave()
    held.leave()
    expect([admission.active, admission.waiting, admission.clients]).toEqual([0, 0, 0])
    expect(clock.sleeping).toBe(0)
  })

  it('waits for one of its client\'s places, and leaves others alone', async () => {
    const { admission } = opened({ client: { requests: 1 } })
    const first = await enter(admission, { client: 'a' })
    const second = enter(admission, { client: 'a' })
    const other = await enter(admission, { client: 'b' })
    expect(admission.waiting).toBe(1)
    first.leave()
    ;(await second).leave()
    other.leave()
    expect([admission.active, admission.waiting, admission.clients]).toEqual([0, 0, 0])
  })

  it('goes from client to client: one with a thousand requests holds up none with one', async () => {
    const { admission } = opened({ client: { requests: 4, waiting: 1000 }, total: { requests: 4 } })
    const served: string[] = []
    const ask = async (client: string): Promise<void> => {
      const ticket = await admission.enter({ client })
      await undefined
      served.push(client)
      ticket.leave()
    }
    const greedy = Array.from({ length: 1000 }, () => ask('greedy'))
    const modest = ['b', 'c', 'd'].map(ask)
    await Promise.all(modest)
    expect(served.length).toBeLessThan(20)
    await Promise.all(greedy)
    expect([admission.active, admission.waiting, admission.clients]).toEqual([0, 0, 0])
  })

  it('is refused with 429 when too many of a client wait, with 503 when too many of all do', async () => {
    const { admission } = opened({ client: { requests: 1, waiting: 1 }, total: { requests: 2, waiting: 2 } })
    const held = await Promise.all(['a', 'b'].map((client) => enter(admission, { client })))
    const waits = ['a', 'b'].map((client) => enter(admission, { client }))
    expect(() => admission.enter({ client: 'a' })).toThrow(refused(429, 'GATEWAY_CLIENT_BUSY'))
    expect(() => admission.enter({ client: 'c' })).toThrow(refused(503, 'GATEWAY_BUSY'))
    for (const ticket of held) ticket.leave()
    for (const wait of waits) (await wait).leave()
    expect([admission.active, admission.waiting, admission.clients]).toEqual([0, 0, 0])
  })

  it('is refused when it has waited too long: with 429 for its client\'s place, with 503 for one of all', async () => {
    const { clock, admission } = opened({ client: { requests: 1 }, total: { requests: 2 }, waitMs: 5000 })
    const held = await Promise.all(['a', 'b'].map((client) => enter(admission, { client })))
    const [own, all] = [enter(admission, { client: 'a' }), enter(admission, { client: 'c' })]
    await clock.advance(4999)
    expect(admission.waiting).toBe(2)
    const refusals = [expect(own).rejects.toEqual(refused(429, 'GATEWAY_CLIENT_BUSY')), expect(all).rejects.toEqual(refused(503, 'GATEWAY_BUSY'))]
    await clock.advance(2)
    await Promise.all(refusals)
    for (const ticket of held) ticket.leave()
    expect([admission.active, admission.waiting, admission.clients]).toEqual([0, 0, 0])
  })

  it('says when to come again by how long requests take and how many are ahead', async () => {
    const { clock, admission } = opened({ client: { requests: 1, waiting: 3 }, total: { requests: 0 }, waitMs: 0 })
    const retryAfter = (): number => {
      try {
        void admission.enter({ client: 'a' })
        throw new Error('not refused')
      } catch (error) {
        return (error as { retryAfterS: number }).retryAfterS
      }
    }
    const first = await enter(admission, { client: 'a' })
    await clock.advance(10_000)
    first.leave()
    const held = await enter(admission, { client: 'a' })
    const leaving = new AbortController()
    const waits = [1, 2, 3].map(() => enter(admission, { client: 'a', signal: leaving.signal }))
    // ten seconds each: three that wait, and itself
    expect(retryAfter()).toBe(40)
    await clock.advance(25_000)
    expect(retryAfter()).toBe(100)
    await clock.advance(1_000_000)
    expect(retryAfter()).toBe(120)
    leaving.abort('left')
    for (const wait of waits) await expect(wait).rejects.toBe('left')
    held.leave()
  })

  it('ends with the reason of whoever leaves, and nothing is held any more', async () => {
    const { clock, admission } = opened({ client: { requests: 1 }, total: { requests: 1 } })
    expect(() => admission.enter({ signal: AbortSignal.abort('early') })).toThrow('early')
    const held = await enter(admission, { client: 'a' })
    const leaving = new AbortController()
    const waits = ['a', 'b'].map((client) => enter(admission, { client, signal: leaving.signal }))
    await clock.advance(1)
    leaving.abort('left')
    for (const wait of waits) await expect(wait).rejects.toBe('left')
    expect([admission.active, admission.waiting, admission.clients]).toEqual([1, 0, 1])
    // the place comes free in the moment in which the next one leaves
    const late = new AbortController()
    const wait = enter(admission, { client: 'b', signal: late.signal })
    held.leave()
    late.abort('late')
    await expect(wait).rejects.toBe('late')
    expect([admission.active, admission.waiting, admission.clients]).toEqual([0, 0, 0])
  })

  it('keeps nothing of ten thousand clients that ask at once', async () => {
    const { clock, admission } = opened({ total: { requests: 16, waiting: 100, bytesPerSecond: 1e6 }, client: { bytesPerSecond: 1000 } })
    let [served, busy] = [0, 0]
    const probes = Array.from({ length: 10_000 }, async (_, n) => {
      try {
        const ticket = await admission.enter({ client: `client ${n}` })
        await ticket.spend(1)
        await clock.sleep(10)
        ticket.leave()
        served++
      } catch (error) {
        expect(error).toEqual(refused(503, 'GATEWAY_BUSY'))
        busy++
      }
    })
    expect(admission.waiting).toBe(100)
    expect(admission.clients).toBe(116)
    await clock.advance(60_000)
    await Promise.all(probes)
    expect([served, busy]).toEqual([116, 9884])
    expect([admission.active, admission.waiting]).toEqual([0, 0])
    // what they owe is paid for
    ;(await enter(admission, { client: 'another' })).leave()
    expect(admission.clients).toBe(0)
  })

  it('remembers no more than a bounded number of clients that owe', async () => {
    const { admission } = opened({ client: { bytesPerSecond: 1 } })
    for (let n = 0; n < 20_000; n++) {
      const ticket = await enter(admission, { client: `client ${n}` })
      void ticket.spend(100)
      ticket.leave()
    }
    expect(admission.clients).toBeLessThanOrEqual(4096)
  })

  it('refuses limits that are none', () => {
    for (const bad of [-1, 0.5, Number.NaN, Infinity]) {
      expect(() => createAdmission({ waitMs: bad })).toThrow(RangeError)
      expect(() => createAdmission({ request: { maxMs: bad } })).toThrow(RangeError)
      expect(() => createAdmission({ total: { requests: bad } })).toThrow(RangeError)
    }
  })

  it.each(['crowd-1', 'crowd-2', 'crowd-3', 'crowd-4', 'crowd-5', 'crowd-6'])('never lets more in than the limits, and frees everything in the end (seed %s)', async (seed) => {
    const random = seededRandom(seed)
    const limits = { client: { requests: 1 + random.int(4), waiting: random.int(6) }, total: { requests: 1 + random.int(8), waiting: random.int(20) }, waitMs: 1 + random.int(200) }
    const { clock, admission } = opened(limits)
    const under = new Map<string, number>()
    let all = 0
    const count = (client: string, by: number): void => {
      all += by
      under.set(client, (under.get(client) ?? 0) + by)
      expect(under.get(client)).toBeLessThanOrEqual(limits.client.requests)
      expect(all).toBeLessThanOrEqual(limits.total.requests)
      expect(admission.waiting).toBeLessThanOrEqual(limits.total.waiting)
    }
    const outcomes = { served: 0, left: 0, refused: 0 }
    const users = Array.from({ length: 300 }, async () => {
      await clock.sleep(random.int(2000))
      const client = `client ${random.int(6)}`
      const leaving = new AbortController()
      if (random.chance(0.3)) void clock.sleep(random.int(100)).then(() => { leaving.abort('left') })
      try {
        const ticket = await admission.enter({ client, signal: leaving.signal })
        count(client, 1)
        await clock.sleep(random.int(60))
        count(client, -1)
        ticket.leave()
        outcomes.served++
      } catch (error) {
        if (error === 'left') outcomes.left++
        else {
          expect([429, 503]).toContain((error as { status: number }).status)
          outcomes.refused++
        }
      }
    })
    await clock.advance(120_000)
    await Promise.all(users)
    expect([admission.active, admission.waiting, admission.clients]).toEqual([0, 0, 0])
    expect(outcomes.served).toBeGreaterThan(0)
    expect(outcomes.served + outcomes.left + outcomes.refused).toBe(300)
  })
})
