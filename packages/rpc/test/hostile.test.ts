/** Whatever comes, the server answers with what JSON-RPC knows, or closes; and goes on serving. */
import { METHOD_NAMES, METHODS, type LotusApi } from '@dagstore/lotus-api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { call, serve, type World } from './server.ts'

const LONG = process.env['DAGSTORE_LONG'] !== undefined
const runs = (short: number): { readonly numRuns: number } => ({ numRuns: LONG ? short * 100 : short })

/** Takes what comes, as far as it came through the checks of parameters. */
const api = Object.fromEntries(METHOD_NAMES.map((name) => [name, METHODS[name].stream
  ? async function * () { /* empty */ }
  : async () => { throw Object.assign(new Error('reached'), { code: 'REACHED' }) }])) as unknown as LotusApi

let world: World
let faults: unknown[]
const fault = (error: unknown): void => { faults.push(error) }
beforeAll(async () => {
  faults = []
  process.on('uncaughtException', fault)
  process.on('unhandledRejection', fault)
  world = await serve({ api, limits: { maxBodyBytes: 1 << 16, headersMs: 500, requestMs: 500, maxRequests: 1 << 14, maxClientRequests: 1 << 14 } })
})
afterAll(async () => {
  await world.close()
  process.off('uncaughtException', fault)
  process.off('unhandledRejection', fault)
  expect(faults).toEqual([])
})

const serves = async (): Promise<void> => {
  expect((await fetch(`${world.url}/healthz`)).status).toBe(200)
}

/** JSON of any depth and number, as people and machines get it wrong. */
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.constantFrom('', '__proto__', 'constructor', 'Filecoin.Version', -0, 1e308)),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('jsonrpc', 'id', 'method', 'params', '/', '__proto__', 'Key', 'After', 'Limit')), tie('value'), { maxKeys: 5 })
  ),
})).value

const methodName = fc.oneof(fc.constantFrom(...METHOD_NAMES.map((name) => METHODS[name].name)), fc.string(), fc.constantFrom('xrpc.cancel', 'xrpc.ch.val', 'xrpc.ch.close', 'toString', '__proto__', 'Filecoin.'))

const request = fc.record({ jsonrpc: fc.constantFrom('2.0', '1.0', 2), id: fc.oneof(fc.integer(), fc.string(), fc.constant(null), json), method: methodName, params: fc.oneof(fc.array(json, { maxLength: 5 }), json) }, { requiredKeys: [] })

const isAnswer = (value: unknown): boolean => typeof value === 'object' && value !== null && ('result' in value || ('error' in value && typeof (value.error as { code: unknown }).code === 'number'))

describe('a hostile caller', () => {
  it('gets an answer of JSON-RPC to any JSON', async () => {
    const authorization = `Bearer ${world.tokens.sign(['read', 'write', 'sign', 'admin'])}`
    await fc.assert(fc.asyncProperty(fc.oneof(request, fc.array(request, { maxLength: 4 }), json), async (body) => {
      const answer = await world.post(JSON.stringify(body), { authorization })
      expect([200, 400, 500]).toContain(answer.status)
      const text = await answer.text()
      if (text === '') return // notifications
      const value: unknown = JSON.parse(text)
      expect(Array.isArray(value) ? value.every(isAnswer) : isAnswer(value)).toBe(true)
    }), runs(500))
    await serves()
  })

  it('gets one to any text, whole or cut', async () => {
    const whole = call('DagstoreQueryShards', [{ After: 'x', Limit: 1e22 }]).replace('1e+22', '12345678901234567890123')
    await fc.assert(fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.nat(whole.length).map((at) => whole.slice(0, at)), fc.nat(5000).map((depth) => '['.repeat(depth)), fc.nat(5000).map((depth) => '{"a":'.repeat(depth))), async (body) => {
      const answer = await world.post(body)
      expect(isAnswer(await answer.json())).toBe(true)
    }), runs(200))
    await serves()
  })

  it('gets an answer of HTTP to any bytes, or a closed connection', async () => {
    const line = fc.oneof(
      fc.constantFrom('POST /rpc/v0 HTTP/1.1', 'GET /rpc/v0 HTTP/1.1', 'GET /metrics HTTP/1.0', 'OPTIONS * HTTP/1.1', 'GET //x HTTP/1.1', 'CONNECT localhost:1 HTTP/1.1', 'TRACE / HTTP/1.1', 'GET /%00%ff?token=%zz HTTP/1.1'),
      fc.string({ unit: 'binary', maxLength: 40 })
    )
    const header = fc.oneof(
      fc.constantFrom('Host: localhost', 'Host: ', 'Host: [::', 'Host: a\r\nHost: b', 'Origin: null', 'Origin: http://[', 'Content-Length: -1', 'Content-Length: 5', 'Content-Length: 1e3', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked',
        'Upgrade: websocket', 'Upgrade: h2c', 'Connection: Upgrade', 'Connection: close', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 99', 'Authorization: Bearer',
        'Authorization: Bearer a.b.c', 'Expect: 100-continue', 'Expect: what', 'Cookie: a=b'),
      fc.string({ maxLength: 60 })
    )
    await fc.assert(fc.asyncProperty(line, fc.array(header, { maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 100 }), async (first, headers, rest) => {
      const text = await world.raw(`${[first, ...headers].join('\r\n')}\r\n\r\n${rest}`, /^HTTP\/1.1 [2-5]\d\d .*\r\n\r\n/s)
      expect(text).toMatch(/^$|^HTTP\/1.1 \d{3} /)
    }), runs(200))
    await serves()
  })

  it('gets an answer to each request on a WebSocket that has an id, and no harm is done by frames of any form', async () => {
    const url = `${world.url.replace('http', 'ws')}/rpc/v0?token=${world.tokens.sign(['read', 'write', 'sign', 'admin'])}`
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(request.map((value) => JSON.stringify(value)), json.map((value) => JSON.stringify(value)), fc.string(), fc.uint8Array({ maxLength: 50 })), { maxLength: 8 }), async (messages) => {
      const socket = new WebSocket(url)
      const answers: unknown[] = []
      await new Promise((resolve, reject) => { socket.on('open', resolve); socket.on('error', reject) })
      const last = new Promise<void>((resolve) => {
        socket.on('message', (data: Buffer) => {
          const value = JSON.parse(data.toString()) as { id?: unknown }
          answers.push(value)
          if (value.id === 'the last one') resolve()
        })
        socket.on('close', () => { resolve() })
      })
      for (const message of messages) socket.send(message)
      socket.send(JSON.stringify({ id: 'the last one', method: 'Filecoin.Nope', params: [] }))
      await last
      for (const answer of answers) expect(isAnswer(answer) || String((answer as { method: unknown }).method).startsWith('xrpc.ch.')).toBe(true)
      expect(answers.length).toBeGreaterThan(0)
      socket.terminate()
    }), runs(100))
    await serves()
  })

  it('closes nobody else by frames that are none', async () => {
    const handshake = 'GET /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
    const other = world.client(['read'])
    await other.Version().catch(() => {})
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (frames) => {
      const socket = await world.open()
      const closed = new Promise((resolve) => { socket.on('close', resolve) })
      socket.on('data', () => {})
      socket.write(handshake)
      socket.end(frames)
      await closed
    }), runs(100))
    await expect(other.Version()).rejects.toMatchObject({ data: { code: 'REACHED' } })
    await serves()
  })
})
