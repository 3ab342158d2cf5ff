import { get, globalAgent, type ServerResponse } from 'node:http'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytesMount, createHostGuard, createMountRegistry, guardedFetch, httpMounts, type HostGuard } from '../src/index.ts'
import { fileMount, nodeGuardedFetch } from '../src/node.ts'
import { openWebServer, type WebServer } from './web-server.ts'

const forbidden = { code: 'MOUNT_FORBIDDEN' }
const refusal = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('a host guard', () => {
  const guard = createHostGuard()
  it.each([
    'http://127.0.0.1/', 'http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://0/', 'http://127.0.0.1.:80/',
    'http://10.0.0.1/', 'http://172.16.0.1/', 'http://172.31.255.255/', 'http://192.168.1.1/', 'http://169.254.169.254/latest/meta-data/', 'http://100.64.0.1/',
    'http://224.0.0.1/', 'http://255.255.255.255/', 'http://198.18.0.1/', 'http://192.0.2.1/',
    'http://[::1]/', 'http://[::]/', 'http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/', 'http://[::127.0.0.1]/', 'http://[fe80::1]/', 'http://[fc00::1]/',
    'http://[fd12:3456::1]/', 'http://[ff02::1]/', 'http://[64:ff9b::10.0.0.1]/', 'http://[2002:7f00:1::]/', 'http://[2001:db8::1]/',
    'http://localhost/', 'http://LOCALHOST./', 'http://a.localhost/', 'http://router.local/', 'http://db.internal/', 'http://intranet/',
    'http://[::ffff:0:127.0.0.1]/', 'http://[64:ff9b:1::7f00:1]/', 'http://[4000::1]/', 'http://[2001:0:7f00:1::]/', 'http://localhost../', 'http://127.0.0.1../',
    'file:///etc/passwd', 'bytes:AAAA', 'ftp://example.com/', 'first-of:http%3A%2F%2Fexample.com,http%3A%2F%2F10.0.0.1', 'first-of:file%3A%2F%2F%2Fetc%2Fpasswd', 'http://１２７.０.０.１/',
  ])('refuses %s', (url) => {
    expect(refusal(() => { guard.checkUrl(url) })).toMatchObject(forbidden)
  })

  it.each([
    'http://example.com/', 'https://1.1.1.1/x', 'https://172.32.0.1/', 'https://[2606:4700::1111]/', 'https://[::ffff:8.8.8.8]/', 'http://127.0.0.1.example.com/', 'lotus://x', 'first-of:http%3A%2F%2Fexample.com,lotus%3A%2F%2Fx',
  ])('lets %s pass', (url) => {
    expect(refusal(() => { guard.checkUrl(url) })).toBeUndefined()
  })

  it('refuses credentials and what is no URL as bad URLs', () => {
    for (const url of ['http://user:secret@example.com/', 'http://user@10.0.0.1/', 'http://', 'no scheme']) {
      const error = refusal(() => { guard.checkUrl(url) })
      expect(error).toMatchObject({ code: 'MOUNT_BAD_URL' })
      expect(String(error)).not.toContain('secret')
    }
  })

  it('refuses a name if any address of it is refused, or it has none', () => {
    guard.checkAddresses('example.com', ['93.184.216.34', '2606:2800:220:1::1'])
    for (const addresses of [['93.184.216.34', '10.0.0.1'], ['::1'], ['fe80::1%eth0'], [], ['nonsense'], ['010.0.0.1']]) {
      expect(refusal(() => { guard.checkAddresses('example.com', addresses) })).toMatchObject(forbidden)
    }
  })

  it('refuses every address of a private range, however it is written', () => {
    const ranges: [number, number][] = [[0x0a000000, 24], [0xac100000, 20], [0xc0a80000, 16], [0x7f000000, 24], [0xa9fe0000, 16], [0, 24]]
    fc.assert(fc.property(fc.constantFrom(...ranges), fc.nat(), fc.constantFrom('decimal', 'dotted', 'octal', 'hex', 'mapped'), ([base, free], rest, form) => {
      const address = base + rest % 2 ** free
      const parts = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256)
      const host = {
        decimal: String(address),
        dotted: parts.join('.'),
        octal: parts.map((part) => `0${part.toString(8)}`).join('.'),
        hex: parts.map((part) => `0x${part.toString(16)}`).join('.'),
        mapped: `[::ffff:${parts.join('.')}]`,
      }[form]
      expect(refusal(() => { guard.checkUrl(`http://${host}/`) })).toMatchObject(forbidden)
    }), { seed: 46, numRuns: 500 })
  })

  it('allows and denies names, domains, addresses and ranges; what is denied stays so', () => {
    const own = createHostGuard({ allow: ['storage.internal', '*.lan', '10.1.0.0/16', '[::1]', 'fd00::/8'], deny: ['10.1.2.3', '*.evil.example', '8.8.8.0/24'], schemes: ['http'] })
    for (const url of ['http://storage.internal/', 'http://a.lan/', 'http://10.1.9.9/', 'http://[::1]/', 'http://[fd12::1]/', 'http://example.com/']) own.checkUrl(url)
    for (const url of ['http://10.1.2.3/', 'http://10.2.0.1/', 'http://www.evil.example/', 'http://8.8.8.8/', 'http://other.internal/', 'https://example.com/']) {
      expect(refusal(() => { own.checkUrl(url) })).toMatchObject(forbidden)
    }
    own.checkAddresses('storage.internal', ['192.168.0.5'])
    expect(refusal(() => { own.checkAddresses('storage.internal', ['10.1.2.3']) })).toMatchObject(forbidden)
    createHostGuard({ allowPrivate: true }).checkUrl('http://localhost/')
    // a range of one version says nothing of the other
    for (const rule of ['::/0', '0.0.0.0/0']) {
      const open = createHostGuard({ allow: [rule] })
      expect(refusal(() => { open.checkUrl('http://10.0.0.1/') }) === undefined).toBe(rule === '0.0.0.0/0')
      expect(refusal(() => { open.checkUrl('http://[fd00::1]/') }) === undefined).toBe(rule === '::/0')
      const shut = createHostGuard({ deny: [rule] })
      expect(refusal(() => { shut.checkUrl('http://8.8.8.8/') }) === undefined).toBe(rule === '::/0')
      expect(refusal(() => { shut.checkUrl('http://[2606:4700::1111]/') }) === undefined).toBe(rule === '0.0.0.0/0')
    }
    for (const bad of ['2002::/16', '64:ff9b::/96', '', '10.0.0.0/33', '10.0.0.0/x', 'a/b', '*.*', '*', 'fd00::/129']) expect(() => createHostGuard({ allow: [bad] })).toThrow(TypeError)
  })
})

