import { extractPayload } from '@dagstore/carv2'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { createBytesSource, type Clock } from '@dagstore/io'
import { beforeAll, describe, expect, it } from 'vitest'
import { openPayloadReceiver, type PayloadReceiver, payloadSource, type PayloadSource, pushPayload, type ReceiveTarget } from '../src/index.ts'
import { bytesOf, memoryFile, randomDag, type TestDag } from './dags.ts'
import { fetchOf, type Intake, intakeOf, TOKEN, URL_OF_ONE } from './two-sides.ts'

let dag: TestDag
let source: PayloadSource
beforeAll(async () => {
  dag = await randomDag(31, 12, 4000)
  source = await payloadSource(dag.store, dag.root)
})
const hasty = (slept: number[] = []): Clock => ({ ...createFakeClock(), sleep: async (ms, { signal } = {}) => {
  if (ms >= 30_000) return new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason as Error) }, { once: true }) })
  slept.push(ms)
} })
const isWhole = async ({ file }: Intake): Promise<boolean> => Buffer.compare(await bytesOf(extractPayload(createBytesSource(file.content()))), dag.payload) === 0
const request = (method: string, bytes?: Uint8Array, from = 0, headers: Record<string, string> = {}): Request => new Request(URL_OF_ONE, {
  method,
  headers: { 'x-transfer-token': TOKEN, ...bytes === undefined ? {} : { 'content-range': `bytes ${from}-${from + bytes.byteLength - 1}/${dag.payload.byteLength}` }, ...headers },
  ...bytes === undefined ? {} : { body: bytes.slice() },
})
const told = (response: Response | undefined): unknown[] => [response?.status, Number(response?.headers.get('upload-offset')), response?.headers.get('x-error-code') ?? undefined]

