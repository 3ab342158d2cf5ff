import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, createThrottle, type Mount, throttled } from '../src/index.ts'
import { mountSuite } from '../src/suite.ts'
import { bytesOf, createTape, gate, settle } from './tape.ts'

mountSuite('a throttled mount', { describe, it, expect }, {
  open: async () => {
    const throttle = createThrottle({ perMount: { opens: 2, bytesPerSecond: 1e9 }, total: { opens: 3, bytesPerSecond: 1e9 } })
    return {
      factory: { scheme: 'bytes', mount: (url) => throttled(bytesMount().mount(url), throttle) },
      put: async (bytes) => bytesUrl(bytes),
      missing: undefined,
    }
  },
  badUrls: ['bytes:a'],
})

const numbered = (count: number): Mount[] => Array.from({ length: count }, (_, at) => createTape(bytesOf(100), String(at)).mount)

describe('openings at a time', () => {
  it('are limited for all mounts together and for each; waiting mounts take turns', async () => {
    const throttle = createThrottle({ total: { opens: 2 }, perMount: { opens: 0 }, clock: createFakeClock() })
    const order: string[] = []
    const gates: { open: () => void }[] = []
    let [now, most] = [0, 0]
    const run = (url: string): Promise<void> => throttle.run(url, async () => {
      order.push(url)
      most = Math.max(most, ++now)
      const held = gate()
      gates.push(held)
      await held.passed
      now--
    })
    const all = ['a', 'a', 'a', 'a', 'a', 'b', 'c'].map(run)
    for (let done = 0; done < 7; done++) {
      await settle()
      gates[done]!.open()
    }
    await Promise.all(all)
    expect(most).toBe(2)
    // one mount that asks much holds up nobody
    expect(order).toEqual(['a', 'a', 'a', 'b', 'c', 'a', 'a'])
  })

  it('limit one mount and leave others alone; 0 is no limit', async () => {
    const throttle = createThrottle({ perMount: { opens: 1 }, total: { opens: 0 }, clock: createFakeClock() })
    const held = gate()
    const [first, second, other] = [throttle.run('a', () => held.passed), throttle.run('a', async () => 'a'), throttle.run('b', async () => 'b')]
    expect(await other).toBe('b')
    held.open()
    await first
    expect(await second).toBe('a')
    const free = createThrottle({ total: {} })
    expect(free.limitsOpens).toBe(false)
    await Promise.all(numbered(50).map((mount) => throttled(mount, free).open()))
  })

  it('are given up by whoever leaves, and come back after a failure', async () => {
    const throttle = createThrottle({ perMount: { opens: 1 }, total: { opens: 1 }, clock: createFakeClock() })
    const held = gate()
    const first = throttle.run('a', () => held.passed)
    const leaving = new AbortController()
    const second = throttle.run('b', async () => 'never', { signal: leaving.signal })
    await settle()
    leaving.abort('left')
    await expect(second).rejects.toBe('left')
    held.open()
    await first
    await expect(throttle.run('a', async () => { throw new Error('test') })).rejects.toThrow('test')
    expect(await throttle.run('c', async () => 'c')).toBe('c')
    await expect(throttle.run('c', async () => 'c', { signal: AbortSignal.abort('early') })).rejects.toBe('early')
  })

  it('are not held by a mount that has slow work to do first', async () => {
    const throttle = createThrottle({ total: { opens: 1 }, clock: createFakeClock() })
    const held = gate()
    const [slow] = numbered(1)
    const sealed: Mount = { ...slow!, stat: async () => ({ ...await slow!.stat(), ready: false }), open: async (options) => { await held.passed; return slow!.open(options) } }
    const opening = throttled(sealed, throttle).open()
    await settle()
    await throttled(numbered(1)[0]!, throttle).open()
    held.open()
    await opening
  })
})

