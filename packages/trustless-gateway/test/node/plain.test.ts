/** Connections of plain requests, and where they stop to be that. */
import { connect, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { PlainRequests } from '../../src/node/plain-request.ts'
import { CHUNK, pause, raw, serveStub, statuses, until } from './stub.ts'

const get = (path: string, rest = ''): string => `GET ${path} HTTP/1.1\r\nhost: gateway.example\r\n${rest}\r\n`
const read = (text: string, maxBytes = 16_384) => new PlainRequests(maxBytes).read(Buffer.from(text, 'latin1'))

describe('a plain request', () => {
  it('is read with its headers, named in lower case', () => {
    expect(read('GET /ipfs/x?format=raw HTTP/1.1\r\nHost: a\r\nX-Y:b c\r\nEmpty:\r\nlatin: \u00e9\r\n\r\n'))
      .toEqual({ method: 'GET', target: '/ipfs/x?format=raw', headers: { host: 'a', 'x-y': 'b c', empty: '', latin: '\u00e9' } })
    expect(read('HEAD / HTTP/1.1\r\nhost:\r\n\r\n')).toEqual({ method: 'HEAD', target: '/', headers: { host: '' } })
  })

  it.each([
    'POST / HTTP/1.1\r\nhost: a\r\n\r\n', 'get / HTTP/1.1\r\nhost: a\r\n\r\n', 'GET  / HTTP/1.1\r\nhost: a\r\n\r\n', 'GET / HTTP/1.0\r\nhost: a\r\n\r\n', 'GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', 'GET /\u00e9 HTTP/1.1\r\nhost: a\r\n\r\n', '\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\nx: y\r\n\r\n', '\r\n\r\n',
    'GET / HTTP/1.1\nhost: a\n\n', 'GET / HTTP/1.1\r\nhost: a\r\n', 'GET / HTTP/1.1\r\nhost: a\r\n\r\nx', 'GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\nb: c\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\rb: c\r\n\r\n',
    'GET / HTTP/1.1\r\nhost : a\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\n x\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\n: x\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nx\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nx: \u0000\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nx:  y\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nx: y \r\n\r\n',
    'GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\n__proto__: b\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nconstructor: b\r\n\r\n',
    ...['connection: close', 'Connection: keep-alive', 'content-length: 0', 'transfer-encoding: chunked', 'upgrade: h2c', 'expect: 100-continue', 'te: trailers', 'trailer: x', 'keep-alive: 5', 'proxy-connection: x', 'http2-settings: x'].map((line) => `GET / HTTP/1.1\r\nhost: a\r\n${line}\r\n\r\n`),
  ])('is not %j', (text) => { expect(read(text)).toBeUndefined() })

  it('is no longer than headers may be', () => {
    const text = get('/', `x: ${'y'.repeat(1000)}\r\n`)
    expect([read(text)?.headers.host, read(text, text.length)?.headers.host, read(text, text.length - 1), read(get('/', `x: ${'y'.repeat(5000)}\r\n`))]).toEqual(['gateway.example', 'gateway.example', undefined, undefined])
  })

  it('is read anew where its headers are others than before', () => {
    const requests = new PlainRequests(16_384)
    const of = (text: string) => requests.read(Buffer.from(text))
    const first = of(get('/a', 'accept: b\r\n'))
    expect(of(get('/c', 'accept: b\r\n'))).toEqual({ ...first, target: '/c' })
    expect(of(get('/c', 'accept: d\r\n'))?.headers).toEqual({ host: 'gateway.example', accept: 'd' })
    expect(of('GET /c HTTP/1.1\r\nhost\r\n\r\n')).toBeUndefined()
    expect(of('GET /c HTTP/1.1\r\n\r\n')).toBeUndefined()
    expect(of(get('/c'))?.headers).toEqual({ host: 'gateway.example' })
  })
})

/** One connection that asks, and waits until what has come ends so. */
const talk = (port: number): { readonly socket: Socket, readonly ask: (bytes: string, end: string | RegExp) => Promise<string>, readonly closed: Promise<void> } => {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (bytes) => { text += bytes.toString('latin1') })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => { socket.once('close', () => { resolve() }) })
  return {
    socket, closed,
    ask: async (bytes, end) => {
      text = ''
      socket.write(bytes, 'latin1')
      await until(() => typeof end === 'string' ? text.endsWith(end) : end.test(text))
      return text
    },
  }
}

