import { type LotusApi, METHODS } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createTokens, type ServeOptions, serveRpc } from '../src/index.ts'
import { call, SECRET, serveInTest, type World } from './server.ts'

const open = (options: Partial<ServeOptions> = {}): Promise<World> => serveInTest({ api, ...options })

const shard = { Key: 'a', State: 'ShardStateAvailable', Error: '' } as const

const api: Partial<LotusApi> = {
  DagstoreListShards: async () => [shard],
  DagstoreGC: async () => [],
  DagstoreRegisterShard: async () => { throw Object.assign(new Error('dagstore not available on this node'), { code: 'DAGSTORE_CLOSED' }) },
  DagstoreInitializeAll: async function * ({ MaxConcurrency }) {
    for (let Current = 1; Current <= MaxConcurrency; Current++) yield { Key: `k${Current}`, Event: 'end', Success: true, Error: '', Total: MaxConcurrency, Current }
  },
}

/** Status with which a WebSocket is refused; 101: it was opened. */
const knock = (url: string, headers: Record<string, string> = {}): Promise<number> => new Promise((resolve) => {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers })
  socket.on('open', () => { socket.terminate(); resolve(101) })
  socket.on('unexpected-response', (_request, response) => { response.resume(); resolve(response.statusCode ?? 0) })
  socket.on('error', () => {})
})