describe('a push', () => {
  it('brings the payload in parts of whole sections, into one receiver, and tells of it', async () => {
    const intake = intakeOf(dag)
    const parts: string[] = []
    const done: number[] = []
    const send = fetchOf(intake.intake.handler, ({ method, headers }) => { if (method === 'PUT') parts.push(headers.get('content-range')!) })
    await pushPayload(URL_OF_ONE, source, { token: TOKEN, fetch: send, partBytes: 5000, clock: hasty(), onProgress: ({ doneBytes }) => { done.push(doneBytes) } })
    expect(parts.length).toBeGreaterThan(0)
    const ends = parts.map((part) => Number(/-(\d+)\//.exec(part)![1]) + 1)
    expect(done).toEqual(ends)
    expect(ends.filter((end) => !dag.ends.includes(end))).toEqual([])
    expect(intake.counts).toEqual({ opened: 1, closed: 1, completed: 1, cancelled: 0 })
    expect(intake.events.at(-1)).toMatchObject({ type: 'completed', direction: 'receive', bytes: dag.payload.byteLength, client: 'here' })
    expect(JSON.stringify(intake.events)).not.toContain(TOKEN)
    expect(await isWhole(intake)).toBe(true)
    // once more: there is nothing to do
    await pushPayload(URL_OF_ONE, source, { token: TOKEN, fetch: send, clock: hasty() })
    expect(intake.counts).toMatchObject({ opened: 2, closed: 2 })
    await intake.intake.close()
  })

  it('reads the next part while one is under way, and no more', async () => {
    const big = await randomDag(32, 12, 200_000)
    const from = await payloadSource(big.store, big.root)
    const intake = intakeOf(big)
    let read = 0
    const counted: PayloadSource = { ...from, stream: async function * (at, options) {
      for await (const chunk of from.stream(at, options)) {
        read += chunk.byteLength
        yield chunk
      }
    } }
    const ahead: number[] = []
    const sending = fetchOf(intake.intake.handler)
    const send: typeof fetch = async (url, init) => {
      if (init?.method === 'PUT') {
        for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => { setImmediate(resolve) })
        const headers = init.headers as Record<string, string>
        ahead.push(read - Number(/-(\d+)\//.exec(headers['content-range']!)![1]) - 1)
      }
      return sending(url, init)
    }
    await pushPayload(URL_OF_ONE, counted, { token: TOKEN, fetch: send, partBytes: 1, clock: hasty() })
    expect(ahead.length).toBeGreaterThan(4)
    // a part is known to be whole by the chunk behind it, and so is the one behind it
    expect(ahead.slice(0, -2).filter((bytes) => bytes < 2 * 65_536 || bytes > 2 * 270_000)).toEqual([])
    expect(ahead.at(-1)).toBe(0)
    await intake.intake.close()
  })

  it('goes on where the other side stands, after a cut, an answer that was lost, and a restart', async () => {
    for (const kind of ['before', 'after', 'restart'] as const) {
      let intake = intakeOf(dag)
      let puts = 0
      const send: typeof fetch = async (...call) => {
        const isSecond = (call[1]?.method === 'PUT') && ++puts === 2
        if (isSecond && kind === 'before') throw new TypeError('fetch failed')
        const response = await fetchOf(intake.intake.handler)(...call)
        if (isSecond && kind === 'restart') {
          await intake.intake.close()
          intake = intakeOf(dag, {}, intake.file)
        }
        if (isSecond) throw new TypeError('fetch failed')
        return response
      }
      const many = await payloadSource(dag.store, dag.root)
      const chopped: PayloadSource = { ...many, stream: (from, options) => sections(many, from, options?.signal) }
      const slept: number[] = []
      await pushPayload(URL_OF_ONE, chopped, { token: TOKEN, fetch: send, partBytes: 6000, clock: hasty(slept) })
      expect(puts).toBeGreaterThan(2)
      expect(slept).toEqual([500])
      expect(intake.counts.completed).toBe(1)
      expect(await isWhole(intake)).toBe(true)
      await intake.intake.close()
      expect(intake.counts.closed).toBe(intake.counts.opened)
    }
  })

  it('ends at once when the bytes are refused, the token is not taken, or the DAG cannot be read', async () => {
    const intake = intakeOf(dag)
    const send = fetchOf(intake.intake.handler)
    const options = { fetch: send, clock: hasty() }
    await expect(pushPayload(URL_OF_ONE, source, { ...options, token: 'none' })).rejects.toMatchObject({ code: 'TRANSFER_UNAUTHORIZED' })
    await expect(pushPayload(URL_OF_ONE, source, { ...options, token: 'old' })).rejects.toMatchObject({ code: 'TRANSFER_EXPIRED' })
    await expect(pushPayload('http://provider.test/transfers/two', source, { ...options, token: TOKEN })).rejects.toMatchObject({ code: 'TRANSFER_REFUSED' })
    const other = await randomDag(32, 12, 4000)
    const another = await payloadSource(other.store, other.root)
    await expect(pushPayload(URL_OF_ONE, another, { ...options, token: TOKEN })).rejects.toMatchObject({ code: 'TRANSFER_BAD_ANSWER' })
    const lying = { ...another, sizeBytes: dag.payload.byteLength, stream: () => lie(other.payload) }
    await expect(pushPayload(URL_OF_ONE, lying, { ...options, token: TOKEN })).rejects.toMatchObject({ code: 'TRANSFER_UNREQUESTED', source: 'http://provider.test' })
    expect(intake.events.at(-1)).toMatchObject({ type: 'refused', code: 'TRANSFER_UNREQUESTED', bytes: 0 })
    expect(intake.counts.closed).toBe(intake.counts.opened)
    await intake.intake.close()
  })

  it('gives the reason of an abort', async () => {
    const intake = intakeOf(dag)
    const aborting = new AbortController()
    const reason = new Error('no more')
    const send = fetchOf(intake.intake.handler, ({ method }) => { if (method === 'PUT') aborting.abort(reason) })
    await expect(pushPayload(URL_OF_ONE, source, { token: TOKEN, fetch: send, clock: hasty(), signal: aborting.signal })).rejects.toBe(reason)
    await intake.intake.close()
    expect(intake.counts.closed).toBe(intake.counts.opened)
  })
})

describe('an intake', () => {
  const end = (): number => dag.ends[4]!

  it('tells where it stands, takes parts from there or before, and none behind', async () => {
    const { intake, counts, clock } = intakeOf(dag)
    expect(told(await intake.handler(request('HEAD')))).toEqual([200, 0, undefined])
    expect(told(await intake.handler(request('PUT', dag.payload.subarray(10, 90), 10)))).toEqual([409, 0, 'TRANSFER_GAP'])
    expect(told(await intake.handler(request('PUT', dag.payload.subarray(0, end() + 3))))).toEqual([204, end(), undefined])
    expect(told(await intake.handler(request('PUT', dag.payload.subarray(0, dag.ends[6]))))).toEqual([204, dag.ends[6], undefined])
    expect(counts.opened).toBe(1)
    // nobody comes for a while
    await clock.advance(30_001)
    expect(counts.closed).toBe(1)
    expect(told(await intake.handler(request('HEAD')))).toEqual([200, dag.ends[6], undefined])
    expect(told(await intake.handler(request('PUT', dag.payload.subarray(dag.ends[6]), dag.ends[6])))).toEqual([201, dag.payload.byteLength, undefined])
    await intake.close()
    expect(counts).toEqual({ opened: 2, closed: 2, completed: 1, cancelled: 0 })
    expect(clock.sleeping).toBe(0)
  })

  it('keeps no more receivers open than it may, the last used ones', async () => {
    let [open, most] = [0, 0]
    const find = async (): Promise<ReceiveTarget> => ({
      open: async () => {
        most = Math.max(most, ++open)
        const receiver = await openPayloadReceiver(await memoryFile().open(), { root: dag.root, totalBytes: dag.payload.byteLength })
        return { ...receiver, root: receiver.root, totalBytes: receiver.totalBytes, doneBytes: 0, complete: false, write: async () => {}, finish: () => receiver.finish(), close: async () => { await receiver.close(); open-- } } as PayloadReceiver
      },
      completed: async () => {}, cancelled: async () => {},
    })
    const { intake, clock } = intakeOf(dag, { find, limits: { maxOpen: 3, maxActive: 3 } })
    const head = (id: string): Promise<Response | undefined> => intake.handler(new Request(URL_OF_ONE.replace(/one$/, id), { method: 'HEAD', headers: { 'x-transfer-token': TOKEN } }))
    for (let at = 0; at < 10; at++) expect((await head(`deal${at}`))!.status).toBe(200)
    const all = await Promise.all(Array.from({ length: 10 }, (_, at) => head(`more${at}`)))
    expect(all.map((answer) => answer!.status).filter((status) => status !== 200 && status !== 429)).toEqual([])
    expect(most).toBeLessThanOrEqual(3)
    await clock.advance(31_000)
    await intake.close()
    expect(open).toBe(0)
  })

  it('refuses more or fewer bytes than were announced, and keeps the whole sections', async () => {
    const { intake } = intakeOf(dag)
    const part = dag.payload.subarray(0, end())
    const range = (last: number, total = dag.payload.byteLength): Record<string, string> => ({ 'content-range': `bytes 0-${last}/${total}` })
    expect(told(await intake.handler(request('PUT', part, 0, { 'content-range': 'bytes x' })))).toEqual([400, 0, 'TRANSFER_REFUSED'])
    expect(told(await intake.handler(request('PUT', part, 0, range(9, 10))))).toEqual([413, 0, 'TRANSFER_TOO_LARGE'])
    expect(told(await intake.handler(request('PUT', part, 0, range(dag.payload.byteLength))))).toEqual([413, 0, 'TRANSFER_TOO_LARGE'])
    expect((await intake.handler(request('PUT', part, 0, range(20))))!.status).toBe(413)
    expect(told(await intake.handler(request('PUT', part, 0, range(end() + 99))))).toEqual([400, end(), 'TRANSFER_TRUNCATED'])
    expect((await intake.handler(request('POST')))!.status).toBe(405)
    expect(await intake.handler(new Request('http://provider.test/else'))).toBeUndefined()
    await intake.close()
    expect((await intake.handler(request('HEAD')))!.status).toBe(503)
  })

  it('takes one part at a time, and does not let a second wait', async () => {
    const { intake, counts } = intakeOf(dag)
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => { go = resolve })
    const body = new ReadableStream<Uint8Array>({ pull: async (controller) => { await gate; controller.enqueue(dag.payload.slice(0, end())); controller.close() } })
    const slow = intake.handler(new Request(URL_OF_ONE, { method: 'PUT', body, duplex: 'half', headers: { 'x-transfer-token': TOKEN, 'content-range': `bytes 0-${end() - 1}/${dag.payload.byteLength}` } } as RequestInit))
    await new Promise(setImmediate)
    expect(told(await intake.handler(request('PUT', dag.payload.subarray(0, end()))))[0]).toBe(429)
    expect((await intake.handler(request('DELETE')))!.status).toBe(429)
    go()
    expect(told(await slow)).toEqual([204, end(), undefined])
    expect((await intake.handler(request('DELETE')))!.status).toBe(204)
    expect(counts).toEqual({ opened: 1, closed: 1, completed: 0, cancelled: 1 })
    await intake.close()
  })

  it('leaves whoever sends nothing, or next to nothing, and keeps what came', async () => {
    for (const drip of [0, 1]) {
      const { intake, clock, events } = intakeOf(dag)
      let given = false
      const body = new ReadableStream<Uint8Array>({ pull: async (controller) => {
        if (given && drip === 0) return new Promise(() => {})
        if (given) await clock.sleep(20_000)
        controller.enqueue(given ? dag.payload.slice(end(), end() + 1) : dag.payload.slice(0, end()))
        given = true
      } }, { highWaterMark: 0 })
      const asked = new Request(URL_OF_ONE, { method: 'PUT', body, duplex: 'half', headers: { 'x-transfer-token': TOKEN, 'content-range': `bytes 0-${dag.payload.byteLength - 1}/${dag.payload.byteLength}` } } as RequestInit)
      let answered: Response | undefined
      const answering = intake.handler(asked).then((response) => { answered = response })
      for (let n = 0; n < 40 && answered === undefined; n++) {
        await new Promise(setImmediate)
        await clock.advance(10_000)
      }
      await answering
      expect(told(answered)).toEqual([408, end(), 'TRANSFER_STALLED'])
      expect(events.at(-1)).toMatchObject({ type: 'cut', code: 'TRANSFER_STALLED' })
      await intake.close()
    }
  })

  it('says that a disk is full, and goes on when it is not', async () => {
    const { IoError } = await import('@dagstore/io')
    let isFull = true
    const normal = intakeOf(dag)
    const { intake } = intakeOf(dag, { find: async () => ({
      open: async () => {
        if (isFull) throw new IoError('IO_FULL', 'no space', { retry: 'later' })
        return (await import('../src/index.ts')).openPayloadReceiver(await normal.file.open(), { root: dag.root, totalBytes: dag.payload.byteLength })
      },
      completed: async () => {},
      cancelled: async () => {},
    }) })
    const full = (await intake.handler(request('HEAD')))!
    expect([full.status, full.headers.get('retry-after')]).toEqual([507, '60'])
    isFull = false
    expect((await intake.handler(request('HEAD')))!.status).toBe(200)
    await Promise.all([intake.close(), normal.intake.close()])
  })
})

/** One section a chunk. */
async function * sections (source: PayloadSource, from: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = await bytesOf(source.stream(from, { signal }))
  const ends = dag.ends.filter((end) => end > from)
  let at = from
  for (const end of ends) {
    yield bytes.subarray(at - from, end - from)
    at = end
  }
}

async function * lie (bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes.slice(0, 200)
}