describe('a connection of plain requests', () => {
  it('gives one answer after another: whole ones, streams, refusals, and heads alone', async () => {
    const { port, log, stub } = await serveStub()
    const { socket, ask } = talk(port)
    const whole = await ask(get('/ipfs/whole'), 'hello')
    expect(whole).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:[\w-]+: [^\r\n]+\r\n)+\r\nhello$/)
    for (const line of [/\r\ncontent-length: 5\r\n/, /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/, /\r\nConnection: keep-alive\r\nKeep-Alive: timeout=15\r\n/]) expect(whole).toMatch(line)
    const stream = await ask(get('/ipfs/chunks/40'), '\r\n0\r\n\r\n')
    expect(stream).toMatch(/\r\nTransfer-Encoding: chunked\r\n/)
    expect(stream.split('\r\n10000\r\n')).toHaveLength(41)
    expect(stream.length).toBeGreaterThan(40 * CHUNK.byteLength)
    expect(await ask('HEAD /ipfs/whole HTTP/1.1\r\nhost: x\r\n\r\n', '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 5\r\n/)
    expect(await ask('HEAD /ipfs/chunks/40 HTTP/1.1\r\nhost: x\r\n\r\n', '\r\n\r\n')).not.toMatch(/chunked/)
    expect(await ask(get('/ipfs/fresh'), '\r\n\r\n')).not.toMatch(/content-length|chunked/i)
    expect(await ask(get('/ipfs/missing'), 'not here\n')).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[^]*\r\nContent-Length: 9\r\n/)
    expect(await ask(get('/nothing'), /\n$/)).toMatch(/^HTTP\/1\.1 404 /)
    expect(log.map(({ status, bytes, code }) => [status, bytes, code])).toEqual([
      [200, 5, undefined], [200, 40 * CHUNK.byteLength, undefined], [200, 0, undefined], [200, 0, undefined], [304, 0, undefined], [404, 9, 'GATEWAY_NOT_FOUND'], [404, log[6]?.bytes, 'GATEWAY_NO_SUCH_PATH'],
    ])
    expect(new Set(log.map(({ version }) => version))).toEqual(new Set(['1.1']))
    expect(stub.open).toBe(0)
    socket.destroy()
  })

  it('goes on with requests that are not plain, in pieces, behind each other, or the last', async () => {
    const { port, stub } = await serveStub()
    const { socket, ask, closed } = talk(port)
    await ask(get('/ipfs/whole/1'), 'hello')
    socket.write('GET /ipfs/whole/2 HTTP/1.1\r\nho')
    await pause(20)
    await ask('st: x\r\n\r\n', 'hello')
    await ask(get('/ipfs/whole/3') + get('/ipfs/whole/4'), /hello[^]*hello$/)
    const text = await ask(get('/ipfs/whole/5', 'connection: close\r\n'), 'hello')
    expect(text).toMatch(/connection: close/i)
    await closed
    expect(stub.asked.map(({ target }) => target.at(-1))).toEqual(['1', '2', '3', '4', '5'])
  })

  it('answers what came before its turn when that comes', async () => {
    const { port, stub } = await serveStub()
    const { socket, ask } = talk(port)
    socket.write(get('/ipfs/slow/1'))
    await until(() => stub.open === 1)
    socket.write(get('/ipfs/whole/2'))
    await pause(10)
    const text = await ask(`${get('/ipfs/whole/3')}${get('/ipfs/missing')}`, 'not here\n')
    expect(statuses(text).slice(-3)).toEqual(['200', '200', '404'])
    expect(stub.asked).toHaveLength(4)
    socket.destroy()
  })

  it('ends where far more comes than may wait, and where its peer leaves', async () => {
    const { port, stub, log } = await serveStub()
    for (const leave of [({ socket }: ReturnType<typeof talk>) => { socket.write(get('/ipfs/whole').repeat(20_000)) }, ({ socket }: ReturnType<typeof talk>) => { socket.end() }, ({ socket }: ReturnType<typeof talk>) => { socket.resetAndDestroy() }]) {
      const talking = talk(port)
      talking.socket.write(get('/ipfs/hangs'))
      await until(() => stub.open === 1)
      leave(talking)
      await talking.closed
      await until(() => stub.open === 0)
    }
    await until(() => log.length === 3)
    expect(log.map(({ code }) => code)).toEqual(['CLIENT_LEFT', 'CLIENT_LEFT', 'CLIENT_LEFT'])
  })

  it('takes no header that would be two', async () => {
    const { port, stub, log } = await serveStub()
    stub.answer = async () => ({ status: 200, headers: { etag: '"a"\r\nx-evil: 1' }, body: Buffer.from('hello') })
    expect((await raw(port, get('/ipfs/whole'))).bytes).toBe(0)
    stub.answer = async () => ({ status: 200, headers: { 'a b': 'c' }, body: Buffer.from('hello') })
    expect((await raw(port, get('/ipfs/whole'))).bytes).toBe(0)
    expect(log.map(({ code, bytes }) => [code, bytes])).toEqual([['TypeError', 0], ['TypeError', 0]])
  })

  it('ends at once when the server leaves, or behind the answer that is under way', async () => {
    const { port, server, stub } = await serveStub()
    const idle = talk(port)
    await idle.ask(get('/ipfs/whole'), 'hello')
    const busy = talk(port)
    const asked = busy.ask(get('/ipfs/slow/3'), '\r\n0\r\n\r\n')
    await until(() => stub.open === 1)
    const closing = server.close()
    await idle.closed
    expect(await asked).toMatch(/^HTTP\/1\.1 200 /)
    await Promise.all([busy.closed, closing])
  })
})
