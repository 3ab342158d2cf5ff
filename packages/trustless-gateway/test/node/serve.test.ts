/** The server with a gateway that is none: what reaches it, and how its answers reach the network. */
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { nodeHandler } from '../../src/node.ts'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CHUNK, createStub, http2Frames, pause, raw, serveStub, statuses, until } from './stub.ts'

const get = (path: string, rest = ''): string => `GET ${path} HTTP/1.1\r\nhost: gateway.example\r\n${rest}\r\n`
const last = (path: string, rest = ''): string => get(path, `connection: close\r\n${rest}`)

const ask2 = (session: ClientHttp2Session, headers: Record<string, string>): Promise<{ readonly status: number, readonly body: Buffer, readonly error: string | undefined }> => new Promise((resolve) => {
  const stream = session.request(headers)
  const parts: Buffer[] = []
  let status = 0
  let error: string | undefined
  stream.on('response', (answer) => { status = answer[':status'] ?? 0 })
  stream.on('data', (part: Buffer) => { parts.push(part) })
  stream.on('error', (failure: NodeJS.ErrnoException) => { error = failure.message })
  stream.on('close', () => { resolve({ status, body: Buffer.concat(parts), error }) })
})

describe('HTTP/1.1', () => {
  it('carries method, target, headers and origin to the gateway, and whole answers back', async () => {
    const { stub, port, log } = await serveStub()
    const { text } = await raw(port, last('/ipfs/whole/a%20b?format=raw', 'accept: a\r\nAccept: b\r\nuser-agent: me\r\n'))
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text.endsWith('\r\n\r\nhello')).toBe(true)
    expect(text).toMatch(/content-length: 5\r\n/i)
    const [asked] = stub.asked
    expect(asked).toMatchObject({ method: 'GET', target: '/ipfs/whole/a%20b?format=raw', origin: 'http://gateway.example', client: '127.0.0.1' })
    expect([asked?.header('accept'), asked?.header('range')]).toEqual(['a, b', undefined])
    await until(() => log.length === 1)
    expect(log[0]).toMatchObject({ address: '127.0.0.1', method: 'GET', target: '/ipfs/whole/a%20b?format=raw', version: '1.1', status: 200, bytes: 5, agent: 'me', code: undefined })
  })

  it('sends streams in chunks, and nothing behind the head of HEAD and 304', async () => {
    const { port, log } = await serveStub()
    const { text, bytes } = await raw(port, last('/ipfs/chunks/40'))
    expect(text).toMatch(/transfer-encoding: chunked/i)
    expect(text.endsWith('\r\n0\r\n\r\n')).toBe(true)
    expect(bytes).toBeGreaterThan(40 * CHUNK.byteLength)
    for (const line of ['HEAD /ipfs/whole', 'HEAD /ipfs/chunks/40', 'GET /ipfs/fresh']) {
      const answer = await raw(port, `${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
      expect(answer.text, line).toMatch(/\r\n\r\n$/)
      expect(statuses(answer.text), line).toHaveLength(1)
    }
    expect(log.map(({ bytes: sent }) => sent)).toEqual([40 * CHUNK.byteLength, 0, 0, 0])
  })

  it.each(['', '?late', '?length', '?late&length'])('breaks an answer off so that it cannot be taken for whole%s', async (how) => {
    const { port, log, stub } = await serveStub()
    const { text, reset } = await raw(port, last(`/ipfs/broken/3${how}`))
    expect(reset, 'what was sent arrives').toBe(false)
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(text.length).toBeLessThan(3 * CHUNK.byteLength + 1000)
    expect(text.length).toBeGreaterThan(3 * CHUNK.byteLength)
    await until(() => log.length === 1)
    expect(log[0]).toMatchObject({ status: 200, code: 'BLOCKSTORE_UNREADABLE', bytes: 3 * CHUNK.byteLength })
    expect(stub.open).toBe(0)
  })

  it('resets the connection of HTTP/1.0, whose answers end with it', async () => {
    const { port } = await serveStub()
    const whole = await raw(port, 'GET /ipfs/chunks/3 HTTP/1.0\r\n\r\n')
    expect(whole.reset).toBe(false)
    expect((await raw(port, 'GET /ipfs/broken/3?late HTTP/1.0\r\n\r\n')).reset).toBe(true)
  })

  it('answers requests of one connection in order, one by one, and closes behind too many', async () => {
    const { port, stub } = await serveStub({ limits: { maxPipelined: 4 } })
    const { text } = await raw(port, [get('/ipfs/slow/1'), ...Array.from({ length: 20 }, () => get('/ipfs/whole'))].join(''))
    expect(statuses(text)).toEqual(['200', '200', '200', '200', '200'])
    expect(text.match(/connection: close/gi)).toHaveLength(1)
    expect(stub.asked).toHaveLength(5)
  })

  it('takes targets with a host, and leaves what is no path to nobody', async () => {
    const { port, stub } = await serveStub()
    expect(statuses((await raw(port, last('http://other.example/ipfs/whole'))).text)).toEqual(['200'])
    expect(stub.asked[0]?.target).toBe('/ipfs/whole')
    expect(statuses((await raw(port, last('http://other.example'))).text)).toEqual(['404'])
    expect(statuses((await raw(port, 'OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).text)).toEqual(['404'])
  })

  it('does not read a body, and takes nothing for a request that comes behind it', async () => {
    const { port, stub } = await serveStub()
    const body = get('/ipfs/missing')
    const { text } = await raw(port, `POST /ipfs/whole HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}${get('/ipfs/missing')}`)
    expect(statuses(text)).toEqual(['200'])
    expect(stub.asked.map(({ method }) => method)).toEqual(['POST'])
  })

  it('answers 500 where a gateway rejects, and tells it', async () => {
    const { port, events, log } = await serveStub()
    const { text } = await raw(port, last('/ipfs/rejects'))
    expect(statuses(text)).toEqual(['500'])
    expect(text).not.toContain('should not happen')
    expect(events).toEqual([{ type: 'failed', error: expect.objectContaining({ message: 'what should not happen' }) }])
    expect(log[0]?.code).toBe('GATEWAY_FAULT')
  })
})

describe('HTTP/2 by prior knowledge', () => {
  it('is told apart by its first bytes, whatever pieces they come in', async () => {
    const { port, url, log } = await serveStub()
    const session = connectHttp2(url)
    expect(await ask2(session, { ':path': '/ipfs/whole', 'user-agent': 'me' })).toMatchObject({ status: 200, body: Buffer.from('hello'), error: undefined })
    const stream = await ask2(session, { ':path': '/ipfs/chunks/40' })
    expect(stream).toMatchObject({ status: 200, error: undefined })
    expect(stream.body.byteLength).toBe(40 * CHUNK.byteLength)
    expect(await ask2(session, { ':path': '/ipfs/whole', ':method': 'HEAD' })).toMatchObject({ status: 200, error: undefined })
    session.close()
    expect(log[0]).toMatchObject({ version: '2.0', status: 200, bytes: 5, agent: 'me', code: undefined })
    for (const method of ['PUT', 'PRI', 'PR', 'GET', 'POST', 'PATCH']) {
      const { text } = await raw(port, method.slice(0, 1), async (socket) => {
        for (const char of `${method.slice(1)} /ipfs/whole HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`) {
          await pause(1)
          socket.write(char)
        }
      })
      // a method that nobody knows is refused by HTTP/1.1, one that opens HTTP/2 and goes on otherwise by that
      if (method === 'PRI') expect(text, method).not.toContain('hello')
      else expect(statuses(text), method).toEqual([method === 'PR' ? '400' : '200'])
    }
  })

  it.each(['', '?late'])('ends a broken answer with RST_STREAM, and never with the end of the stream before%s', async (how) => {
    const { port, stub } = await serveStub()
    const frames = (await http2Frames(port, `/ipfs/broken/1${how}`)).filter(({ stream }) => stream === 1)
    expect(frames.filter(({ flags, type }) => (type === 'DATA' || type === 'HEADERS') && (flags & 1) !== 0)).toEqual([])
    expect(frames.at(-1)).toMatchObject({ type: 'RST_STREAM' })
    expect(frames.at(-1)?.payload.readUInt32BE()).toBe(2) // INTERNAL_ERROR
    expect(stub.open).toBe(0)
    const whole = (await http2Frames(port, '/ipfs/chunks/1')).filter(({ stream }) => stream === 1)
    expect(whole.at(-1)).toMatchObject({ type: 'DATA', flags: 1 })
  })

  it('can be left out', async () => {
    const { port } = await serveStub({ http2: false })
    expect((await http2Frames(port, '/ipfs/whole')).filter(({ stream }) => stream === 1)).toEqual([])
    expect(statuses((await raw(port, last('/ipfs/whole'))).text)).toEqual(['200'])
  })
})

describe('whoever runs the server', () => {
  it('asks for its health', async () => {
    let ready = false
    const { url } = await serveStub({ health: () => ({ live: true, ready, reasons: ready ? [] : ['not yet'] }) })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const before = await fetch(`${url}/readyz`)
    expect([before.status, await before.json()]).toEqual([503, { ok: false, reasons: ['not yet'] }])
    ready = true
    expect((await fetch(`${url}/readyz?x`)).status).toBe(200)
    expect((await fetch(`${url}/readyz`, { method: 'POST' })).status).toBe(405)
  })

  it('reads metrics on this machine, and not through a proxy', async () => {
    const { url } = await serveStub({ metrics: () => ({ counters: [{ name: 'mine', labels: {}, value: 3 }], histograms: [] }) })
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toContain('dagstore_gateway_requests_total{route="raw"} 0\n')
    expect(text).toContain('dagstore_mine_total 3\n')
    expect(text).toMatch(/dagstore_gateway_connections \d/)
    expect((await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': '192.0.2.1' } })).status).toBe(404)
    const [nobody, everywhere] = [await serveStub({ measured: 'nobody' }), await serveStub({ measured: 'everywhere' })]
    expect((await fetch(`${nobody.url}/metrics`)).status).toBe(404)
    expect((await fetch(`${everywhere.url}/metrics`, { headers: { 'x-forwarded-for': '192.0.2.1' } })).status).toBe(200)
  })

  it('has a proxy of its own believed, and nobody else', async () => {
    const forwarded = 'x-forwarded-for: 203.0.113.9, 192.0.2.7\r\nx-forwarded-proto: https\r\nx-forwarded-host: gateway.example:8443\r\n'
    const behind = await serveStub({ proxies: ['127.0.0.1'] })
    await raw(behind.port, last('/ipfs/whole', forwarded))
    expect(behind.stub.asked[0]).toMatchObject({ client: '192.0.2.7', origin: 'https://gateway.example:8443' })
    expect(behind.log[0]?.address).toBe('192.0.2.7')
    const open = await serveStub()
    await raw(open.port, last('/ipfs/whole', forwarded))
    expect(open.stub.asked[0]).toMatchObject({ client: '127.0.0.1', origin: 'http://gateway.example' })
    await expect(serveStub({ proxies: ['nginx'] })).rejects.toThrow(TypeError)
  })
})

describe('a server that closes', () => {
  it('lets what is under way end, takes nothing new, and leaves its port at once', async () => {
    const { server, port, url, stub } = await serveStub()
    const idle = raw(port, get('/ipfs/whole'))
    const silent = raw(port, '')
    const session = connectHttp2(url)
    const goaway = new Promise<void>((resolve) => { session.once('goaway', () => { resolve() }) })
    const running = [raw(port, get('/ipfs/slow/2')), ask2(session, { ':path': '/ipfs/slow/2' })] as const
    await until(() => stub.open === 2 && stub.taken > 4)
    const closed = server.close()
    await goaway
    await expect(fetch(`${url}/ipfs/whole`)).rejects.toThrow('fetch failed')
    const [one, two] = await Promise.all(running)
    expect(one.text.endsWith('\r\n0\r\n\r\n')).toBe(true)
    expect(two).toMatchObject({ status: 200, error: undefined })
    expect(two.body.byteLength).toBe(100 * CHUNK.byteLength)
    await Promise.all([closed, idle, silent])
    const again = await serveStub({ listen: { port } })
    expect((await fetch(`${again.url}/ipfs/whole`)).status).toBe(200)
  })

  it('breaks off at the deadline what has not ended', async () => {
    const { server, port, url, stub, log } = await serveStub()
    const session = connectHttp2(url)
    session.on('error', () => {})
    const running = [raw(port, get('/ipfs/slow/20')), raw(port, get('/ipfs/hangs')), ask2(session, { ':path': '/ipfs/hangs' })] as const
    await until(() => stub.open === 3)
    await server.close({ deadlineMs: 50 })
    const [one, two] = await Promise.all(running)
    expect(one.text).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(two.bytes).toBe(0)
    await until(() => stub.open === 0 && log.length === 3)
    expect(log.map(({ code }) => code)).toEqual(['CLIENT_LEFT', 'CLIENT_LEFT', 'CLIENT_LEFT'])
  })

  it('says by its code why it cannot listen', async () => {
    const { port } = await serveStub()
    await expect(serveStub({ listen: { port } })).rejects.toMatchObject({ code: 'GATEWAY_ADDRESS_IN_USE' })
    await expect(serveStub({ listen: { host: '192.0.2.1', port: 0 } })).rejects.toMatchObject({ code: 'GATEWAY_CANNOT_LISTEN' })
    await expect(serveStub({ limits: { maxStreams: 0 } })).rejects.toThrow(RangeError)
  })
})

describe('nodeHandler', () => {
  it('answers what the gateway claims on a server of somebody else, and leaves the rest untouched', async () => {
    const stub = createStub()
    const handle = nodeHandler(stub)
    const server = createServer((request, response) => {
      const left = new AbortController()
      response.once('close', () => { left.abort() })
      void handle(request, response, { signal: left.signal }).then((isAnswered) => { if (!isAnswered) response.writeHead(418).end() })
    })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    const { port } = server.address() as AddressInfo
    try {
      expect(await (await fetch(`http://127.0.0.1:${port}/ipfs/whole`)).text()).toBe('hello')
      expect((await (await fetch(`http://127.0.0.1:${port}/ipfs/chunks/9`)).arrayBuffer()).byteLength).toBe(9 * CHUNK.byteLength)
      expect((await fetch(`http://127.0.0.1:${port}/else`)).status).toBe(418)
      const leaves = new AbortController()
      const hanging = fetch(`http://127.0.0.1:${port}/ipfs/hangs`, { signal: leaves.signal }).catch(() => 'left')
      await until(() => stub.open === 1)
      leaves.abort()
      expect(await hanging).toBe('left')
      await until(() => stub.open === 0)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
