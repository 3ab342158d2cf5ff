import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type ExtraContext, extraDoors, type WebHandler, webHandler } from '../src/index.ts'
import { serveInTest } from './server.ts'

const until = async (is: () => boolean): Promise<void> => { while (!is()) await turn() }

const echo: WebHandler = async (request) => {
  const { pathname, search } = new URL(request.url)
  if (!pathname.startsWith('/web/')) return undefined
  return new Response(`${request.method} ${pathname}${search} ${request.headers.get('x-own') ?? '-'} ${await request.text()}`, { status: 201, headers: { 'x-answer': 'yes' } })
}

const everywhere = (handler: WebHandler): Parameters<typeof serveInTest>[0] => ({ extra: webHandler(handler), extraAccess: 'everywhere' })

/** Counts what it got, and keeps the error of a body that broke. */
const intake = (): { readonly handler: WebHandler, readonly got: { bytes: number, ended: boolean, error: unknown } } => {
  const got: { bytes: number, ended: boolean, error: unknown } = { bytes: 0, ended: false, error: undefined }
  return {
    got,
    handler: async ({ body }) => {
      try {
        for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) got.bytes += chunk.byteLength
        got.ended = true
      } catch (error) {
        got.error = error
      }
      return new Response(`got ${got.bytes}`)
    },
  }
}

