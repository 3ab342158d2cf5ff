import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { ExtraContext, ExtraHandler } from '../src/index.ts'
import { call, serveInTest } from './server.ts'


const until = async (is: () => boolean): Promise<void> => { while (!is()) await turn() }

const file: ExtraHandler = ({ url, method, headers }, response) => {
  if (url !== '/file') return false
  if (method === 'GET' || method === 'HEAD') response.writeHead(200, { 'x-own': 'yes' }).end(`${method} ${headers.accept}`)
  else if (method === 'OPTIONS') response.writeHead(204, { 'access-control-allow-origin': '*' }).end()
  else response.writeHead(405, { allow: 'GET, HEAD, OPTIONS' }).end()
  return true
}

/** Sends without an end, as fast as it is taken. */
const endless = (): { readonly extra: ExtraHandler, readonly contexts: ExtraContext[], readonly sent: { bytes: number } } => {
  const contexts: ExtraContext[] = []
  const sent = { bytes: 0 }
  const send: ExtraHandler = async (_request, response, context) => {
    contexts.push(context)
    const left = new Promise<void>((resolve) => { context.signal.addEventListener('abort', () => { resolve() }) })
    while (!context.signal.aborted) {
      sent.bytes += 1 << 16
      if (!response.write(new Uint8Array(1 << 16))) await Promise.race([once(response, 'drain'), left])
    }
    response.destroy()
    return true
  }
  return { extra: send, contexts, sent }
}

