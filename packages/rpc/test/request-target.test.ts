import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import type { ServeOptions } from '../src/index.ts'
import { call, serveInTest, type World } from './server.ts'

const open = (options: Partial<ServeOptions> = {}): Promise<World> => serveInTest({ api: { Session: async () => 'done', LogList: async () => ['rpc'] }, ...options })

const request = (line: string, heads: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, 'Host: localhost', ...heads, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')

const CLOSE = ['Connection: close']

/** What Java's client sends with every request. */
const H2C = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA']

describe('a target with a host', () => {
  it('is answered as its path is', async () => {
    const world = await open({ extra: ({ url, headers }, response) => { response.end(`${headers.host} ${url}`); return true }, hosts: ['node.example'] })
    for (const target of ['http://localhost/rpc/v0', 'HTTP://localhost:2350/rpc/v1', 'https://localhost/rpc/v0', 'http://[::1]/rpc/v0?x=1']) {
      expect(await world.raw(request(`POST ${target}`, CLOSE, call('Session')))).toMatch(/^HTTP\/1.1 200 .*"result":"done"/s)
    }
    for (const [target, seen] of [['http://node.example/a?b=c', 'node.example /a?b=c'], ['http://node.example:80', 'node.example:80 /'], ['http://localhost?b', 'localhost /?b']]) {
      expect(await world.raw(request(`GET ${target}`, CLOSE))).toContain(`\r\n\r\n${seen}`)
    }
  })

  it('is asked for by that host, and not by the one of the header', async () => {
    const world = await open()
    expect(await world.raw(request('POST http://evil.example/rpc/v0', CLOSE, call('Session')))).toMatch(/^HTTP\/1.1 403 /)
    expect(await world.raw(request('POST http://evil.example/rpc/v0', [...CLOSE, 'Origin: http://evil.example'], call('Session')))).toMatch(/^HTTP\/1.1 403 /)
    expect(await world.raw(request('POST http://localhost/rpc/v0', CLOSE, call('Session')).replace('Host: localhost', 'Host: evil.example'))).toMatch(/^HTTP\/1.1 200 /)
    // of others the whole is no target
    for (const target of ['http://user@localhost/rpc/v0', 'ftp://localhost/rpc/v0', 'http:///rpc/v0', 'localhost:2350']) {
      expect(await world.raw(request(`POST ${target}`, CLOSE, call('Session')))).toMatch(/^HTTP\/1.1 4/)
    }
  })

  it('has its token told to nobody', async () => {
    const world = await open()
    const token = world.tokens.sign(['write'])
    expect(await world.raw(request(`POST http://localhost/rpc/v0?token=${token}`, CLOSE, call('LogList')))).toContain('"result":["rpc"]')
    expect(await world.raw(request(`POST http://localhost/other?token=${token}`, CLOSE))).toMatch(/^HTTP\/1.1 404 /)
    expect(world.events.find(({ type }) => type === 'refused')).toMatchObject({ path: '/other' })
  })

  it('is opened as a WebSocket', async () => {
    const world = await open()
    const key = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
    expect(await world.raw(request('GET http://localhost/rpc/v1', key), /\r\n\r\n/)).toMatch(/^HTTP\/1.1 101 /)
    expect(await world.raw(request('GET http://evil.example/rpc/v1', key))).toMatch(/^HTTP\/1.1 403 /)
  })
})

describe('an upgrade that is not taken', () => {
  it('is ignored, whatever has a body or none', async () => {
    const world = await open({ extra: ({ url }, response) => { response.end(`at ${url}`); return true } })
    const body = call('Session')
    expect(await world.raw(request('POST /rpc/v0', H2C, body))).toMatch(/^HTTP\/1.1 200 .*connection: close.*"result":"done"/is)
    const chunks = ['POST /rpc/v0 HTTP/1.1', 'Host: localhost', ...H2C, 'Transfer-Encoding: chunked', '', body.length.toString(16), body, '0', '', ''].join('\r\n')
    expect(await world.raw(chunks)).toMatch(/^HTTP\/1.1 200 .*"result":"done"/s)
    expect(await world.raw(chunks.split(''))).toMatch(/^HTTP\/1.1 200 .*"result":"done"/s)
    expect(await world.raw(request('GET /file', H2C))).toMatch(/^HTTP\/1.1 200 .*at \/file/s)
    expect(await world.raw(request('GET /healthz', H2C))).toMatch(/^HTTP\/1.1 200 .*\{"ok":true\}/s)
    expect(await world.raw(request('GET /rpc/v0', H2C))).toMatch(/^HTTP\/1.1 405 /)
    expect(await world.raw(request('POST /rpc/v0', ['Connection: Upgrade', 'Upgrade: websocket'], body))).toMatch(/^HTTP\/1.1 200 .*"result":"done"/s)
    expect(await world.raw(request('GET /file', ['Connection: Upgrade', 'Upgrade: websocket']))).toMatch(/^HTTP\/1.1 200 .*at \/file/s)
  })

  it('is the last request of its connection, however what follows is cut', async () => {
    const asked: string[] = []
    let go: () => void = () => {}
    const world = await open({ extra: ({ url = '' }, response) => { asked.push(url); go = () => { response.end('whole') }; return true } })
    const hidden = request('GET /hidden')
    const first = request('GET /first', H2C)
    const behind = request('POST /behind', [], hidden)
    for (let at = first.length; at <= first.length + behind.length; at += 13) {
      const socket = await world.open()
      let text = ''
      socket.on('data', (chunk: Buffer) => { text += chunk.toString() })
      const closed = new Promise((resolve) => { socket.on('close', resolve) })
      socket.on('error', () => {})
      const all = first + behind
      socket.write(all.slice(0, at))
      while (asked.length === 0) await turn()
      socket.write(all.slice(at))
      for (let i = 0; i < 20; i++) await turn()
      go()
      await closed
      expect(text.match(/HTTP\/1.1 \d+/g)?.[0]).toBe('HTTP/1.1 200')
      expect(asked.splice(0)).toEqual(['/first'])
    }
  })

  it('leaves those that are taken as they were', async () => {
    const world = await open()
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}/rpc/v0`)
    const answer = new Promise((resolve) => { socket.on('message', (data: Buffer) => { resolve(JSON.parse(data.toString())) }) })
    socket.on('open', () => { socket.send(call('Session')) })
    expect(await answer).toMatchObject({ result: 'done' })
    socket.terminate()
    expect(await world.raw(request('GET /rpc/v0', ['Connection: Upgrade', 'Upgrade: WebSocket']), /\r\n\r\n/)).toMatch(/^HTTP\/1.1 400 /)
    expect(await world.raw('CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('')
  })
})
