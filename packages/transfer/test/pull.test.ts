import { createFakeClock } from '@dagstore-tooling/testkit'
import type { Clock } from '@dagstore/io'
import { beforeAll, describe, expect, it } from 'vitest'
import { openPayloadReceiver, type PayloadReceiver, pullPayload, type TransferEvent } from '../src/index.ts'
import { bytesOf, memoryFile, randomDag, type TestDag } from './dags.ts'
import { cutAfter, fetchOf, serverOf, TOKEN, URL_OF_ONE } from './two-sides.ts'

let dag: TestDag
beforeAll(async () => { dag = await randomDag(21, 12, 4000) })
const receive = async (): Promise<PayloadReceiver> => openPayloadReceiver(await memoryFile().open(), { root: dag.root, totalBytes: dag.payload.byteLength })
/** Pauses take no time. */
const hasty = (slept: number[] = []): Clock => ({ ...createFakeClock(), sleep: async (ms, { signal } = {}) => {
  if (ms >= 30_000) return new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason as Error) }, { once: true }) })
  slept.push(ms)
} })
const answering = (make: (request: Request) => Response | Promise<Response>): typeof fetch => async (input, init) => make(new Request(input as URL, init))
const partial = (bytes: Uint8Array, from = 0, headers: Record<string, string> = {}): Response => new Response(bytes.slice(), {
  status: 206,
  headers: { 'content-range': `bytes ${from}-${dag.payload.byteLength - 1}/${dag.payload.byteLength}`, etag: '"a"', ...headers },
})