describe('slots', () => {
  it('come back when whoever has one leaves a mount that does not listen', async () => {
    const throttle = createThrottle({ total: { opens: 1 }, clock: createFakeClock() })
    const never = new Promise<never>(() => {})
    const tape = createTape(bytesOf(100))
    const leaving = new AbortController()
    const opening = throttled({ ...tape.mount, open: () => never }, throttle).open({ signal: leaving.signal })
    tape.before = () => never
    await settle()
    leaving.abort('left')
    await expect(opening).rejects.toBe('left')
    const stopping = new AbortController()
    const opened = await throttled(tape.mount, throttle).open()
    if (opened.access === 'random') throw new Error('not sequential')
    const reading = opened.stream(0, { signal: stopping.signal })[Symbol.asyncIterator]().next()
    await settle()
    stopping.abort('stopped')
    await expect(reading).rejects.toBe('stopped')
    expect(await throttle.run('x', async () => 'free')).toBe('free')
  })
})

describe('bytes per second', () => {
  it('pass at the rate, for reads and streams; 0 is no limit', async () => {
    const clock = createFakeClock()
    const throttle = createThrottle({ perMount: { bytesPerSecond: 1000 }, total: { bytesPerSecond: 0 }, clock })
    const opened = await throttled(bytesMount().mount(bytesUrl(bytesOf(5000))), throttle).open()
    if (opened.access !== 'random') throw new Error('not random')
    let done = 0
    const reading = (async () => {
      for (let at = 0; at < 5000; at += 500) {
        await opened.source.read(at, 500)
        done += 500
      }
    })()
    for (const second of [1, 2, 3, 4]) {
      await clock.advance(1000)
      await settle()
      expect(Math.abs(done - second * 1000)).toBeLessThanOrEqual(600)
    }
    await clock.advance(2000)
    await reading
    const tape = createTape(bytesOf(3000))
    const stream = await throttled(tape.mount, throttle).open()
    if (stream.access === 'random') throw new Error('not sequential')
    let streamed = 0
    const pouring = (async () => { for await (const chunk of stream.stream(0)) streamed += chunk.byteLength })()
    await clock.advance(1000)
    expect(streamed).toBeLessThan(3000)
    await clock.advance(3000)
    await pouring
    expect(streamed).toBe(3000)
  })

  it('are shared between mounts by turns, and given back by whoever leaves', async () => {
    const clock = createFakeClock()
    const throttle = createThrottle({ total: { bytesPerSecond: 1000 }, clock })
    const order: string[] = []
    const ask = (name: string, signal?: AbortSignal): Promise<void> => throttle.bytes(name, 1000, { signal }).then(() => { order.push(name) })
    const leaving = new AbortController()
    const gone = ask('gone', leaving.signal)
    const first = [ask('a'), ask('a'), ask('a'), ask('b')]
    const left = ask('c', leaving.signal)
    await settle()
    leaving.abort('left')
    await expect(left).rejects.toBe('left')
    await gone.catch(() => {})
    await clock.advance(10_000)
    await Promise.all(first)
    expect(order.filter((name) => name !== 'gone')).toEqual(['a', 'b', 'a', 'a'])
  })

  it('are owed by a mount that pauses, until all of them are paid for', async () => {
    const clock = createFakeClock()
    const throttle = createThrottle({ perMount: { bytesPerSecond: 1000 }, clock })
    await throttle.bytes('a', 100)
    await clock.advance(50)
    await throttle.bytes('a', 1000)
    // the first hundred are paid for by now, the rest is not
    await clock.advance(100)
    let passed = false
    const more = throttle.bytes('a', 1).then(() => { passed = true })
    await clock.advance(700)
    expect(passed).toBe(false)
    await clock.advance(200)
    await more
    await clock.advance(2000)
    expect(clock.sleeping).toBe(0)
  })

  it('refuses limits that are none', () => {
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const limits of [{ opens: bad }, { bytesPerSecond: bad }]) {
        // of each of the two, whatever the other one says
        expect(() => createThrottle({ total: limits, perMount: { opens: 1, bytesPerSecond: 1 } })).toThrow(RangeError)
        expect(() => createThrottle({ perMount: limits, total: { opens: 1, bytesPerSecond: 1 } })).toThrow(RangeError)
      }
    }
    expect(() => createThrottle({ total: { opens: 0.5 } })).toThrow(RangeError)
  })
})