describe('handlers of the web', () => {
  it('see the path that was let in, whatever the host is said to be', async () => {
    const world = await serveInTest({ ...extraDoors([{ claims: (path) => path === '/door', access: 'everywhere', handler: webHandler(async (request) => new Response(new URL(request.url).pathname)) }]) })
    const { hostname, port } = new URL(world.url)
    for (const host of ['x.test/inside?', 'x.test/inside#', 'user@x.test', 'x.test\\inside?', 'x.test']) {
      const socket = connect(Number(port), hostname)
      socket.end(`GET /door HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      let text = ''
      socket.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
      await once(socket, 'close')
      expect(text).toMatch(host === 'x.test' ? /^HTTP\/1.1 200 [^]*\/door/ : /^HTTP\/1.1 404 /)
    }
  })

  it('are asked with method, path, headers and body, and answer with status, headers and body', async () => {
    const world = await serveInTest(everywhere(echo))
    const answer = await fetch(`${world.url}/web/a%20b?c=d`, { method: 'PUT', headers: { 'x-own': 'mine' }, body: 'text' })
    expect([answer.status, answer.headers.get('x-answer'), await answer.text()]).toEqual([201, 'yes', 'PUT /web/a%20b?c=d mine text'])
    const head = await fetch(`${world.url}/web/x`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([201, ''])
  })

  it('leave what is not theirs', async () => {
    const world = await serveInTest(everywhere(echo))
    expect((await fetch(`${world.url}/other`, { method: 'POST', body: 'text' })).status).toBe(404)
    expect(await world.raw('TRACE /web/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 404/)
    expect(await world.raw('GET /web/x HTTP/1.1\r\nHost: local host\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 404/)
  })

  it('may take a body for longer than one of a call may come', async () => {
    const { handler, got } = intake()
    const world = await serveInTest({ ...everywhere(handler), limits: { requestMs: 20, headersMs: 20 } })
    const socket = await world.open()
    socket.write('PUT /web/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na')
    const answer = once(socket, 'data')
    await until(() => got.bytes === 1)
    // a call whose body has not come meanwhile was ended, so that time has passed for this one too
    for (const byte of ['b', 'c']) {
      expect(await world.raw('POST /rpc/v0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{')).toMatch(/^HTTP\/1.1 408/)
      socket.write(byte)
    }
    expect(String((await answer)[0])).toMatch(/^HTTP\/1.1 200/)
    expect(got).toEqual({ bytes: 3, ended: true, error: undefined })
    socket.destroy()
  })

  it('see a body that breaks off as broken, never as whole', async () => {
    const { handler, got } = intake()
    const world = await serveInTest(everywhere(handler))
    const socket = await world.open()
    socket.write('PUT /web/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc')
    await until(() => got.bytes === 3)
    socket.destroy()
    await until(() => got.ended || got.error !== undefined)
    expect(got).toMatchObject({ bytes: 3, ended: false, error: expect.anything() })
  })

  it('read no more of a body than they ask for', async () => {
    let pulled = 0
    let go = (): void => {}
    const held = new Promise<void>((resolve) => { go = resolve })
    const world = await serveInTest(everywhere(async ({ body }) => {
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        pulled += chunk.byteLength
        await held
      }
      return new Response(String(pulled))
    }))
    let sent = 0
    const chunks = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (sent >= 1 << 26) return controller.close()
        sent += 1 << 20
        controller.enqueue(new Uint8Array(1 << 20))
      },
    }, { highWaterMark: 0 })
    const answer = fetch(`${world.url}/web/x`, { method: 'PUT', body: chunks, duplex: 'half' } as RequestInit)
    let before = -1
    // whatever fits on the way has gone out when nothing more is taken for many turns
    for (let still = 0; still < 200; still = sent === before ? still + 1 : 0) {
      before = sent
      await turn()
    }
    expect(sent).toBeLessThan(1 << 26)
    go()
    expect(await (await answer).text()).toBe(String(1 << 26))
  })

  it('break the answer off where its body fails', async () => {
    const world = await serveInTest(everywhere(async () => new Response(new ReadableStream({
      pull: (controller) => {
        controller.enqueue(new TextEncoder().encode('half'))
        controller.error(new Error('disk'))
      },
    }, { highWaterMark: 0 }))))
    await expect(fetch(`${world.url}/web/x`).then((answer) => answer.text())).rejects.toThrow()
  })

  it('are told when the peer leaves, and their body is cancelled', async () => {
    let cancelled = false
    let context: ExtraContext | undefined
    const world = await serveInTest(everywhere(async (_, given) => {
      context = given
      return new Response(new ReadableStream({
        pull: (controller) => { controller.enqueue(new Uint8Array(1 << 16)) },
        cancel: () => { cancelled = true },
      }, { highWaterMark: 0 }))
    }))
    const leaving = new AbortController()
    const answer = await fetch(`${world.url}/web/x`, { signal: leaving.signal })
    expect(answer.status).toBe(200)
    leaving.abort()
    await until(() => cancelled)
    expect(context?.signal.aborted).toBe(true)
  })
})

describe('doors', () => {
  const door = (path: string, access: 'gate' | 'loopback' | 'everywhere', seen: (readonly string[])[] = []): Parameters<typeof extraDoors>[0][number] => ({
    claims: (asked) => asked === path,
    access,
    handler: webHandler(async (_, { permissions }) => {
      seen.push(permissions)
      return new Response(path)
    }),
  })

  it('let in whom each is for', async () => {
    const seen: (readonly string[])[] = []
    const world = await serveInTest({ ...extraDoors([door('/gate', 'gate', seen), door('/near', 'loopback'), door('/open', 'everywhere')]), anonymous: 'nobody' })
    const status = async (path: string, headers: Record<string, string> = {}): Promise<number> => (await fetch(world.url + path, { headers })).status
    expect(await Promise.all(['/gate', '/near', '/open', '/none'].map((path) => status(path)))).toEqual([401, 200, 200, 401])
    expect(await status('/gate?x=1', { authorization: `Bearer ${world.tokens.sign(['read', 'write'])}` })).toBe(200)
    expect(seen).toEqual([['read', 'write']])
  })

  it('for callers on this machine are closed to requests that were passed on, and to pages of others', async () => {
    const world = await serveInTest(extraDoors([door('/near', 'loopback')]))
    const status = async (headers: Record<string, string>): Promise<number> => (await fetch(`${world.url}/near`, { headers })).status
    expect(await Promise.all([status({ 'x-forwarded-for': '192.0.2.1' }), status({ origin: 'https://page.example' }), status({})])).toEqual([403, 403, 200])
    expect(await world.raw('GET /near HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 403/)
  })
})
