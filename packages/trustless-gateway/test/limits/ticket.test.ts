import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { Admission, Ticket } from '../../src/limits/admission.ts'
import { createAdmission } from '../../src/limits/create-admission.ts'
import type { GatewayLimits } from '../../src/limits/limits.ts'

const opened = (limits: GatewayLimits): { readonly clock: FakeClock, readonly admission: Admission, readonly ticket: (client?: string, signal?: AbortSignal) => Promise<Ticket> } => {
  const clock = createFakeClock()
  const admission = createAdmission(limits, clock)
  return { clock, admission, ticket: async (client, signal) => admission.enter({ client, signal }) }
}

/** Chunks without end, and whether they were ended. */
const endless = (bytes: number): { readonly chunks: AsyncGenerator<Uint8Array, void, undefined>, readonly ended: () => boolean } => {
  let ended = false
  const chunks = (async function * () {
    try {
      for (;;) yield new Uint8Array(bytes)
    } finally {
      ended = true
    }
  })()
  return { chunks, ended: () => ended }
}

const some = async function * (...sizes: number[]): AsyncGenerator<Uint8Array, void, undefined> { for (const size of sizes) yield new Uint8Array(size) }

/** Takes for as long as it may. */
const drink = (body: AsyncGenerator<Uint8Array, void, undefined>): { readonly taken: () => number, readonly done: Promise<unknown> } => {
  let taken = 0
  const done = (async () => { for await (const chunk of body) taken += chunk.byteLength })().catch((error: unknown) => error)
  return { taken: () => taken, done }
}