describe('a pull', () => {
  it('brings the payload, and tells of it', async () => {
    const { handler, events, counts } = serverOf(dag)
    const receiver = await receive()
    const own: TransferEvent[] = []
    const asked: Request[] = []
    await pullPayload(URL_OF_ONE, receiver, { token: TOKEN, fetch: fetchOf(handler, (request) => { asked.push(request) }), onEvent: (event) => { own.push(event) } })
    expect(receiver.complete).toBe(true)
    expect(counts).toEqual({ found: 1, closed: 1 })
    expect(asked.map(({ headers }) => [headers.get('range'), headers.get('authorization')])).toEqual([['bytes=0-', null]])
    expect(events.map(({ type, direction }) => `${type} ${direction}`)).toEqual(['begun send', 'completed send'])
    expect([own[0]?.type, own.at(-1)?.type, own.at(-1)?.bytes]).toEqual(['begun', 'completed', dag.payload.byteLength])
    expect(JSON.stringify([own, events])).not.toContain(TOKEN)
    await receiver.close()
  })

  it.each(['error', 'end'] as const)('goes on where whole sections end, wherever an answer is cut; by %s', async (how) => {
    for (let cut = 1; cut < dag.payload.byteLength; cut += 977) {
      const { handler, counts } = serverOf(dag)
      const receiver = await receive()
      const ranges: (string | null)[] = []
      const send = fetchOf(handler, ({ headers }) => { ranges.push(headers.get('range')) })
      await pullPayload(URL_OF_ONE, receiver, {
        token: TOKEN,
        clock: hasty(),
        fetch: async (...request) => ranges.length === 0 ? cutAfter(await send(...request), cut, how) : send(...request),
      })
      const at = cut < dag.ends[1]! ? 0 : dag.ends.filter((end) => end <= cut).at(-1)!
      expect(ranges).toEqual(['bytes=0-', `bytes=${at}-`])
      expect(receiver.complete).toBe(true)
      expect(counts).toEqual({ found: 2, closed: 2 })
      await receiver.close()
    }
  })

  it('never takes a cut for the end: without a byte more it gives up, and keeps what it has', async () => {
    const slept: number[] = []
    const receiver = await receive()
    const end = dag.ends[3]!
    let asked = 0
    const send = answering(() => asked++ === 0 ? partial(dag.payload.subarray(0, end)) : partial(new Uint8Array(0), end))
    await expect(pullPayload(URL_OF_ONE, receiver, { fetch: send, clock: hasty(slept), attempts: 4 })).rejects.toMatchObject({ code: 'TRANSFER_TRUNCATED', retry: 'later' })
    expect([receiver.doneBytes, receiver.complete]).toEqual([end, false])
    expect(slept).toEqual([500, 500, 1000, 2000])
    await receiver.close()
  })

  it('refuses answers to another question', async () => {
    const { payload } = dag
    const wrong: [Response, string][] = [
      [partial(payload, 5), 'TRANSFER_BAD_ANSWER'],
      [partial(payload, 0, { 'content-range': `bytes 0-${payload.byteLength}/${payload.byteLength + 1}` }), 'TRANSFER_BAD_ANSWER'],
      [new Response(null, { status: 302, headers: { location: 'http://127.0.0.1/' } }), 'TRANSFER_BAD_ANSWER'],
      [new Response(null, { status: 401 }), 'TRANSFER_UNAUTHORIZED'],
      [new Response(null, { status: 403 }), 'TRANSFER_EXPIRED'],
      [new Response(null, { status: 404 }), 'TRANSFER_REFUSED'],
    ]
    for (const [response, code] of wrong) {
      const receiver = await receive()
      await expect(pullPayload(`${URL_OF_ONE}?key=secret`, receiver, { token: TOKEN, fetch: answering(() => response), clock: hasty() })).rejects.toSatisfy((error: Error & { code: string }) =>
        error.code === code && !error.message.includes('secret') && !error.message.includes(TOKEN))
      expect(receiver.doneBytes).toBe(0)
      await receiver.close()
    }
  })

  it('refuses the whole where a part was asked for, and another version than the one begun with', async () => {
    const end = dag.ends[3]!
    for (const second of [(): Response => new Response(dag.payload.slice(), { headers: { etag: '"a"' } }), () => partial(dag.payload.subarray(end), end, { etag: '"b"' }), () => new Response(null, { status: 412 })]) {
      const receiver = await receive()
      const matches: (string | null)[] = []
      const send = answering(({ headers }) => matches.push(headers.get('if-match')) === 1 ? partial(dag.payload.subarray(0, end)) : second())
      await expect(pullPayload(URL_OF_ONE, receiver, { fetch: send, clock: hasty() })).rejects.toMatchObject({ code: 'TRANSFER_BAD_ANSWER', retry: 'never' })
      expect(matches).toEqual([null, '"a"'])
      expect(receiver.doneBytes).toBe(end)
      await receiver.close()
    }
  })

  it('refuses wrong bytes at once, and leaves the stream', async () => {
    const receiver = await receive()
    let cancelled = false
    const bad = dag.payload.slice()
    bad[bad.byteLength - 1]! ^= 1
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => { controller.enqueue(bad.slice()) }, cancel: () => { cancelled = true } }, { highWaterMark: 0 })
    const send = answering(() => new Response(endless, { status: 206, headers: { 'content-range': `bytes 0-${bad.byteLength - 1}/${bad.byteLength}` } }))
    await expect(pullPayload(URL_OF_ONE, receiver, { fetch: send, clock: hasty() })).rejects.toMatchObject({ code: 'TRANSFER_HASH_MISMATCH' })
    await new Promise(setImmediate)
    expect(cancelled).toBe(true)
    expect(receiver.doneBytes).toBe(dag.ends.at(-2))
    await receiver.close()
  })

  it('waits as long as it is told to, and comes again when nobody answers', async () => {
    const slept: number[] = []
    const receiver = await receive()
    let asked = 0
    const { handler } = serverOf(dag)
    const real = fetchOf(handler)
    const send: typeof fetch = async (...request) => {
      asked++
      if (asked === 1) return new Response(null, { status: 503, headers: { 'retry-after': '7' } })
      if (asked === 2) throw new TypeError('fetch failed')
      return real(...request)
    }
    await pullPayload(URL_OF_ONE, receiver, { token: TOKEN, fetch: send, clock: hasty(slept) })
    expect(receiver.complete).toBe(true)
    expect(slept).toEqual([7000, 1000])
    await receiver.close()
  })

  it('is cut off when nothing comes, before an answer and within it', async () => {
    for (const silent of [(): Promise<Response> => new Promise(() => {}), async () => partial(new Uint8Array(0))]) {
      const clock = createFakeClock()
      const receiver = await receive()
      const stuck = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
      const send: typeof fetch = async (_url, init) => {
        const answer = await Promise.race([silent(), new Promise<never>((_resolve, reject) => { init?.signal?.addEventListener('abort', () => { reject(init.signal!.reason as Error) }) })])
        return new Response(stuck, { status: answer.status, headers: answer.headers })
      }
      const pulling = pullPayload(URL_OF_ONE, receiver, { fetch: send, clock, attempts: 1 })
      const told = expect(pulling).rejects.toMatchObject({ code: 'TRANSFER_STALLED' })
      for (let n = 0; n < 3; n++) await new Promise(setImmediate)
      await clock.advance(31_000)
      await told
      expect(clock.sleeping).toBe(0)
      await receiver.close()
    }
  })

  it('gives the reason of an abort, and leaves nothing behind', async () => {
    const { handler, counts } = serverOf(dag)
    const receiver = await receive()
    const aborting = new AbortController()
    const reason = new Error('no more')
    await expect(pullPayload(URL_OF_ONE, receiver, { token: TOKEN, fetch: fetchOf(handler), signal: aborting.signal, onProgress: () => { aborting.abort(reason) } })).rejects.toBe(reason)
    await new Promise(setImmediate)
    expect(counts.closed).toBe(counts.found)
    expect(receiver.doneBytes).toBeLessThan(dag.payload.byteLength + 1)
    await receiver.close()
  })
})

