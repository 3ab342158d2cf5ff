/** What failed for a passing reason is tried again: when, how often, and at whose cost. */
import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import { counted, type RetryPlan } from '../src/machine/retry.ts'
import type { DagstoreOptions } from '../src/index.ts'
import { OneEach } from '../src/runner/one-each.ts'
import { PATIENCE_MS } from '../src/runner/patience.ts'
import { LATER, NEVER } from './machine-cases.ts'
import { codeOf, collectAll, gate, type Harness, makeCar, openHarness, rejection, until } from './harness.ts'

const car = makeCar(1)
/** No jitter is taken off. */
const steady = { bytes: (length: number) => new Uint8Array(length).fill(0xff) }
const away = async (step: string): Promise<void> => { if (step === 'open') throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
const FINE = async (): Promise<void> => {}

const openTimed = async (options: Partial<DagstoreOptions> = {}): Promise<{ h: Harness, clock: FakeClock }> => {
  const clock = createFakeClock()
  return { clock, h: await openHarness({ clock, random: steady, ...options }) }
}

/** Until everything that was started has ended: the fake clock moves nothing by itself. */
const settle = async (): Promise<void> => { for (let at = 0; at < 30; at++) await new Promise((resolve) => { setImmediate(resolve) }) }
const pass = async (clock: FakeClock, ms: number): Promise<void> => {
  await clock.advance(ms)
  await settle()
}

describe('counted', () => {
  const plan: RetryPlan = { attempts: 5, baseMs: 1000, maxMs: 6000, now: 100_000, draw: 1 }
  const due = (failure: { readonly nextRetryAt: string | undefined }): number | undefined => failure.nextRetryAt === undefined ? undefined : Date.parse(failure.nextRetryAt) - plan.now
  const inARow = (attempts: number) => ({ ...LATER, attempts, nextRetryAt: new Date(plan.now).toISOString() })

  it('doubles the wait from failure to failure, up to the longest one, and ends with the budget', () => {
    expect([undefined, inARow(1), inARow(2), inARow(3), inARow(4)].map((before) => {
      const failure = counted(LATER, before, plan)
      return [failure.attempts, due(failure)]
    })).toEqual([[1, 1000], [2, 2000], [3, 4000], [4, 6000], [5, undefined]])
  })

  it('takes up to half of the wait off by chance', () => {
    expect(due(counted(LATER, undefined, { ...plan, draw: 0 }))).toBe(500)
    expect(due(counted(LATER, undefined, { ...plan, draw: 0.5 }))).toBe(750)
  })

  it('counts no try that was made before one was due, and moves none', () => {
    const before = { ...LATER, attempts: 3, nextRetryAt: new Date(plan.now + 1).toISOString() }
    expect(counted(LATER, before, plan)).toMatchObject({ attempts: 3, nextRetryAt: before.nextRetryAt })
    const usedUp = { ...LATER, attempts: 5, nextRetryAt: undefined }
    expect(counted(LATER, usedUp, plan)).toMatchObject({ attempts: 5, nextRetryAt: undefined })
  })

  it('plans nothing for what no retry would heal, nor where retries are off', () => {
    expect(counted(NEVER, inARow(2), plan)).toMatchObject({ code: NEVER.code, attempts: 3, nextRetryAt: undefined })
    for (const attempts of [0, 1]) expect(counted(LATER, undefined, { ...plan, attempts })).toMatchObject({ attempts: 1, nextRetryAt: undefined })
    expect(counted(LATER, NEVER, plan)).toMatchObject({ attempts: 1 })
  })
})

describe('retries', () => {
  it('D14: a passing failure heals by itself, without a caller and without a restart', async () => {
    const { h, clock } = await openTimed()
    h.sources.put('a', car)
    h.sources.place('a').before = away
    expect(codeOf(await rejection(h.store.register('a', 'test:a', { indexing: 'eager' })))).toBe('DAGSTORE_SHARD_ERRORED')
    expect((await h.store.shard('a'))?.error).toMatchObject({ attempts: 1, nextRetryAt: new Date(clock.now() + 1000).toISOString() })
    await pass(clock, 1000)
    expect((await h.store.shard('a'))?.error).toMatchObject({ attempts: 2, nextRetryAt: new Date(clock.now() + 2000).toISOString() })
    h.sources.place('a').before = FINE
    await pass(clock, 1999)
    expect(await h.store.shard('a')).toMatchObject({ health: 'errored' })
    await pass(clock, 1)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', error: undefined })
    expect(h.sources.opens.get('a')).toBe(3)
    await h.store.close()
  })

  it('open a shard that has an index without building it again', async () => {
    const { h, clock } = await openTimed()
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    h.sources.place('a').before = away
    expect(codeOf(await rejection(h.store.acquire('a')))).toBe('DAGSTORE_SHARD_ERRORED')
    h.sources.place('a').before = FINE
    await pass(clock, 1000)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1, leases: 0, error: undefined })
    expect(h.sources.open).toBe(0)
    await h.store.close()
  })

  it('rebuild where the bytes have changed meanwhile', async () => {
    const { h, clock } = await openTimed()
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    h.sources.place('a').before = away
    await h.store.acquire('a').catch(() => {})
    const other = makeCar(2)
    h.sources.put('a', other)
    h.sources.place('a').version = 2
    h.sources.place('a').before = FINE
    await pass(clock, 1000)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 2 })
    expect(await h.store.blockstore.bytes(other.blocks[0]!.cid)).toEqual(other.blocks[0]!.data)
    await h.store.close()
  })

  it('end with their budget; an acquire tries all the same, and recover begins anew', async () => {
    const { h, clock } = await openTimed({ retry: { attempts: 3 } })
    h.sources.put('a', car)
    h.sources.place('a').before = away
    await h.store.register('a', 'test:a', { indexing: 'eager' }).catch(() => {})
    for (let at = 0; at < 10; at++) await pass(clock, 10_000)
    expect(h.sources.opens.get('a')).toBe(3)
    expect((await h.store.shard('a'))?.error).toMatchObject({ retry: 'later', attempts: 3, nextRetryAt: undefined })
    await h.store.acquire('a').catch(() => {})
    expect((await h.store.shard('a'))?.error).toMatchObject({ attempts: 3, nextRetryAt: undefined })
    await h.store.recover('a').catch(() => {})
    expect((await h.store.shard('a'))?.error).toMatchObject({ attempts: 1, nextRetryAt: new Date(clock.now() + 1000).toISOString() })
    expect(h.sources.opens.get('a')).toBe(5)
    h.sources.place('a').before = FINE
    await (await h.store.acquire('a')).close()
    expect((await h.store.shard('a'))?.error).toBeUndefined()
    await h.store.close()
  })

  it('D34: who asks often uses up no budget, and is not made to wait', async () => {
    const { h, clock } = await openTimed()
    h.sources.put('a', car)
    h.sources.place('a').before = away
    for (let at = 0; at < 20; at++) await h.store.acquire('a', { registerAs: 'test:a' }).catch(() => {})
    expect(h.sources.opens.get('a')).toBe(20)
    expect((await h.store.shard('a'))?.error).toMatchObject({ attempts: 1, nextRetryAt: new Date(clock.now() + 1000).toISOString() })
    await h.store.close()
  })

  it('go on after a restart, with the count and the time on record', async () => {
    const { h, clock } = await openTimed()
    h.sources.put('a', car)
    h.sources.place('a').before = away
    await h.store.register('a', 'test:a', { indexing: 'eager' }).catch(() => {})
    await pass(clock, 1000)
    const error = (await h.store.shard('a'))?.error
    const next = await h.reopen()
    await settle()
    expect((await next.store.shard('a'))?.error).toEqual({ ...error })
    h.sources.place('a').before = FINE
    await pass(clock, 1999)
    expect(await next.store.shard('a')).toMatchObject({ health: 'errored' })
    await pass(clock, 1)
    expect(await next.store.shard('a')).toMatchObject({ health: 'available' })
    await next.store.close()
  })

  it('are made at once after a restart where their time has come', async () => {
    const { h, clock } = await openTimed()
    h.sources.put('a', car)
    h.sources.place('a').before = away
    await h.store.register('a', 'test:a', { indexing: 'eager' }).catch(() => {})
    await h.store.close()
    await clock.advance(60_000)
    h.sources.place('a').before = FINE
    const next = await h.reopen()
    await until(async () => (await next.store.shard('a'))?.health === 'available')
    await next.store.close()
  })

  it('are off where the budget says so', async () => {
    const { h, clock } = await openTimed({ retry: { attempts: 0 } })
    h.sources.put('a', car)
    h.sources.place('a').before = away
    await h.store.register('a', 'test:a', { indexing: 'eager' }).catch(() => {})
    await pass(clock, 1_000_000)
    expect(h.sources.opens.get('a')).toBe(1)
    await h.store.close()
  })

  it('refuse settings out of range at open', async () => {
    for (const retry of [{ attempts: -1 }, { attempts: 1.5 }, { baseMs: 0 }, { maxMs: Number.NaN }]) {
      expect(await rejection(openHarness({ retry }))).toBeInstanceOf(RangeError)
    }
  })

  it('leave the shard alone that was destroyed or recovered meanwhile', async () => {
    const { h, clock } = await openTimed()
    for (const key of ['a', 'b']) {
      h.sources.put(key, car)
      h.sources.place(key).before = away
      await h.store.register(key, `test:${key}`, { indexing: 'eager' }).catch(() => {})
    }
    await h.store.destroy('a')
    h.sources.place('b').before = FINE
    await h.store.recover('b')
    await pass(clock, 10_000)
    expect([h.sources.opens.get('a'), h.sources.opens.get('b')]).toEqual([1, 2])
    expect(await h.store.shard('a')).toBeUndefined()
    await h.store.close()
  })

  it('D34: a thousand shards that fail at once stall nobody, are tried a few at a time, and all heal', async () => {
    const COUNT = 1000
    let healed = 0
    const { h, clock } = await openTimed({ maxConcurrentIndexing: 4, onEvent: (event) => { if (event.type === 'health' && event.to === 'available') healed++ } })
    h.sources.put('good', makeCar(3))
    let [running, most] = [0, 0]
    for (let at = 0; at < COUNT; at++) {
      h.sources.put(`s${at}`, car)
      h.sources.place(`s${at}`).before = away
    }
    const results = await Promise.allSettled(Array.from({ length: COUNT }, (_, at) => h.store.register(`s${at}`, `test:s${at}`, { indexing: 'eager' })))
    expect(results.every(({ status }) => status === 'rejected')).toBe(true)
    for (let at = 0; at < COUNT; at++) {
      h.sources.place(`s${at}`).before = async (step) => {
        if (step !== 'open') return
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
      }
    }
    void clock.advance(1000)
    // an acquire of another shard does not wait for them
    await (await h.store.acquire('good', { registerAs: 'test:good' })).close()
    await until(() => healed === COUNT + 1)
    expect(await collectAll(h.store.shards({ health: 'errored' }))).toEqual([])
    expect(most).toBeLessThanOrEqual(4)
    expect(h.sources.opens.get('s7')).toBe(2)
    await h.store.close()
    expect(h.sources.open).toBe(0)
  })

  it('of shards that hang do not keep the others from theirs', async () => {
    const { h, clock } = await openTimed({ maxConcurrentIndexing: 2 })
    for (let at = 0; at < 6; at++) {
      h.sources.put(`s${at}`, car)
      h.sources.place(`s${at}`).before = away
      await h.store.register(`s${at}`, `test:s${at}`, { indexing: 'eager' }).catch(() => {})
    }
    // the first ones hang for good
    for (let at = 0; at < 6; at++) h.sources.place(`s${at}`).before = at < 4 ? (step) => step === 'open' ? new Promise(() => {}) : Promise.resolve() : FINE
    for (let at = 0; at < 8; at++) await pass(clock, 5000)
    expect((await h.store.shard('s4'))?.health).toBe('available')
    expect((await h.store.shard('s5'))?.health).toBe('available')
    await h.store.close()
  })
})