describe('a server', () => {
  it('answers by POST and over a WebSocket, at both paths', async () => {
    const world = await open()
    for (const path of ['/rpc/v0', '/rpc/v1']) {
      const answer = await world.post(call('DagstoreListShards'), {}, path)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(await answer.json()).toEqual({ jsonrpc: '2.0', id: 1, result: [shard] })
      expect(await knock(world.url + path)).toBe(101)
    }
    expect(await world.client(['read']).DagstoreListShards()).toEqual([shard])
    const events: number[] = []
    for await (const { Current } of world.client(['write']).DagstoreInitializeAll({ MaxConcurrency: 3, IncludeSealed: false })) events.push(Current)
    expect(events).toEqual([1, 2, 3])
  })

  it('answers batches in their order', async () => {
    const world = await open()
    const answer = await world.post(`[${call('DagstoreListShards')},${call('Nope')}]`)
    expect(await answer.json()).toMatchObject([{ result: [shard] }, { error: { code: -32601, message: "method 'Filecoin.Nope' not found" } }])
  })

  it('does not know methods that nobody implements, and says streams need a WebSocket', async () => {
    const world = await open()
    expect(await (await world.post(call('DagstoreWhy', [{ '/': 'bafkqaaa' }]))).json()).toMatchObject({ error: { code: -32601, message: "method 'Filecoin.DagstoreWhy' not found" } })
    expect(await (await world.post(call('DagstoreInitializeAll', [{}]))).json())
      .toMatchObject({ error: { code: -32601, message: "method 'Filecoin.DagstoreInitializeAll' not supported in this mode (no out channel support)" } })
  })

  it('hands on why a method failed, with its code', async () => {
    const world = await open()
    const answer = await world.post(call('DagstoreRegisterShard', ['k']), { authorization: `Bearer ${world.tokens.sign(['admin'])}` })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ error: { code: 1, message: 'dagstore not available on this node', data: { code: 'DAGSTORE_CLOSED' } } })
  })

  it('says which permission is missing, in the words of Lotus, for every method', async () => {
    const names = Object.keys(METHODS) as (keyof LotusApi)[]
    const all = Object.fromEntries(names.map((name) => [name, () => { throw new Error('was called') }])) as unknown as LotusApi
    const world = await open({ api: all })
    for (const name of names) {
      const { permission, stream } = METHODS[name]
      if (stream) continue
      const others = (['read', 'write', 'sign', 'admin'] as const).filter((one) => one !== permission)
      const params = METHODS[name].params.map(() => null)
      const answer = await world.post(call(name, params), { authorization: `Bearer ${world.tokens.sign(others)}` })
      expect(await answer.json()).toMatchObject({ error: { code: 1, message: `missing permission to invoke '${name}' (need '${permission}')` } })
    }
    // a stream is refused before it is one
    const stream = world.client(['read', 'sign', 'admin']).DagstoreInitializeAll({ MaxConcurrency: 0, IncludeSealed: false })
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({ message: "missing permission to invoke 'DagstoreInitializeAll' (need 'write')" })
  })

  it('lets callers on this machine read without a token, and nothing else', async () => {
    const world = await open()
    expect(await (await world.post(call('DagstoreListShards'))).json()).toMatchObject({ result: [shard] })
    expect(await (await world.post(call('DagstoreGC'))).json()).toMatchObject({ error: { message: "missing permission to invoke 'DagstoreGC' (need 'admin')" } })
  })

  it('refuses wrong tokens, also where none would do, over both', async () => {
    const world = await open({ anonymous: 'everywhere' })
    expect((await world.post(call('DagstoreListShards'), { authorization: 'Bearer x' })).status).toBe(401)
    expect((await world.post(call('DagstoreListShards'), {}, '/rpc/v0?token=x')).status).toBe(401)
    expect(await knock(`${world.url}/rpc/v0`, { authorization: 'Bearer x' })).toBe(401)
    expect(await knock(`${world.url}/rpc/v0?token=x`)).toBe(401)
    expect(await knock(`${world.url}/rpc/v0?token=${world.tokens.sign(['read'])}`)).toBe(101)
  })

  it('wants a token of everybody where so configured, and of whoever a proxy passes on', async () => {
    const world = await open({ anonymous: 'nobody' })
    expect((await world.post(call('DagstoreListShards'))).status).toBe(401)
    expect(await knock(`${world.url}/rpc/v0`)).toBe(401)
    const other = await open()
    expect((await other.post(call('DagstoreListShards'), { 'x-forwarded-for': '127.0.0.1' })).status).toBe(401)
    expect(await knock(`${other.url}/rpc/v0`, { 'x-forwarded-for': '127.0.0.1' })).toBe(401)
  })

  it('refuses foreign origins and unknown hosts, at every path and over both', async () => {
    const world = await open()
    for (const path of ['/rpc/v0', '/healthz', '/metrics', '/elsewhere']) {
      expect(await world.raw(`GET ${path} HTTP/1.1\r\nHost: evil.example\r\n\r\n`)).toMatch(/^HTTP\/1.1 403 /)
      expect(await world.raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n`)).toMatch(/^HTTP\/1.1 403 /)
    }
    expect(await knock(`${world.url}/rpc/v0`, { origin: 'https://evil.example' })).toBe(403)
    expect(await knock(`${world.url}/rpc/v0`, { host: 'evil.example' })).toBe(403)
    expect(world.events.filter((event) => event.type === 'refused').map(({ reason }) => reason)).toContain('host')
  })

  it('lets pages of configured origins in, by CORS, and nobody else', async () => {
    const world = await open({ origins: ['https://page.example'], anonymous: 'nobody' })
    const asked = await fetch(`${world.url}/rpc/v0`, {
      method: 'OPTIONS', headers: { origin: 'https://page.example', 'access-control-request-method': 'POST', 'access-control-request-private-network': 'true' },
    })
    expect(asked.status).toBe(204)
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': 'https://page.example', 'access-control-allow-headers': 'authorization, content-type', 'access-control-allow-private-network': 'true', vary: 'Origin',
    })
    expect(asked.headers.has('access-control-allow-credentials')).toBe(false)
    const token = world.tokens.sign(['read'])
    const answer = await world.post(call('DagstoreListShards'), { origin: 'https://page.example', authorization: `Bearer ${token}` })
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://page.example')
    expect(await answer.json()).toMatchObject({ result: [shard] })
    // a page reads why it was refused, too
    expect((await world.post(call('DagstoreListShards'), { origin: 'https://page.example' })).headers.get('access-control-allow-origin')).toBe('https://page.example')
    expect(await knock(`${world.url}/rpc/v0?token=${token}`, { origin: 'https://page.example' })).toBe(101)
    const foreign = await fetch(`${world.url}/rpc/v0`, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } })
    expect(foreign.status).toBe(403)
    expect(foreign.headers.has('access-control-allow-origin')).toBe(false)
  })

  it('L3: 17: shows no token to anybody: where Lotus printed one, events and answers have none', async () => {
    const world = await open()
    const token = world.tokens.sign(['read'])
    const shown: string[] = []
    const answers = await Promise.all([
      world.post(call('DagstoreListShards'), {}, `/rpc/v0?token=${token}`),
      world.post(call('DagstoreListShards'), { authorization: `Bearer ${token}x` }),
      world.post(call('Nope', [token]), {}, `/nowhere?token=${token}`),
      fetch(`${world.url}/metrics?token=${token}`),
    ])
    for (const answer of answers) shown.push(await answer.text(), JSON.stringify([...answer.headers]))
    await knock(`${world.url}/rpc/v0?token=${token}`)
    await knock(`${world.url}/elsewhere?token=${token}`)
    shown.push(JSON.stringify(world.events))
    expect(world.events.length).toBeGreaterThan(4)
    for (const text of shown) expect(text).not.toContain(token.slice(0, 20))
  })

  it('puts nothing into an answer that is on its way when what follows is no HTTP', async () => {
    let go: () => void = () => {}
    const world = await open({
      extra: (_request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('begun')
        go = () => { response.end() }
        return true
      },
    })
    const socket = await world.open()
    let text = ''
    socket.on('data', (chunk: Buffer) => { text += chunk.toString('latin1') })
    socket.write('GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise<void>((resolve) => { socket.on('data', () => { if (text.includes('begun')) resolve() }) })
    const closed = new Promise((resolve) => { socket.on('close', resolve) })
    socket.write('no HTTP\r\n\r\n')
    await closed
    go()
    expect(text).toMatch(/begun$/)
  })

  it('gives metrics to no token that does not allow to read', async () => {
    const world = await open()
    expect((await fetch(`${world.url}/metrics`, { headers: { authorization: `Bearer ${world.tokens.sign(['write'])}` } })).status).toBe(403)
  })

  it('says how it is', async () => {
    let health = { live: true, ready: true, reasons: [] as string[] }
    const world = await open({ health: () => health, anonymous: 'nobody' })
    const ask = async (path: string): Promise<[number, unknown]> => {
      const answer = await fetch(world.url + path)
      return [answer.status, await answer.json()]
    }
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      for (const method of ['POST', 'DELETE', 'OPTIONS']) {
        const refused = await fetch(world.url + path, { method })
        expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      }
      expect((await fetch(world.url + path, { method: 'HEAD', headers: { authorization: `Bearer ${world.tokens.sign(['read'])}` } })).status).toBe(200)
    }
    expect(await ask('/healthz')).toEqual([200, { ok: true }])
    expect(await ask('/readyz')).toEqual([200, { ok: true }])
    health = { live: true, ready: false, reasons: ['the index is being rebuilt'] }
    expect(await ask('/healthz')).toEqual([200, { ok: true }])
    expect(await ask('/readyz')).toEqual([503, { ok: false, reasons: ['the index is being rebuilt'] }])
    health = { live: false, ready: true, reasons: [] }
    expect((await ask('/healthz'))[0]).toBe(503)
    expect((await ask('/readyz'))[0]).toBe(503)
  })

  it('gives metrics of the store and of its own to whoever may read', async () => {
    const world = await open({
      metrics: () => ({ counters: [{ name: 'block.served', labels: { scheme: 'file' }, value: 5 }], histograms: [], gauges: [{ name: 'shards', help: 'there are', value: 3 }] }),
    })
    await world.post(call('DagstoreListShards'))
    await world.post(call('DagstoreGC'))
    const answer = await fetch(`${world.url}/metrics`)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const text = await answer.text()
    expect(text).toContain('dagstore_block_served_total{scheme="file"} 5\n')
    expect(text).toContain('dagstore_shards 3\n')
    expect(text).toContain('dagstore_rpc_calls_total{method="Filecoin.DagstoreListShards",code="ok"} 1\n')
    expect(text).toContain('dagstore_rpc_calls_total{method="Filecoin.DagstoreGC",code="RPC_FORBIDDEN"} 1\n')
    expect(text).toMatch(/dagstore_rpc_call_seconds_bucket\{method="Filecoin.DagstoreListShards",le="\+Inf"\} 1\n/)
    expect((await fetch(`${world.url}/metrics`, { headers: { 'x-forwarded-for': '1.1.1.1' } })).status).toBe(401)
    expect((await fetch(`${world.url}/metrics`, { headers: { authorization: `Bearer ${world.tokens.sign(['read'])}`, 'x-forwarded-for': '1.1.1.1' } })).status).toBe(200)
  })

  it('takes calls by POST alone', async () => {
    const world = await open()
    for (const method of ['GET', 'PUT', 'DELETE', 'HEAD']) {
      const answer = await fetch(`${world.url}/rpc/v0`, { method })
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
    }
    expect((await world.post(call('Version'), {}, '/rpc/v2')).status).toBe(404)
    expect((await world.post(call('Version'), {}, '/rpc/v0/')).status).toBe(404)
    expect(await knock(`${world.url}/rpc/v2`)).toBe(404)
  })

  it('says who has its port', async () => {
    const world = await open()
    const { host, port } = world.server.address
    await expect(serveRpc({ api: {}, tokens: createTokens(SECRET), listen: { host, port } })).rejects.toMatchObject({ code: 'SERVER_ADDRESS_IN_USE' })
    await expect(serveRpc({ api: {}, tokens: createTokens(SECRET), listen: { host: '203.0.113.1', port: 0 } })).rejects.toMatchObject({ code: 'SERVER_CANNOT_LISTEN' })
  })

  it('refuses limits that are none', async () => {
    await expect(serveInTest({ limits: { maxBodyBytes: 0 } })).rejects.toThrow(RangeError)
    await expect(serveInTest({ limits: { headersMs: 1.5 } })).rejects.toThrow(RangeError)
    await open({ limits: { headersMs: undefined } })
  })
})