describe('a stream under a ticket', () => {
  it('gives what there is, and leaves at its end', async () => {
    const { admission, ticket } = opened({})
    const body = (await ticket()).stream(some(1, 2, 3))
    const sizes: number[] = []
    for await (const chunk of body) sizes.push(chunk.byteLength)
    expect(sizes).toEqual([1, 2, 3])
    expect(admission.active).toBe(0)
    expect(await body.next()).toEqual({ done: true, value: undefined })
  })

  it('leaves when its reader ends it, begun or not', async () => {
    const { admission, ticket } = opened({})
    for (const begun of [false, true]) {
      const { chunks, ended } = endless(1)
      const body = (await ticket()).stream(chunks)
      if (begun) await body.next()
      await body.return()
      expect(admission.active).toBe(0)
      expect(ended()).toBe(begun) // a generator that never ran has nothing to end
      expect((await chunks.next()).done).toBe(true)
    }
  })

  it('leaves when it fails, and tells why', async () => {
    const { admission, ticket } = opened({})
    const body = (await ticket()).stream((async function * () { yield new Uint8Array(1); throw new Error('lost') })())
    await body.next()
    await expect(body.next()).rejects.toThrow('lost')
    expect(admission.active).toBe(0)
    const thrown = (await ticket()).stream(endless(1).chunks)
    await expect(thrown.throw(new Error('own'))).rejects.toThrow('own')
    expect(admission.active).toBe(0)
  })

  it('ends by itself when its reader takes nothing for too long, although nobody asks', async () => {
    const { clock, admission, ticket } = opened({ request: { stalledMs: 1000 } })
    const { chunks, ended } = endless(10)
    const body = (await ticket()).stream(chunks)
    for (let n = 0; n < 5; n++) {
      await body.next()
      await clock.advance(900)
    }
    expect(ended()).toBe(false)
    await clock.advance(101)
    expect([ended(), admission.active]).toEqual([true, 0])
    await expect(body.next()).rejects.toMatchObject({ code: 'GATEWAY_STALLED' })
  })

  it('ends by itself when its reader never comes at all', async () => {
    const { clock, admission, ticket } = opened({ request: { stalledMs: 1000 } })
    const body = (await ticket()).stream(endless(10).chunks)
    await clock.advance(999)
    expect(admission.active).toBe(1)
    await clock.advance(2)
    expect(admission.active).toBe(0)
    await expect(body.next()).rejects.toMatchObject({ code: 'GATEWAY_STALLED' })
  })

  it('does not end while it is the source that takes its time', async () => {
    const { clock, admission, ticket } = opened({ request: { stalledMs: 1000 } })
    const body = (await ticket()).stream((async function * () {
      yield new Uint8Array(1)
      await clock.sleep(60_000)
      yield new Uint8Array(2)
    })())
    await body.next()
    const next = body.next()
    await clock.advance(60_001)
    expect((await next).value?.byteLength).toBe(2)
    await body.return()
    expect(admission.active).toBe(0)
  })

  it('ends when the time of the request is up', async () => {
    const { clock, admission, ticket } = opened({ request: { maxMs: 5000, stalledMs: 0 } })
    const { chunks, ended } = endless(10)
    const held = await ticket()
    const body = held.stream(chunks)
    await body.next()
    await clock.advance(5001)
    expect([ended(), admission.active, held.signal.aborted]).toEqual([true, 0, true])
    await expect(body.next()).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
    // nothing keeps time for it any more
    await clock.advance(60_000)
    expect(clock.sleeping).toBe(0)
  })

  it('ends when the asker leaves, at once and without being asked', async () => {
    const { clock, admission, ticket } = opened({})
    const leaving = new AbortController()
    const { chunks, ended } = endless(10)
    const body = (await ticket('a', leaving.signal)).stream(chunks)
    await body.next()
    leaving.abort('left')
    await clock.advance(0)
    expect([ended(), admission.active]).toEqual([true, 0])
    await expect(body.next()).rejects.toBe('left')
    const early = (await ticket('a')).stream(chunks)
    await early.return()
  })

  it('frees its place when the asker leaves while a source does not answer', async () => {
    const { clock, admission, ticket } = opened({})
    const leaving = new AbortController()
    const body = (await ticket('a', leaving.signal)).stream((async function * () { await new Promise(() => {}); yield new Uint8Array(1) })())
    const next = expect(body.next()).rejects.toBe('left')
    leaving.abort('left')
    await clock.advance(0)
    expect(admission.active).toBe(0)
    await next
    // nor does anybody wait for it
    expect(await body.return()).toEqual({ done: true, value: undefined })
  })

  it('may have so many bytes and no more', async () => {
    const { admission, ticket } = opened({ request: { maxBytes: 100 } })
    const { chunks, ended } = endless(40)
    const body = (await ticket()).stream(chunks)
    await body.next()
    await body.next()
    await expect(body.next()).rejects.toMatchObject({ code: 'GATEWAY_TOO_LARGE', status: 413 })
    expect([ended(), admission.active]).toEqual([true, 0])
    const held = await ticket()
    expect(held.spend(100)).toBeUndefined()
    expect(() => held.spend(1)).toThrow(expect.objectContaining({ code: 'GATEWAY_TOO_LARGE' }))
    held.leave()
  })
})

describe('work under a ticket', () => {
  it('ends when the time of the request is up, or was before it began', async () => {
    const { clock, ticket } = opened({ request: { maxMs: 1000 } })
    const held = await ticket()
    const working = expect(held.within(new Promise(() => {}))).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
    await clock.advance(1001)
    await working
    await expect(held.within(new Promise(() => {}))).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' })
    held.leave()
  })
})

