/** Those who mean no good, on real sockets: afterwards nothing of them is left, and the server answers. */
import { readdirSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CHUNK, frame, openRequestFrame, pause, PREFACE, rapidResets, raw, type Served, serveStub, statuses, until } from './stub.ts'

const get = (path: string, rest = ''): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${rest}\r\n`

const descriptors = (): number => process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0

/** What a process has that would keep it or its memory. */
const held = (): { readonly descriptors: number, readonly sockets: number } =>
  ({ descriptors: descriptors(), sockets: process.getActiveResourcesInfo().filter((kind) => /TCPSocketWrap|TLSWrap|Http2/.test(kind)).length })

const isWell = async ({ url, stub }: Served, before: ReturnType<typeof held>): Promise<void> => {
  expect(await (await fetch(`${url}/ipfs/whole`, { headers: { connection: 'close' } })).text()).toBe('hello')
  await until(() => stub.open === 0)
  await until(() => held().sockets <= before.sockets && held().descriptors <= before.descriptors)
  let metrics = ''
  while (!/dagstore_gateway_connections 1\n/.test(metrics)) metrics = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text()
  await until(() => held().sockets <= before.sockets)
  expect(stub.open).toBe(0)
}

/** A socket that reads nothing. */
const deaf = (port: number, bytes: string | Uint8Array): Socket => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  socket.write(bytes)
  onTestFinished(() => { socket.destroy() })
  return socket
}

const ended = (socket: Socket): Promise<void> => socket.closed ? Promise.resolve() : new Promise((resolve) => { socket.once('close', () => { resolve() }) })

describe('who takes nothing of his answer', () => {
  it('of 100 MB holds a small part in memory, and is dropped in time', async () => {
    const served = await serveStub({ limits: { stalledMs: 400 } })
    const { port, stub, log } = served
    const before = held()
    const sockets = Array.from({ length: 16 }, () => deaf(port, get('/ipfs/chunks/1600')))
    await until(() => stub.open === 16)
    await pause(100)
    // kernel buffers, and what may wait, of each
    expect(stub.taken * CHUNK.byteLength / 16).toBeLessThan(8 << 20)
    await until(() => stub.open === 0 && log.length === 16)
    expect(new Set(log.map(({ code }) => code))).toEqual(new Set(['CLIENT_LEFT']))
    for (const socket of sockets) socket.resume()
    await Promise.all(sockets.map(ended))
    await isWell(served, before)
  })

  it('by HTTP/2 loses that stream, others of the connection go on', async () => {
    const served = await serveStub({ limits: { stalledMs: 400 } })
    const { url, stub } = served
    const before = held()
    const session = connectHttp2(url)
    const stalled = session.request({ ':path': '/ipfs/chunks/1600' })
    stalled.on('error', () => {})
    stalled.pause()
    await until(() => stub.open === 1)
    const other = session.request({ ':path': '/ipfs/chunks/10' })
    let bytes = 0
    for await (const part of other as AsyncIterable<Buffer>) bytes += part.byteLength
    expect(bytes).toBe(10 * CHUNK.byteLength)
    expect(stub.taken * CHUNK.byteLength).toBeLessThan(8 << 20)
    await until(() => stub.open === 0)
    session.destroy()
    await isWell(served, before)
  })

  it('is not dropped while he takes a little now and then', async () => {
    const { port, stub } = await serveStub({ limits: { stalledMs: 1000 } })
    const socket = deaf(port, get('/ipfs/chunks/400', 'connection: close\r\n'))
    let bytes = 0
    await until(() => stub.open === 1)
    while (!socket.readableEnded && !socket.closed) {
      bytes += (socket.read() as Buffer | null)?.byteLength ?? 0
      await pause(5)
    }
    expect(bytes).toBeGreaterThan(400 * CHUNK.byteLength)
  })
})

describe('who does not come to the point', () => {
  it.each([
    { what: 'nothing at all', bytes: '' }, { what: 'the beginning of two protocols', bytes: 'PRI' }, { what: 'half a request', bytes: 'GET /ipfs/whole HTTP/1.1\r\nhost: x\r\n' },
    { what: 'a preface and nothing more', bytes: PREFACE }, { what: 'a line without an end', bytes: `GET /${'x'.repeat(1000)}` },
  ])('is dropped: $what', async ({ bytes }) => {
    const served = await serveStub({ limits: { headersMs: 150, idleMs: 150 } })
    const before = held()
    const sockets = Array.from({ length: 20 }, () => deaf(served.port, bytes))
    for (const socket of sockets) socket.resume()
    await Promise.all(sockets.map(ended))
    await isWell(served, before)
  })

  it.each([{ what: 'a preface and nothing more', bytes: PREFACE }, { what: 'a request', bytes: Buffer.concat([PREFACE, openRequestFrame(1, '/ipfs/whole')]) }])('of HTTP/2, and never closes his side, is dropped: $what', async ({ bytes }) => {
    const served = await serveStub({ limits: { idleMs: 150, stalledMs: 150 } })
    const socket = connect({ port: served.port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => { socket.destroy() })
    socket.on('error', () => {}).resume().write(bytes)
    await new Promise<void>((resolve) => { socket.once('end', () => { resolve() }) })
    let metrics = ''
    while (!/dagstore_gateway_connections 1\n/.test(metrics)) metrics = await (await fetch(`${served.url}/metrics`, { headers: { connection: 'close' } })).text()
  })

  it('a header at a time is dropped in time too', async () => {
    const served = await serveStub({ limits: { headersMs: 300 } })
    const socket = deaf(served.port, 'GET /ipfs/whole HTTP/1.1\r\nhost: x\r\n')
    socket.resume()
    let headers = 0
    while (!socket.closed) {
      if (socket.writable) socket.write(`x-${headers++}: y\r\n`)
      await pause(20)
    }
    expect(served.stub.asked).toEqual([])
  })

  it('may keep a connection for a while, and no longer', async () => {
    const served = await serveStub({ limits: { idleMs: 100 } })
    const before = held()
    const { text } = await raw(served.port, get('/ipfs/whole'))
    expect(statuses(text)).toEqual(['200'])
    const session = connectHttp2(served.url)
    session.on('error', () => {})
    await new Promise<void>((resolve) => { session.once('close', () => { resolve() }) })
    await isWell(served, before)
  })
})

describe('what is no request, or two', () => {
  it.each([
    { what: 'two lengths', bytes: 'POST /ipfs/whole HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello', status: '400' },
    { what: 'a length and chunks', bytes: 'POST /ipfs/whole HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', status: '400' },
    { what: 'an unknown coding before chunks', bytes: 'POST /ipfs/whole HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, x\r\n\r\n0\r\n\r\n', status: '400' },
    { what: 'a length that is none', bytes: 'POST /ipfs/whole HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\nhello', status: '400' },
    { what: 'a line break of its own', bytes: 'GET /ipfs/whole HTTP/1.1\nhost: x\n\n', status: '400' },
    { what: 'a space before the colon', bytes: 'GET /ipfs/whole HTTP/1.1\r\nhost : x\r\n\r\n', status: '400' },
    { what: 'no host', bytes: 'GET /ipfs/whole HTTP/1.1\r\n\r\n', status: '400' },
    { what: 'a target with a space', bytes: 'GET /ipfs/whole x HTTP/1.1\r\nhost: x\r\n\r\n', status: '400' },
    { what: 'more headers than there is room for', bytes: `GET /ipfs/whole HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, status: '431' },
    { what: 'noise', bytes: Buffer.from(Array.from({ length: 500 }, (_, at) => (at * 89 + 13) & 0xff)), status: '400' },
  ])('is refused, and its connection ends: $what', async ({ bytes, status }) => {
    const served = await serveStub()
    const before = held()
    expect(statuses((await raw(served.port, bytes)).text)).toEqual([status])
    expect(served.stub.asked).toEqual([])
    await isWell(served, before)
  })

  it('HTTP/2 that is none ends its connection', async () => {
    const served = await serveStub({ limits: { idleMs: 200 } })
    const before = held()
    for (const bytes of [Buffer.concat([PREFACE, Buffer.from(Array.from({ length: 400 }, (_, at) => (at * 57 + 5) & 0xff))]), Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'), Buffer.from('PRI HTTP/1.1\r\n\r\n')]) await raw(served.port, bytes)
    await isWell(served, before)
  })
})