describe('URLs of callers who are not trusted', () => {
  it('are checked before a registry resolves them; those of others are not', () => {
    const factories = [bytesMount(), fileMount(), ...httpMounts()]
    const registry = createMountRegistry(factories, { untrusted: createHostGuard() })
    expect(registry.resolve('https://example.com/a.car').url).toBe('https://example.com/a.car')
    for (const url of ['file:///etc/passwd', 'http://169.254.169.254/', 'bytes:AAAA']) expect(refusal(() => registry.resolve(url))).toMatchObject(forbidden)
    expect(createMountRegistry(factories).resolve('http://169.254.169.254/').url).toBe('http://169.254.169.254/')
  })
})

describe('requests under a guard', () => {
  let web: WebServer
  beforeEach(async () => {
    web = await openWebServer()
    web.files.set('/x', { bytes: Uint8Array.from({ length: 10_000 }, (_, at) => at & 0xff), etag: '"1"' })
  })
  afterEach(() => web.close())
  /** Names of the test are this machine; its port is the server's. */
  const names = async (host: string): Promise<readonly string[]> => ({ 'good.example': ['127.0.0.1'], 'bad.example': ['127.0.0.1', '10.0.0.1'], 'other.example': ['127.0.0.1'] })[host] ?? []
  const url = (host: string, path = '/x'): string => `http://${host}:${new URL(web.origin).port}${path}`
  const open = async (to: string, guard: HostGuard, headersFor: (host: string) => Record<string, string> = () => ({})): Promise<Uint8Array> => {
    const [http] = httpMounts({ guard, fetch: nodeGuardedFetch(guard, { resolve: names, headersFor }), headersFor })
    const opened = await http!.mount(to).open()
    if (opened.access !== 'random') throw new Error('not random')
    const bytes = await opened.source.read(5000, 10)
    await opened.source.close()
    return bytes
  }
  const allowing = createHostGuard({ allow: ['good.example', 'other.example', '127.0.0.1'] })

  it('reach allowed hosts, at the addresses that were checked', async () => {
    expect(await open(url('good.example'), allowing)).toEqual(web.files.get('/x')!.bytes.slice(5000, 5010))
    expect(web.seen[0]!.host).toBe(new URL(url('good.example')).host)
  })

  it('do not reach names that stand for refused addresses, or for none', async () => {
    await expect(open(url('good.example'), createHostGuard())).rejects.toMatchObject(forbidden)
    await expect(open(url('bad.example'), allowing)).rejects.toMatchObject(forbidden)
    await expect(open(url('none.example'), allowing)).rejects.toMatchObject(forbidden)
    expect(web.log).toEqual([])
  })

  it('follow redirects to allowed hosts only, and give each host its own headers', async () => {
    let to = url('other.example')
    web.intercept = (request, response) => {
      if (request.url !== '/old') return false
      response.writeHead(302, { location: to }).end()
      return true
    }
    const headersFor = (host: string): Record<string, string> => ({ authorization: `Bearer ${host.split('.')[0]}` })
    expect(await open(url('good.example', '/old'), allowing, headersFor)).toHaveLength(10)
    expect(web.seen.map(({ authorization }) => authorization)).toEqual(['Bearer good', 'Bearer other', 'Bearer good', 'Bearer other'])
    expect(web.log[1]).toMatch(/^GET \/x bytes=/u)
    for (to of ['http://10.0.0.1/x', 'http://localhost/x', 'file:///etc/passwd', 'http://user@other.example/']) {
      await expect(open(url('good.example', '/old'), allowing, headersFor)).rejects.toMatchObject({ code: to.includes('@') ? 'MOUNT_BAD_URL' : 'MOUNT_FORBIDDEN' })
    }
    to = url('good.example', '/old')
    await expect(open(url('good.example', '/old'), allowing)).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE' })
    // who wants to see them does
    to = url('other.example')
    const asked = web.log.length
    const seen = await nodeGuardedFetch(allowing, { resolve: names })(url('good.example', '/old'), { redirect: 'manual' })
    expect([seen.status, seen.headers.get('location'), web.log.length]).toEqual([302, to, asked + 1])
    await seen.body?.cancel()
  })

  it('do not go over connections that were made without looking', async () => {
    const lookup = (_: string, __: object, done: (error: null, found: { address: string, family: number }[]) => void): void => { done(null, [{ address: '127.0.0.1', family: 4 }]) }
    const agent = globalAgent
    await new Promise<void>((resolve, reject) => {
      get(url('good.example'), { agent, lookup: lookup as never }, (response) => { response.resume().on('end', () => { resolve() }) }).on('error', reject)
    })
    await new Promise((resolve) => { setImmediate(resolve) })
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1)
    await expect(nodeGuardedFetch(createHostGuard(), { resolve: names })(url('good.example'))).rejects.toMatchObject(forbidden)
    agent.destroy()
  })

  it.each([
    { what: 'a status that is none', head: (response: ServerResponse) => response.writeHead(999) },
    { what: 'encoded bytes', head: (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' }) },
  ])('refuse $what', async ({ head }) => {
    web.intercept = (_, response) => { head(response).end('x'); return true }
    await expect(open(url('good.example'), allowing)).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'never' })
  })

  it('end with the reason of an abort', async () => {
    const aborting = new AbortController()
    web.intercept = () => { aborting.abort('stop'); return true }
    const fetch = nodeGuardedFetch(allowing, { resolve: names })
    await expect(httpMounts({ fetch })[0]!.mount(url('good.example')).open({ signal: aborting.signal })).rejects.toBe('stop')
  })

  it('are checked by any resolve that is given, on any fetch', async () => {
    const asked: string[] = []
    const fetch = guardedFetch(createHostGuard(), { resolve: async (host) => { asked.push(host); return ['10.0.0.1'] }, fetch: async () => new Response('never') })
    await expect(fetch('https://example.com/')).rejects.toMatchObject(forbidden)
    expect(asked).toEqual(['example.com'])
  })
})

describe('headers of a host', () => {
  it('are asked for at each opening, and win over fixed ones', async () => {
    const web = await openWebServer()
    web.files.set('/x', { bytes: new Uint8Array(10), etag: undefined })
    let count = 0
    const [http] = httpMounts({ headers: { [web.host]: { authorization: 'fixed', 'x-kept': 'yes' } }, headersFor: async (host) => ({ authorization: `${host} ${count++}` }) })
    const mount = http!.mount(`${web.origin}/x`)
    await mount.stat()
    await mount.stat()
    expect(web.seen.map(({ authorization }) => authorization)).toEqual([`${web.host} 0`, `${web.host} 1`])
    expect(web.seen[0]!['x-kept']).toBe('yes')
    await web.close()
  })
})