describe('work for each of many shards', () => {
  it('is begun once at a time for each, also while it hangs and has given its place to others', async () => {
    const clock = createFakeClock()
    const begun: string[] = []
    const hung = gate()
    const each = new OneEach({ clock, places: 1, work: async (key) => { begun.push(key); await hung.passed } })
    const { signal } = new AbortController()
    await each.start('a', signal)
    void each.start('b', signal)
    await each.start('b', signal)
    await clock.advance(PATIENCE_MS)
    for (const key of ['a', 'b', 'a']) await each.start(key, signal)
    expect(begun).toEqual(['a', 'b'])
    hung.open()
    await settle()
    void each.start('a', signal)
    await until(() => begun.length === 3)
  })
})

describe('build slots', () => {
  it('are not held by mounts that are ready and hang when they are opened', async () => {
    const { h, clock } = await openTimed({ maxConcurrentIndexing: 1 })
    h.sources.put('hangs', car)
    const hanging = gate()
    h.sources.place('hangs').before = async (step) => { if (step === 'open') await hanging.passed }
    h.sources.put('b', makeCar(2))
    const first = h.store.acquire('hangs', { registerAs: 'test:hangs' })
    const second = h.store.acquire('b', { registerAs: 'test:b' })
    await settle()
    expect((await h.store.shard('b'))?.health).toBe('initializing')
    await pass(clock, 5000)
    await (await second).close()
    hanging.open()
    await (await first).close()
    await h.store.close()
  })

  it('go to who waits for bytes before those who only prepare, also when he comes later', async () => {
    const { h } = await openTimed({ maxConcurrentIndexing: 1 })
    const order: string[] = []
    const hold = gate()
    for (const name of ['first', 'b1', 'b2', 'b3', 'u']) {
      h.sources.put(name, makeCar(name.length))
      h.sources.place(name).before = async (step) => {
        if (step !== 'open') return
        order.push(name)
        if (name === 'first') await hold.passed
      }
    }
    const open = (name: string, priority: 'interactive' | 'background'): Promise<void> => h.store.acquire(name, { registerAs: `test:${name}`, priority }).then((lease) => lease.close())
    const all = [open('first', 'interactive')]
    await settle()
    for (const name of ['b1', 'b2', 'b3']) all.push(open(name, 'background'))
    await settle()
    all.push(open('u', 'interactive'))
    await settle()
    all.push(open('b3', 'interactive'))
    await settle()
    hold.open()
    await Promise.all(all)
    expect(order).toEqual(['first', 'u', 'b3', 'b1', 'b2'])
    await h.store.close()
  })
})

describe('initialize', () => {
  it('indexes a shard that was never indexed, and answers at once for one that is', async () => {
    const { h } = await openTimed()
    await h.store.register('a', h.sources.put('a', car))
    expect(await h.store.initialize('a')).toMatchObject({ health: 'available', leases: 0, indexGeneration: 1 })
    expect(await h.store.initialize('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
    expect(h.sources.opens.get('a')).toBe(1)
    expect(codeOf(await rejection(h.store.initialize('b')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    await h.store.close()
  })

  it('tries again what failed for a passing reason, and refuses what no retry would heal', async () => {
    const { h } = await openTimed()
    h.sources.put('a', car)
    h.sources.place('a').before = away
    await h.store.register('a', 'test:a')
    expect(await rejection(h.store.initialize('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'later' })
    h.sources.place('a').before = FINE
    expect(await h.store.initialize('a')).toMatchObject({ health: 'available' })
    await h.store.register('b', h.sources.put('b', new Uint8Array(4)))
    for (let at = 0; at < 2; at++) expect(await rejection(h.store.initialize('b'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'never' })
    expect(h.sources.opens.get('b')).toBe(1)
    await h.store.close()
  })
})