describe('CIDs that are remembered', () => {
  const remember = (held: Ticket, count: number): void => { for (let n = 0; n < count; n++) held.remember() }

  it('are bounded for all streams together, and free again when they leave; each has its first ones', async () => {
    const { ticket } = opened({ total: { maxCids: 10_000 } })
    const [first, second, third] = await Promise.all(['a', 'b', 'c'].map((client) => ticket(client))) as [Ticket, Ticket, Ticket]
    remember(first, 8000)
    remember(second, 4096)
    expect(() => second.remember()).toThrow(expect.objectContaining({ code: 'GATEWAY_BUSY', status: 503, retryAfterS: expect.any(Number) }))
    remember(third, 4096)
    first.leave()
    // what comes behind the end counts for nothing
    remember(first, 8000)
    remember(second, 1000)
    second.leave()
    third.leave()
    const again = await ticket('d')
    remember(again, 10_000)
    expect(() => again.remember()).toThrow(expect.objectContaining({ code: 'GATEWAY_BUSY' }))
    again.leave()
  })

  it('are bounded for the streams of one client, so that others have theirs', async () => {
    const { admission, ticket } = opened({ client: { maxCids: 10_000 }, total: { maxCids: 20_000 } })
    const [first, second, other] = await Promise.all(['a', 'a', 'b'].map((client) => ticket(client))) as [Ticket, Ticket, Ticket]
    remember(first, 5000)
    remember(second, 5000)
    expect(() => second.remember()).toThrow(expect.objectContaining({ code: 'GATEWAY_CLIENT_BUSY', status: 429, retryAfterS: expect.any(Number) }))
    remember(other, 9000)
    for (const held of [first, second, other]) held.leave()
    expect(admission.clients).toBe(0)
  })

  it('are not bounded where that is wanted', async () => {
    const held = await opened({ client: { maxCids: 0 }, total: { maxCids: 0 } }).ticket()
    remember(held, 5_000_000)
    held.leave()
  })
})

describe('bytes per second', () => {
  it('are shared evenly by the streams of a client, however large their chunks are', async () => {
    const { clock, ticket } = opened({ client: { bytesPerSecond: 90_000 } })
    const readers = await Promise.all([500, 1000, 2000].map(async (bytes) => drink((await ticket('a')).stream(endless(bytes).chunks))))
    await clock.advance(20_000)
    for (const { taken } of readers) expect(Math.abs(taken() / 20 - 30_000)).toBeLessThan(3000)
  })

  it('are shared evenly by clients, however many streams they have', async () => {
    const { clock, ticket } = opened({ total: { bytesPerSecond: 100_000 } })
    const readers = await Promise.all(['a', 'a', 'a', 'b'].map(async (client) => drink((await ticket(client)).stream(endless(700).chunks))))
    await clock.advance(20_000)
    const [first = 0, second = 0, third = 0, other = 0] = readers.map(({ taken }) => taken() / 20)
    expect(Math.abs(first + second + third - 50_000)).toBeLessThan(5000)
    expect(Math.abs(other - 50_000)).toBeLessThan(5000)
    for (const part of [first, second, third]) expect(Math.abs(part - 50_000 / 3)).toBeLessThan(3000)
  })

  it('leave the rest to those who want it', async () => {
    const { clock, ticket } = opened({ total: { bytesPerSecond: 100_000 } })
    const slow = (await ticket('a')).stream(endless(1000).chunks)
    const fast = drink((await ticket('b')).stream(endless(1000).chunks))
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 10; n++) void slow.next() // ten of a thousand each second
      await clock.advance(1000)
    }
    expect(fast.taken() / 10).toBeGreaterThan(85_000)
  })

  it('are waited for by none who has left', async () => {
    const { clock, admission, ticket } = opened({ client: { bytesPerSecond: 100 } })
    const leaving = new AbortController()
    const reader = drink((await ticket('a', leaving.signal)).stream(endless(1000).chunks))
    await clock.advance(100)
    leaving.abort('left')
    expect(await reader.done).toBe('left')
    expect(admission.active).toBe(0)
    const held = await ticket('a')
    const spending = held.spend(1)
    await clock.advance(20_000)
    await spending
    held.leave()
  })

  it('hold for a client that comes again', async () => {
    const { clock, ticket } = opened({ client: { bytesPerSecond: 100 } })
    const first = await ticket('a')
    await first.spend(1000)
    first.leave()
    const second = await ticket('a')
    const spending = second.spend(1)
    expect(spending).toBeInstanceOf(Promise)
    await clock.advance(9_901)
    await spending
    second.leave()
  })
})