describe('a server of payloads', () => {
  const ask = (headers: Record<string, string> = {}, method = 'GET', path = 'one'): Request =>
    new Request(`http://provider.test/transfers/${path}`, { method, headers: { 'x-transfer-token': TOKEN, ...headers } })

  it('answers ranges, heads and conditions', async () => {
    const { handler, counts } = serverOf(dag)
    const size = dag.payload.byteLength
    const head = (await handler(ask({}, 'HEAD')))!
    const etag = head.headers.get('etag')!
    expect([head.status, head.headers.get('content-length'), head.headers.get('accept-ranges'), head.body]).toEqual([200, String(size), 'bytes', null])
    const part = (await handler(ask({ range: 'bytes=3-9', 'if-match': etag })))!
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 3-9/${size}`])
    expect(Buffer.compare(new Uint8Array(await part.arrayBuffer()), dag.payload.subarray(3, 10))).toBe(0)
    const whole = (await handler(ask()))!
    expect(Buffer.compare(new Uint8Array(await whole.arrayBuffer()), dag.payload)).toBe(0)
    expect((await handler(ask({ range: `bytes=${size}-` })))!.status).toBe(416)
    expect((await handler(ask({ 'if-match': '"other"' })))!.status).toBe(412)
    expect((await handler(ask({}, 'PUT')))!.status).toBe(405)
    expect((await handler(ask({ 'x-transfer-token': 'none' })))!.status).toBe(401)
    expect((await handler(ask({ 'x-transfer-token': 'old' })))!.status).toBe(403)
    expect((await handler(ask({}, 'GET', 'two')))!.status).toBe(404)
    expect(await handler(new Request('http://provider.test/elsewhere'))).toBeUndefined()
    expect(counts.closed).toBe(counts.found)
  })

  it('has room for so many, and tells others to come later', async () => {
    const { handler, counts, clock } = serverOf(dag, { limits: { maxActive: 2, maxActivePerClient: 1 } })
    const [a, b] = await Promise.all(['a', 'b'].map((client) => handler(ask(), { client })))
    expect([a!.status, b!.status]).toEqual([200, 200])
    const second = (await handler(ask(), { client: 'a' }))!
    expect([second.status, second.headers.get('retry-after'), second.headers.get('x-error-code')]).toEqual([429, '5', 'TRANSFER_BUSY'])
    // another client waits for its turn, in vain and then not
    const waiting = handler(ask(), { client: 'c' })
    await new Promise(setImmediate)
    const turn = handler(ask(), { client: 'd' })
    await bytesOf(a!.body as unknown as AsyncIterable<Uint8Array>)
    expect((await waiting)!.status).toBe(200)
    await clock.advance(30_000)
    expect((await turn)!.status).toBeGreaterThanOrEqual(200)
    await Promise.allSettled([(await waiting)!.body?.cancel(), b!.body?.cancel(), (await turn)!.body?.cancel()])
    await new Promise(setImmediate)
    expect(counts.closed).toBe(counts.found)
  })

  it('leaves whoever takes nothing', async () => {
    const { handler, counts, clock, events } = serverOf(dag)
    const response = (await handler(ask()))!
    await clock.advance(30_001)
    await new Promise(setImmediate)
    expect(counts).toEqual({ found: 1, closed: 1 })
    expect(events.at(-1)).toMatchObject({ type: 'cut', code: 'TRANSFER_STALLED' })
    await expect(response.arrayBuffer()).rejects.toBeDefined()
    expect(clock.sleeping).toBe(0)
  })

  it('breaks the answer off when the DAG turns out to be damaged', async () => {
    const broken = await randomDag(22, 5, 500)
    const leaf = [...broken.store.blocks.keys()].find((name) => name.startsWith('bafkrei') && broken.store.blocks.get(name)!.byteLength > 3)!
    broken.store.blocks.set(leaf, broken.store.blocks.get(leaf)!.map((byte) => byte ^ 1))
    const { handler, counts, events } = serverOf(broken)
    await expect((await handler(ask()))!.arrayBuffer()).rejects.toMatchObject({ code: 'TRANSFER_SOURCE_FAILED' })
    await new Promise(setImmediate)
    expect(events.at(-1)).toMatchObject({ type: 'cut', code: 'TRANSFER_SOURCE_FAILED' })
    expect(counts.closed).toBe(counts.found)
  })
})

it('a server that brings a section now and then, and breaks off each time, is left after a minute', async () => {
  const clock = createFakeClock()
  const pausing: Clock = { ...clock, now: clock.now, monotonic: clock.monotonic, sleep: async (ms, options) => {
    if (ms >= 30_000) return clock.sleep(ms, options)
    await clock.advance(ms)
  } }
  const receiver = await receive()
  let asked = 0
  const fetches = answering(async ({ headers }) => {
    const from = Number(/^bytes=(\d+)-/.exec(headers.get('range') ?? '')?.[1])
    // the head alone is no section
    const to = dag.ends.filter((end) => end > from)[from === 0 ? 1 : 0]!
    await clock.advance(25_000)
    asked++
    return partial(dag.payload.subarray(from, to), from)
  })
  await expect(pullPayload(URL_OF_ONE, receiver, { token: TOKEN, clock: pausing, fetch: fetches })).rejects.toMatchObject({ code: 'TRANSFER_STALLED', retry: 'later' })
  expect(asked).toBe(3)
  expect(receiver.doneBytes).toBeGreaterThan(0)
  await receiver.close()
})