describe('what else is answered', () => {
  it('is asked for every method of every other path', async () => {
    const world = await serveInTest({ extra: file })
    const answer = await fetch(`${world.url}/file`, { headers: { accept: 'application/vnd.ipld.car' } })
    expect([answer.status, answer.headers.get('x-own'), await answer.text()]).toEqual([200, 'yes', 'GET application/vnd.ipld.car'])
    const head = await fetch(`${world.url}/file`, { method: 'HEAD' })
    expect([head.status, head.headers.get('x-own'), await head.text()]).toEqual([200, 'yes', ''])
    expect((await fetch(`${world.url}/file`, { method: 'OPTIONS' })).status).toBe(204)
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND']) {
      const refused = await fetch(`${world.url}/file`, { method })
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
    }
  })

  it('leaves paths that it does not know as they are, and is never asked for those of the server', async () => {
    const asked: string[] = []
    const world = await serveInTest({
      extra: ({ url = '' }, response) => {
        asked.push(url)
        response.setHeader('content-encoding', 'gzip')
        return false
      },
    })
    const other = await fetch(`${world.url}/other`)
    expect([other.status, other.headers.get('content-encoding'), await other.json()]).toEqual([404, null, { Error: 'there is nothing at that path' }])
    for (const path of ['/rpc/v0', '/rpc/v1', '/healthz', '/readyz', '/metrics']) await (await fetch(world.url + path)).text()
    // a name of a host where a path should begin
    expect(await world.raw('GET //evil.example/file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 404 /)
    expect(await world.raw('OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 404 /)
    expect(asked).toEqual(['/other'])
  })

  it('is kept by host, origin and token as reading is', async () => {
    const world = await serveInTest({ extra: file, anonymous: 'nobody', origins: ['https://page.example'] })
    expect((await fetch(`${world.url}/file`)).status).toBe(401)
    expect((await fetch(`${world.url}/other`)).status).toBe(401)
    const token = { authorization: `Bearer ${world.tokens.sign(['read'])}` }
    expect((await fetch(`${world.url}/file`, { headers: token })).status).toBe(200)
    expect((await fetch(`${world.url}/file`, { headers: { authorization: `Bearer ${world.tokens.sign(['write'])}` } })).status).toBe(403)
    expect((await fetch(`${world.url}/file`, { headers: { ...token, origin: 'https://evil.example' } })).status).toBe(403)
    expect(await world.raw('GET /file HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 403 /)
    const page = await fetch(`${world.url}/file`, { headers: { ...token, origin: 'https://page.example' } })
    expect([page.status, page.headers.get('access-control-allow-origin'), page.headers.get('vary')]).toEqual([200, 'https://page.example', 'Origin'])
  })

  it('answers preflights of pages that may ask before the server does', async () => {
    const world = await serveInTest({ extra: file, anonymous: 'nobody', origins: ['https://page.example'] })
    const ask = (path: string): Promise<Response> => fetch(world.url + path, { method: 'OPTIONS', headers: { origin: 'https://page.example', 'access-control-request-method': 'GET' } })
    const own = await ask('/file')
    expect([own.status, own.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    const ours = await ask('/other')
    expect([ours.status, ours.headers.get('access-control-allow-origin'), ours.headers.get('access-control-allow-methods')]).toEqual([204, 'https://page.example', 'POST, GET, HEAD'])
  })

  it('answers everybody where it is so configured, and nothing else does', async () => {
    const world = await serveInTest({ extra: file, extraAccess: 'everywhere', anonymous: 'nobody' })
    for (const head of ['Host: gateway.example', 'Host: localhost\r\nOrigin: https://evil.example', 'Host: localhost\r\nAuthorization: Bearer x', 'Host: localhost\r\nX-Forwarded-For: 1.1.1.1']) {
      expect(await world.raw(`GET /file HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 200 .*x-own: yes/s)
      expect(await world.raw(`GET /other HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 404 /)
      for (const path of ['/rpc/v0', '/metrics']) expect(await world.raw(`GET ${path} HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 40[135] /)
    }
    expect((await world.post(call('DagstoreListShards'))).status).toBe(401)
    // its answers say themselves whose they are
    expect((await fetch(`${world.url}/file`)).headers.has('vary')).toBe(false)
  })

  it('holds back where nobody reads, and hears that its peer has left', async () => {
    const { extra, contexts, sent } = endless()
    const world = await serveInTest({ extra })
    const socket = await world.open()
    socket.pause()
    socket.write('GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => contexts.length === 1)
    let before = -1
    while (before !== sent.bytes) {
      before = sent.bytes
      for (let i = 0; i < 1000; i++) await turn()
    }
    expect(sent.bytes).toBeLessThan(1 << 25)
    socket.destroy()
    await until(() => contexts[0]?.signal.aborted === true)
    expect(contexts[0]?.client).toBe('127.0.0.1')
    while (!(await fetch(`${world.url}/metrics`).then((answer) => answer.text())).includes('dagstore_rpc_requests 1\n')) await turn()
    expect(world.events.filter(({ type }) => type === 'failed')).toEqual([])
  })

  it('loses a peer that takes nothing for too long, and no answer that is long in coming', async () => {
    const { extra, contexts } = endless()
    let go: () => void = () => {}
    const late: ExtraHandler = async (_request, response) => {
      await new Promise<void>((resolve) => { go = resolve })
      response.end('late')
      return true
    }
    const world = await serveInTest({ extra: (request, ...rest) => request.url === '/late' ? late(request, ...rest) : extra(request, ...rest), limits: { stalledMs: 100 } })
    const waiting = fetch(`${world.url}/late`)
    const socket = await world.open()
    socket.pause()
    socket.write('GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => contexts[0]?.signal.aborted === true)
    go()
    expect(await (await waiting).text()).toBe('late')
    socket.destroy()
  })

  it('counts as a request of its client', async () => {
    const { extra, contexts } = endless()
    const world = await serveInTest({ extra, extraAccess: 'everywhere', limits: { maxClientRequests: 1 } })
    const socket = await world.open()
    socket.write('GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => contexts.length === 1)
    const refused = await fetch(`${world.url}/endless`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    socket.destroy()
  })

  it('is waited for when the server closes, and told to end at the deadline', async () => {
    const { extra, contexts } = endless()
    const clock = createFakeClock()
    let finish: () => void = () => {}
    const world = await serveInTest({
      clock,
      extra: async (request, response, context) => {
        if (request.url !== '/slow') return extra(request, response, context)
        response.write('begun ')
        await new Promise<void>((resolve) => { finish = resolve })
        response.end('whole')
        return true
      },
    })
    const slow = await fetch(`${world.url}/slow`)
    const cut = await fetch(`${world.url}/endless`)
    const gone = cut.body?.pipeTo(new WritableStream()).catch(() => 'cut')
    const closed = world.server.close({ deadlineMs: 5000 })
    await clock.advance(4999)
    expect(contexts[0]?.signal.aborted).toBe(false)
    finish()
    expect(await slow.text()).toBe('begun whole')
    await clock.advance(1)
    expect(contexts[0]?.signal.aborted).toBe(true)
    expect(await gone).toBe('cut')
    await closed
  })

  it('ends what has begun and fails, and says of the rest nothing but that it did', async () => {
    const world = await serveInTest({
      extra: async ({ url }, response) => {
        response.setHeader('content-encoding', 'gzip')
        if (url === '/lies') response.write('begun')
        if (url === '/breaks') response.writeHead(200, { 'content-length': '100' }).write('begun')
        if (url === '/lies') return false
        throw new Error('a secret of the store')
      },
    })
    const thrown = await fetch(`${world.url}/throws`)
    expect([thrown.status, thrown.headers.get('content-encoding'), await thrown.text()]).toEqual([500, null, '{"Error":"the request could not be answered"}'])
    for (const path of ['/breaks', '/lies']) await expect(fetch(world.url + path).then((broken) => broken.text())).rejects.toThrow()
    // only the log is told why
    expect(world.events.filter(({ type }) => type === 'failed').map((event) => 'message' in event ? event.message : '').slice(0, 2)).toEqual(['/throws: a secret of the store', '/breaks: a secret of the store'])
  })

  it('begins nothing behind a body that it has left', async () => {
    const world = await serveInTest({ extra: file })
    const text = await world.raw('POST /file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nGET /file HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 405'])
    expect(text).toMatch(/connection: close/i)
  })
})