describe('very many', () => {
  it('10,000 probes at once are answered', async () => {
    const served = await serveStub({ limits: { maxClientConnections: 20_000, maxConnections: 20_000 } })
    const before = held()
    let answered = 0
    // connections of 100 that each send 100 at once, since a process has a limit of descriptors
    await Promise.all(Array.from({ length: 200 }, async () => {
      const { text } = await raw(served.port, Array.from({ length: 50 }, (_, at) => get('/ipfs/whole', at === 49 ? 'connection: close\r\n' : '')).join(''))
      answered += statuses(text).filter((status) => status === '200').length
    }))
    expect(answered).toBe(10_000)
    const session = connectHttp2(served.url)
    const probes = await Promise.all(Array.from({ length: 10_000 }, () => new Promise<string>((resolve) => {
      const stream = session.request({ ':path': '/ipfs/whole', ':method': 'HEAD' }, { endStream: true })
      stream.on('response', (headers) => { resolve(String(headers[':status'])) })
      stream.on('error', () => { resolve('error') })
      stream.resume()
    })))
    expect(new Set(probes)).toEqual(new Set(['200']))
    session.destroy()
    await isWell(served, before)
  })

  it('data without a byte, by the thousand, end their connection and nothing else', async () => {
    const served = await serveStub({ limits: { idleMs: 200 } })
    const before = held()
    const empty = frame(0, 0, 1, Buffer.alloc(0))
    const sockets = Array.from({ length: 5 }, () => deaf(served.port, Buffer.concat([PREFACE, openRequestFrame(1, '/ipfs/whole'), ...Array.from({ length: 50_000 }, () => empty)])))
    for (const socket of sockets) socket.resume()
    await Promise.all(sockets.map(ended))
    await isWell(served, before)
  })

  it('requests behind each other end their connection, when they are far more than may wait', async () => {
    const served = await serveStub({ limits: { maxPipelined: 8 } })
    const before = held()
    const socket = deaf(served.port, get('/ipfs/hangs') + get('/ipfs/whole').repeat(50_000))
    socket.resume()
    await ended(socket)
    expect(served.stub.asked).toHaveLength(1)
    await isWell(served, before)
  })

  it('connections are refused beyond what one client may have, and what all may', async () => {
    const served = await serveStub({ limits: { maxClientConnections: 3 } })
    const sockets = Array.from({ length: 3 }, () => deaf(served.port, get('/ipfs/hangs')))
    await until(() => served.stub.open === 3)
    expect((await raw(served.port, get('/ipfs/whole'))).bytes).toBe(0)
    expect(served.events).toEqual([{ type: 'refused', client: '127.0.0.1' }])
    for (const socket of sockets) socket.destroy()
    await until(() => served.stub.open === 0)
    expect((await fetch(`${served.url}/ipfs/whole`)).status).toBe(200)
    // all come by a proxy of ours as one
    const behind = await serveStub({ limits: { maxClientConnections: 1, maxConnections: 3 }, proxies: ['127.0.0.1'] })
    const more = Array.from({ length: 3 }, () => deaf(behind.port, get('/ipfs/hangs')))
    await until(() => behind.stub.open === 3)
    expect((await raw(behind.port, get('/ipfs/whole'))).bytes).toBe(0)
    for (const socket of more) socket.destroy()
  })

  it('streams that are given up as soon as they are asked for end their connection, and nothing goes on', async () => {
    const served = await serveStub({ limits: { idleMs: 200 } })
    const before = held()
    for (let times = 0; times < 5; times++) {
      const socket = deaf(served.port, Buffer.concat([PREFACE, rapidResets(1, 3000, '/ipfs/hangs')]))
      socket.resume()
      await pause(100)
      socket.destroy()
    }
    await isWell(served, before)
  })

  it('1,000 who leave in the middle leave nothing behind', async () => {
    const served = await serveStub()
    const { port, url, stub, log } = served
    const before = held()
    const leave1 = (at: number): Promise<void> => new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => { resolve() })
      socket.on('data', () => {
        if (at % 2 === 0) socket.destroy()
        else socket.resetAndDestroy()
      })
      socket.write(get(at % 4 < 2 ? '/ipfs/chunks/1600' : '/ipfs/slow/1'))
    })
    const session = connectHttp2(url)
    session.on('error', () => {})
    const leave2 = (): Promise<void> => new Promise((resolve) => {
      const stream = session.request({ ':path': '/ipfs/chunks/1600' })
      stream.on('error', () => {})
      stream.on('close', () => { resolve() })
      stream.once('data', () => { stream.close(8) })
    })
    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 50 }, (_, at) => at % 5 === 0 ? leave2() : leave1(at)))
    session.destroy()
    await until(() => stub.open === 0 && log.length === 1000)
    expect(new Set(log.map(({ code }) => code))).toEqual(new Set(['CLIENT_LEFT']))
    await isWell(served, before)
  })
})
