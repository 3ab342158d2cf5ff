import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { LotusApi } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import type { ExtraHandler } from '../src/index.ts'
import { call, serveInTest, type World } from './server.ts'


/** A call that waits until a test lets it go. */
const gated = (): { readonly api: Partial<LotusApi>, readonly calls: { readonly signal: AbortSignal | undefined, go (): void }[] } => {
  const calls: { readonly signal: AbortSignal | undefined, go (): void }[] = []
  return {
    calls,
    api: {
      Session: (options) => new Promise((resolve, reject) => {
        calls.push({ signal: options?.signal, go: () => { resolve('done') } })
        options?.signal?.addEventListener('abort', () => { reject(options.signal?.reason as Error) })
      }),
      LogList: async () => ['x'.repeat(1000)],
    },
  }
}

const until = async (is: () => boolean): Promise<void> => { while (!is()) await turn() }

const post = (body: string, extra = ''): string => `POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

describe('limits of requests', () => {
  it('refuses a body that says it is too big before it is read, and one that turns out to be', async () => {
    const world = await serveInTest({ limits: { maxBodyBytes: 1000 } })
    expect(await world.raw('POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n')).toMatch(/^HTTP\/1.1 413 .*"the request is too big"/s)
    const chunk = `200\r\n${'x'.repeat(512)}\r\n`
    expect(await world.raw(['POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n', chunk, chunk])).toMatch(/^HTTP\/1.1 413 /)
    expect(world.events.filter((event) => event.type === 'refused' && event.reason === 'too-big')).toHaveLength(2)
  })

  it('takes less of callers without a token, over both', async () => {
    const world = await serveInTest({ limits: { maxAnonymousBytes: 1000 } })
    const body = call('Nope').padEnd(1001)
    const token = world.tokens.sign(['read'])
    expect((await world.post(body)).status).toBe(413)
    expect((await world.post(body, { authorization: `Bearer ${token}` })).status).toBe(500) // -32601, as go-jsonrpc answers it
    for (const [query, close] of [['', 1009], [`?token=${token}`, 'an answer']] as const) {
      const socket = new WebSocket(`${world.url.replace('http', 'ws')}/rpc/v0${query}`)
      socket.on('error', () => {})
      socket.on('open', () => { socket.send(body) })
      expect(await new Promise((resolve) => { socket.on('close', resolve); socket.on('message', () => { resolve('an answer') }) })).toBe(close)
      socket.terminate()
    }
  })

  it('takes no more bodies than there is room for, and has the room again', async () => {
    const world = await serveInTest({ limits: { maxBodyBytes: 1000, maxReceivingBytes: 1200 } })
    const first = await world.open()
    first.write(`POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n${'x'.repeat(800)}`)
    const answer = async (): Promise<number> => (await world.post(call('Nope').padEnd(500))).status
    let status = await answer()
    while (status !== 503) status = await answer()
    first.destroy()
    while (await answer() !== 500) await turn() // -32601, as go-jsonrpc answers it
  })

  it('holds no more answers than there is room for while nobody takes them, and has the room again', async () => {
    const world = await serveInTest({ api: { DagstoreListShards: async () => [{ Key: 'x'.repeat(1 << 24), State: 'ShardStateNew', Error: '' }] }, limits: { maxSendingBytes: 1000 } })
    const deafOne = await world.open()
    deafOne.pause()
    deafOne.write(post(call('DagstoreListShards')))
    const status = async (): Promise<number> => {
      const answer = await world.post(call('DagstoreListShards'))
      await answer.arrayBuffer()
      return answer.status
    }
    while (await status() !== 503) await turn()
    deafOne.destroy()
    while (await status() !== 200) await turn() // larger than the room, and alone
  })

  it('begins no call of a batch behind answers that are too long together', async () => {
    const world = await serveInTest({ api: { Session: async () => 'x'.repeat(600) }, limits: { maxAnswersLength: 1000 } })
    const answers = await (await world.post(`[${[1, 2, 3].map(() => call('Session')).join(',')}]`)).json() as readonly object[]
    expect(answers).toMatchObject([{ result: expect.any(String) }, { result: expect.any(String) }, { error: { code: -32005 } }])
  })

  it('refuses a batch that is too long', async () => {
    const world = await serveInTest({ limits: { maxBatch: 2 } })
    expect(await (await world.post(`[${[1, 2, 3].map(() => call('Nope')).join(',')}]`)).json()).toMatchObject({ error: { code: -32005 } })
  })

  it('answers what is no UTF-8 as it answers what is no JSON', async () => {
    const world = await serveInTest()
    expect(await world.raw(`POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\n\r\n\xff\xfe"`)).toContain('"code":-32700')
  })

  it('ends connections whose headers or bodies do not come', async () => {
    const world = await serveInTest({ limits: { headersMs: 200, requestMs: 300 } })
    const [silent, headers, body] = await Promise.all([
      world.raw(''),
      world.raw('POST /rpc/v0 HTTP/1.1\r\nHost: loc'),
      world.raw('POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{'),
    ])
    for (const text of [silent, headers, body]) expect(text).toMatch(/^(HTTP\/1.1 4|$)/)
  })

  it('refuses headers that are too long, and what is no HTTP', async () => {
    const world = await serveInTest()
    expect(await world.raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 4/)
    expect(await world.raw('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')).toMatch(/^HTTP\/1.1 400 /)
  })

  it('takes so many requests at a time, and of one client', async () => {
    const { api, calls } = gated()
    const world = await serveInTest({ api, limits: { maxClientRequests: 2 } })
    const waiting = [world.post(call('Session')), world.post(call('Session'))]
    await until(() => calls.length === 2)
    const refused = await world.post(call('LogList'))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    for (const { go } of calls) go()
    for (const answer of waiting) expect(await (await answer).json()).toMatchObject({ result: 'done' })
    expect((await world.post(call('LogList'))).status).toBe(200)
  })

  it('takes so many calls of one client, over all its connections', async () => {
    const { api, calls } = gated()
    const world = await serveInTest({ api, limits: { maxClientCalls: 2 } })
    const waiting = [world.client(['read', 'write']).Session(), world.client(['read', 'write']).Session()]
    await until(() => calls.length === 2)
    expect(await (await world.post(call('LogList'), { authorization: `Bearer ${world.tokens.sign(['write'])}` })).json()).toMatchObject({ error: { code: -32005 } })
    for (const { go } of calls) go()
    expect(await Promise.all(waiting)).toEqual(['done', 'done'])
    expect(await world.client(['read', 'write']).LogList()).toHaveLength(1)
  })

  it('takes so many connections of one client', async () => {
    const world = await serveInTest({ limits: { maxClientConnections: 2 } })
    const held = [await world.open(), await world.open()]
    expect(await world.raw('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('')
    expect(world.events).toMatchObject([{ type: 'refused', reason: 'too-many' }])
    for (const socket of held) socket.destroy()
    let text = ''
    while (text === '') text = await world.raw('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1.1 200 /)
  })

  it('closes a refused connection whose peer keeps its side open', async () => {
    const world = await serveInTest()
    const { host, port } = world.server.address
    for (const bytes of ['GET /rpc/v0 HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n', 'GET /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n', 'no HTTP\r\n\r\n', 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n']) {
      const socket = connect({ host, port, allowHalfOpen: true })
      socket.on('error', () => {})
      socket.write(bytes)
      await new Promise((resolve) => { socket.on('data', () => {}); socket.on('end', resolve); socket.on('close', resolve) })
      // nothing can be written to it any more
      while (!socket.destroyed) {
        socket.write('x')
        await turn()
      }
    }
    expect((await fetch(`${world.url}/metrics`).then((answer) => answer.text()))).toContain('dagstore_rpc_connections 1\n')
  })

  it('forgets requests that waited behind others when their caller leaves', async () => {
    const { api, calls } = gated()
    const world = await serveInTest({ api, limits: { maxClientRequests: 50 } })
    for (let round = 0; round < 3; round++) {
      const socket = await world.open()
      socket.write(post(call('Session')).repeat(40))
      await until(() => calls.length === 40)
      socket.destroy()
      await until(() => calls.every(({ signal }) => signal?.aborted === true))
      calls.splice(0)
    }
    expect((await fetch(`${world.url}/metrics`).then((answer) => answer.text()))).toContain('dagstore_rpc_requests 1\n')
  })

  it('forgets answers of others that waited, too', async () => {
    const { api, calls } = gated()
    let left = 0
    const endless: ExtraHandler = async (_request, response, { signal }) => {
      signal.addEventListener('abort', () => { left++ })
      await turn()
      response.write(new Uint8Array(1 << 16))
      return true
    }
    const world = await serveInTest({ api, extra: endless })
    const socket = await world.open()
    socket.write(`${post(call('Session'))}${'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(3)}`)
    await until(() => calls.length === 1)
    for (let i = 0; i < 100; i++) await turn()
    socket.destroy()
    await until(() => left === 3)
    while (!(await fetch(`${world.url}/metrics`).then((answer) => answer.text())).includes('dagstore_rpc_requests 1\n')) await turn()
  })

  it('aborts the call of a caller who leaves', async () => {
    const { api, calls } = gated()
    const world = await serveInTest({ api })
    const socket = await world.open()
    socket.write(post(call('Session')))
    await until(() => calls.length === 1)
    socket.destroy()
    await until(() => calls[0]?.signal?.aborted === true)
  })
})

/** A WebSocket that answers nothing by itself. */
const deaf = async (world: World): Promise<WebSocket> => {
  const socket = new WebSocket(`${world.url.replace('http', 'ws')}/rpc/v0`, { autoPong: false })
  await new Promise((resolve) => { socket.on('open', resolve) })
  return socket
}

const connected = (world: World): number => world.events.reduce((sum, event) => event.type === 'socket' ? sum + (event.open ? 1 : -1) : sum, 0)

/** Lets the other end answer between two steps. */
const advance = async (clock: FakeClock, ms: number): Promise<void> => {
  await clock.advance(ms)
  for (let i = 0; i < 20; i++) await turn()
}

describe('limits of WebSockets', () => {
  it('drops one that shows no sign of life for a whole beat, and keeps the others', async () => {
    const clock = createFakeClock()
    const world = await serveInTest({ clock, api: gated().api, limits: { heartbeatMs: 1000 } })
    const client = world.client(['read', 'write'])
    await client.LogList()
    await deaf(world)
    await until(() => connected(world) === 2)
    await advance(clock, 1000) // both are asked
    for (let i = 0; i < 3; i++) {
      await client.LogList()
      await advance(clock, 1000)
    }
    await until(() => connected(world) === 1)
    expect(await client.LogList()).toHaveLength(1)
  })

  it('closes one that sends too much at once', async () => {
    const world = await serveInTest({ limits: { maxBodyBytes: 1000 } })
    const socket = await deaf(world)
    socket.on('error', () => {})
    socket.send('x'.repeat(1001))
    expect(await new Promise((resolve) => { socket.on('close', resolve) })).toBe(1009)
  })

  it('takes so many calls of one at a time', async () => {
    const { api, calls } = gated()
    const world = await serveInTest({ api, limits: { maxCalls: 1 } })
    const client = world.client(['read', 'write'])
    const waiting = client.Session()
    await until(() => calls.length === 1)
    await expect(client.LogList()).rejects.toMatchObject({ code: 'RPC_TOO_MUCH' })
    calls[0]?.go()
    expect(await waiting).toBe('done')
  })

  it('counts no stream that nobody waits for, or whose caller left before it began', async () => {
    const world = await serveInTest({ api: { DagstoreExportShards: async function * () { yield 'x' } }, limits: { maxClientCalls: 2 } })
    const url = `${world.url.replace('http', 'ws')}/rpc/v0?token=${world.tokens.sign(['admin'])}`
    for (let round = 0; round < 5; round++) {
      const socket = new WebSocket(url)
      await new Promise((resolve) => { socket.on('open', resolve) })
      socket.send(JSON.stringify({ method: 'Filecoin.DagstoreExportShards', params: [] }))
      socket.send(call('DagstoreExportShards'))
      socket.terminate()
    }
    await until(() => connected(world) === 0 && world.events.filter(({ type }) => type === 'socket').length === 10)
    const values: string[] = []
    for await (const text of world.client(['admin']).DagstoreExportShards()) values.push(text)
    expect(values).toEqual(['x'])
  })

  it('holds a stream up while its peer reads nothing, however much it could send', async () => {
    let taken = 0
    const world = await serveInTest({
      api: { DagstoreExportShards: async function * () { for (;;) { taken++; yield 'x'.repeat(1 << 20) } } },
    })
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}/rpc/v0?token=${world.tokens.sign(['admin'])}`)
    await new Promise((resolve) => { socket.on('open', resolve) })
    socket.pause()
    socket.send(call('DagstoreExportShards'))
    let before = -1
    while (taken !== before) {
      before = taken
      for (let i = 0; i < 200; i++) await turn()
    }
    expect(taken).toBeLessThan(64)
    socket.resume()
    await until(() => taken > before + 10)
    socket.terminate()
  })

  it('drops a peer that takes none of very many large answers', async () => {
    const world = await serveInTest({ api: { LogList: async () => ['x'.repeat(1 << 20)] }, limits: { maxWaitingBytes: 1 << 23 } })
    const url = `${world.url.replace('http', 'ws')}/rpc/v0?token=${world.tokens.sign(['write'])}`
    const socket = new WebSocket(url)
    socket.on('error', () => {})
    await new Promise((resolve) => { socket.on('open', resolve) })
    socket.pause()
    for (let id = 0; id < 100; id++) socket.send(JSON.stringify({ id, method: 'Filecoin.LogList', params: [] }))
    await until(() => world.events.some((event) => event.type === 'socket' && !event.open))
    socket.terminate()
    // one answer that is larger than that is given, and whoever takes them gets all
    const small = await serveInTest({ api: { LogList: async () => ['x'.repeat(1 << 20)] }, limits: { maxWaitingBytes: 1 << 10 } })
    expect((await small.client(['write']).LogList())[0]).toHaveLength(1 << 20)
  })

  it('reads no more of a peer that takes no answers', async () => {
    const world = await serveInTest()
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}/rpc/v0`)
    await new Promise((resolve) => { socket.on('open', resolve) })
    socket.pause()
    // each is answered with its id
    const message = JSON.stringify({ id: 'x'.repeat(1 << 16), method: 'Filecoin.Nope', params: [] })
    for (let count = 0; count < 600; count++) socket.send(message)
    let before = -1
    while (socket.bufferedAmount !== before) {
      before = socket.bufferedAmount
      for (let i = 0; i < 500; i++) await turn()
    }
    expect(before).toBeGreaterThan(1 << 22)
    socket.resume()
    await until(() => socket.bufferedAmount < before)
    socket.terminate()
  })
})
