import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { createLimiter, ENDING, type Slot, Urgency } from '../src/limiter.ts'
import { patiently, PATIENCE_MS } from '../src/runner/patience.ts'
import { gate, rejection } from './harness.ts'

const turns = async (): Promise<void> => { for (let at = 0; at < 20; at++) await Promise.resolve() }

describe('createLimiter', () => {
  it('serves the urgent ones first, each kind in its order', async () => {
    const limiter = createLimiter(1)
    const first = gate()
    const order: string[] = []
    const run = (name: string, raised: boolean): Promise<void> => limiter.run(async () => { order.push(name) }, { urgency: new Urgency(raised) })
    const all = [limiter.run(() => first.passed), run('b1', false), run('b2', false), run('u1', true), run('u2', true)]
    first.open()
    await Promise.all(all)
    expect(order).toEqual(['u1', 'u2', 'b1', 'b2'])
  })

  it('goes on while what is left of some work holds no slot, and no more of those than it bears', async () => {
    const limiter = createLimiter(1)
    const disk = gate()
    let begun = 0
    const all = Array.from({ length: 10 }, () => limiter.run(async (slot) => {
      begun++
      slot.end()
      slot.end()
      await disk.passed
    }))
    await turns()
    expect(begun).toBe(ENDING + 1)
    disk.open()
    await Promise.all(all)
    expect(begun).toBe(10)
    // every slot is back, and only once
    const again = gate()
    let running = 0
    const later = Array.from({ length: 3 }, () => limiter.run(async () => {
      running++
      await again.passed
    }))
    await turns()
    expect(running).toBe(1)
    again.open()
    await Promise.all(later)
  })

  it('moves up who becomes urgent while it waits', async () => {
    const limiter = createLimiter(1)
    const first = gate()
    const order: string[] = []
    const urgency = new Urgency()
    const all = [
      limiter.run(() => first.passed),
      limiter.run(async () => { order.push('b1') }),
      limiter.run(async () => { order.push('b2') }, { urgency }),
      limiter.run(async () => { order.push('u') }, { urgency: new Urgency(true) }),
    ]
    await turns()
    urgency.raise()
    urgency.raise()
    expect(limiter.waiting).toBe(3)
    first.open()
    await Promise.all(all)
    expect(order).toEqual(['u', 'b2', 'b1'])
    expect(limiter.waiting).toBe(0)
  })

  it('never runs more than it has slots, whoever leaves, fails, pauses or comes back', async () => {
    const limiter = createLimiter(2)
    let running = 0
    let most = 0
    const work = async (slot: Slot): Promise<void> => {
      most = Math.max(most, ++running)
      await turns()
      running--
      slot.pause()
      slot.pause()
      await turns()
      await slot.resume()
      await slot.resume()
      most = Math.max(most, ++running)
      await turns()
      running--
      throw new Error('failed')
    }
    const leaving = new AbortController()
    const all = Array.from({ length: 40 }, (_, at) => limiter.run(work, at % 5 === 0 ? { signal: leaving.signal } : {}).catch(() => {}))
    await turns()
    leaving.abort(new Error('gone'))
    await Promise.all(all)
    expect(most).toBe(2)
    let after = 0
    await Promise.all([limiter.run(async () => { after++ }), limiter.run(async () => { after++ })])
    expect(after).toBe(2)
  })

  it('does not let in who has left', async () => {
    const limiter = createLimiter(1)
    const first = gate()
    const held = limiter.run(() => first.passed)
    const leaving = new AbortController()
    let entered = false
    const left = rejection(limiter.run(async () => { entered = true }, { signal: leaving.signal, urgency: new Urgency() }))
    leaving.abort(new Error('gone'))
    first.open()
    await held
    expect(await left).toMatchObject({ message: 'gone' })
    expect(await rejection(limiter.run(async () => { entered = true }, { signal: leaving.signal }))).toMatchObject({ message: 'gone' })
    expect(entered).toBe(false)
  })
})

describe('patiently', () => {
  it('gives the slot of what hangs to others, and takes it again when it goes on', async () => {
    const clock = createFakeClock()
    const limiter = createLimiter(1)
    const hanging = gate()
    const order: string[] = []
    const one = limiter.run(async (slot) => {
      order.push(await patiently(slot, clock, async () => { await hanging.passed; return 'opened' }))
      order.push('worked')
    })
    const other = limiter.run(async () => { order.push('other') })
    await clock.advance(PATIENCE_MS - 1)
    expect(order).toEqual([])
    await clock.advance(1)
    await other
    expect(order).toEqual(['other'])
    const held = gate()
    const last = limiter.run(() => held.passed)
    hanging.open()
    await turns()
    expect(order).toEqual(['other'])
    held.open()
    await Promise.all([one, last])
    expect(order).toEqual(['other', 'opened', 'worked'])
    expect(clock.sleeping).toBe(0)
  })

  it('keeps the slot of what moves', async () => {
    const clock = createFakeClock()
    const limiter = createLimiter(1)
    const ending = gate()
    let moved = (): void => {}
    const one = limiter.run((slot) => patiently(slot, clock, async (moves) => { moved = moves.moved; await ending.passed }))
    let entered = false
    const other = limiter.run(async () => { entered = true })
    for (let at = 0; at < 5; at++) {
      await clock.advance(PATIENCE_MS - 1)
      moved()
    }
    expect(entered).toBe(false)
    ending.open()
    await Promise.all([one, other])
    expect(entered).toBe(true)
  })

  it('gives the slot of what says that it waits to others at once', async () => {
    const limiter = createLimiter(1)
    const ending = gate()
    const order: string[] = []
    const one = limiter.run((slot) => patiently(slot, createFakeClock(), async ({ waits }) => { waits(); await ending.passed; waits(); order.push('one') }))
    await limiter.run(async () => { order.push('other') })
    ending.open()
    await one
    expect(order).toEqual(['other', 'one'])
    expect(limiter.waiting).toBe(0)
  })

  it('disposes of what came when the wait for a slot is left', async () => {
    const clock = createFakeClock()
    const limiter = createLimiter(1)
    const hanging = gate()
    const leaving = new AbortController()
    const disposed: string[] = []
    const one = rejection(limiter.run((slot) => patiently(slot, clock, async () => { await hanging.passed; return 'it' }, async (what) => { disposed.push(what) }), { signal: leaving.signal }))
    await clock.advance(PATIENCE_MS)
    const held = gate()
    const other = limiter.run(() => held.passed)
    hanging.open()
    await turns()
    leaving.abort(new Error('gone'))
    expect(await one).toMatchObject({ message: 'gone' })
    expect(disposed).toEqual(['it'])
    held.open()
    await other
  })
})
