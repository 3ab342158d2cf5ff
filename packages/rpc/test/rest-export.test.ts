/** What is here as the body of an answer: `GET /rest/v0/export`. */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { PERMISSIONS } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { extraDoors, isRestPath, restHandler, webHandler } from '../src/index.ts'
import type { ExportedPart, OpenExport } from '../src/handlers/index.ts'
import { cidOf } from './handlers/client-kit.ts'
import { serveInTest, type World } from './server.ts'

const root = cidOf('root')

interface Exports extends World {
  readonly parts: ExportedPart[]
  readonly notices: string[]
  /** Exports that are open. */
  readonly opened: () => number
  get (query: Record<string, string>, how?: RequestInit): Promise<Response>
  /** As the first line and the headers of a request; the connection is to be closed behind it. */
  readonly head: (method: string, query: Record<string, string>, version?: string) => string
}

const serveExports = async (read: OpenExport['read'] | Error, sizeBytes?: number): Promise<Exports> => {
  const parts: ExportedPart[] = []
  const notices: string[] = []
  let opened = 0
  const exports = {
    openExport: async (part: ExportedPart): Promise<OpenExport> => {
      parts.push(part)
      if (read instanceof Error) throw read
      opened++
      return { sizeBytes, read, close: async () => { opened-- } }
    },
  }
  const imports = { importStream: async () => { throw new Error('asked') } }
  const world = await serveInTest(extraDoors([{ claims: isRestPath, access: 'gate', handler: webHandler(restHandler({ imports, exports, onNotice: (text) => { notices.push(text) } })) }]))
  const token = `Bearer ${world.tokens.sign(PERMISSIONS)}`
  const pathOf = (query: Record<string, string>): string => `/rest/v0/export?${new URLSearchParams(query)}`
  return {
    ...world, parts, notices, opened: () => opened,
    get: (query, how = {}) => fetch(world.url + pathOf(query), { headers: { authorization: token }, ...how }),
    head: (method, query, version = '1.1') => `${method} ${pathOf(query)} HTTP/${version}\r\nhost: localhost\r\nauthorization: ${token}\r\nconnection: close\r\n\r\n`,
  }
}

const ref = (more = ''): string => `{"Root":{"/":"${root.toString()}"}${more}}`

const chunks = async function * (...texts: readonly string[]): AsyncGenerator<Uint8Array, void, undefined> { for (const text of texts) yield Buffer.from(text) }

const failing = (error: Error, ...texts: readonly string[]): (() => AsyncGenerator<Uint8Array, void, undefined>) => async function * () {
  yield * chunks(...texts)
  throw error
}

const full = (): Error => Object.assign(new Error('the disk is gone'), { code: 'IO_FAILED' })

const until = async (is: () => boolean): Promise<void> => { while (!is()) await turn() }

describe('GET /rest/v0/export', () => {
  it('gives a file with its length, as later Lotus does', async () => {
    const world = await serveExports(() => chunks('abc', 'def'), 6)
    const answer = await world.get({ car: 'false', export: ref(',"DealID":1786000000123456789,"DAGs":[{"DataSelector":"a/b"}],"FromLocalCAR":""') })
    expect([answer.status, answer.headers.get('content-length'), answer.headers.get('content-type'), await answer.text()]).toEqual([200, '6', 'application/octet-stream', 'abcdef'])
    expect(world.parts).toEqual([{ root, source: { type: 'retrieval', id: 1_786_000_000_123_456_789n }, selector: 'a/b', form: 'unixfs' }])
    await until(() => world.opened() === 0)
    // one that has no bytes is whole too
    const empty = await serveExports(() => chunks(), 0)
    expect(await (await empty.get({ export: ref() })).text()).toBe('')
    expect(empty.parts).toEqual([{ root, source: { type: 'local' }, selector: undefined, form: 'unixfs' }])
  })

  it('gives a CAR, also of one on its machine', async () => {
    const world = await serveExports(() => chunks('abc', 'def'))
    const answer = await world.get({ car: 'true', export: ref(',"FromLocalCAR":"/data/x.car"') })
    expect([answer.status, answer.headers.get('content-length'), answer.headers.get('content-type'), await answer.text()]).toEqual([200, null, 'application/vnd.ipld.car; version=1', 'abcdef'])
    expect(world.parts).toEqual([{ root, source: { type: 'car', path: '/data/x.car' }, selector: undefined, form: 'carv1' }])
  })

  it('wants the permission of ClientExport, and opens nothing without it', async () => {
    const world = await serveExports(() => chunks('abc'))
    for (const headers of [{}, { authorization: `Bearer ${world.tokens.sign(['read', 'write', 'sign'])}` }] as Record<string, string>[]) {
      const answer = await world.get({ export: ref() }, { headers })
      expect([answer.status, await answer.json()]).toEqual([401, { Error: 'unauthorized: missing admin permission', code: 'RPC_FORBIDDEN' }])
    }
    expect(world.parts).toEqual([])
  })

  it.each([
    { why: 'no reference', query: {} },
    { why: 'one that is no JSON', query: { export: '{' } },
    { why: 'one without a root', query: { export: '{}' } },
    { why: 'a list', query: { export: '[]' } },
    { why: 'two parts', query: { export: ref(',"DAGs":[{},{}]') } },
    { why: 'a CAR by a relative path', query: { export: ref(',"FromLocalCAR":"x.car"') } },
    { why: 'a form that is none', query: { export: ref(), car: '1' } },
  ])('refuses $why with 400', async ({ query }) => {
    const world = await serveExports(() => chunks('abc'))
    const answer = await world.get(query as Record<string, string>)
    expect([answer.status, await answer.json()]).toEqual([400, { Error: expect.any(String), code: 'RPC_BAD_PARAMS' }])
    expect([world.parts, world.notices]).toEqual([[], []])
  })

  it('says by status and code what goes wrong before the first byte, and words that are not ours to the log alone', async () => {
    const refused = await (await serveExports(Object.assign(new Error('no import has it'), { code: 'COMMAND_REFUSED' }))).get({ export: ref() })
    expect([refused.status, await refused.json()]).toEqual([500, { Error: 'no import has it', code: 'COMMAND_REFUSED' }])
    const world = await serveExports(failing(new Error('secret at /data/x')), 3)
    const failed = await world.get({ export: ref() })
    expect([failed.status, await failed.json()]).toEqual([500, { Error: 'internal error', code: 'RPC_INTERNAL' }])
    expect(world.notices).toEqual([expect.stringContaining('secret')])
    expect(world.opened()).toBe(0)
  })

  it('ends the connection where it fails in the middle, a CAR inside of a section, so that nobody takes it for whole', async () => {
    const world = await serveExports(failing(full(), 'abc', 'def'))
    await expect(world.get({ car: 'true', export: ref() }).then((answer) => answer.text())).rejects.toThrow()
    const text = await world.raw(world.head('GET', { car: 'true', export: ref() }))
    expect(text).toMatch(/^HTTP\/1.1 200 /)
    expect(text.slice(-25)).toContain('def\r\n3\r\n%\u0001U\r\n')
    expect(text.endsWith('U\r\n')).toBe(true)
    expect(world.notices).toEqual(Array(2).fill('an export ended early; error=the disk is gone'))
    await until(() => world.opened() === 0)
    const file = await serveExports(failing(full(), 'abc'), 6)
    expect(await file.raw(file.head('GET', { export: ref() }))).toMatch(/content-length: 6\r\n[^]*\r\n\r\nabc$/)
  })

  it('resets the connection of one who knows neither chunks nor a length', async () => {
    let fail = (): void => {}
    const world = await serveExports(async function * () {
      yield * chunks('abc')
      // what it sends is read by itself; libuv takes a reset together with bytes for an end
      await new Promise<void>((resolve) => { fail = resolve })
      throw full()
    }, undefined)
    const socket = await world.open()
    const failed = once(socket, 'end')
    socket.once('data', () => { fail() }).write(world.head('GET', { export: ref() }, '1.0'))
    await expect(failed).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it.each([{ said: 7, why: 'fewer' }, { said: 5, why: 'more' }])('fails where there are $why bytes than were said, and gives none above those', async ({ said }) => {
    const world = await serveExports(() => chunks('abc', 'def'), said)
    const text = await world.raw(world.head('GET', { export: ref() }))
    expect(Buffer.byteLength(text.slice(text.indexOf('\r\n\r\n') + 4))).toBeLessThan(said)
    expect(world.notices).toHaveLength(1)
    await until(() => world.opened() === 0)
  })

  it('answers HEAD as GET without reading anything, and says 405 to other methods', async () => {
    const world = await serveExports(() => { throw new Error('read') }, 6)
    const answer = await world.get({ export: ref() }, { method: 'HEAD', headers: { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` } })
    expect([answer.status, answer.headers.get('content-length'), await answer.text(), world.opened()]).toEqual([200, '6', '', 0])
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const other = await world.get({ export: ref() }, { method, headers: { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` } })
      expect([other.status, other.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    }
    expect(world.parts).toHaveLength(1)
  })

  it('reads no more than its caller takes, and leaves off when he leaves', async () => {
    let read = 0
    let left = false
    const world = await serveExports(async function * () {
      try {
        for (; read < 1 << 28; read += 1 << 20) yield new Uint8Array(1 << 20)
      } finally {
        left = true
      }
    })
    const socket = await world.open()
    socket.pause()
    socket.write(world.head('GET', { car: 'true', export: ref() }))
    let before = -1
    // whatever fits on the way has gone out when nothing more is taken for many turns
    for (let still = 0; still < 200; still = read === before ? still + 1 : 0) {
      before = read
      await turn()
    }
    expect([read > 0, read < 1 << 28, world.opened()]).toEqual([true, true, 1])
    socket.destroy()
    await until(() => left && world.opened() === 0)
    expect(world.notices).toEqual([])
  })

  it('is ended by the deadline of a server that closes', async () => {
    const world = await serveExports(async function * ({ signal }) {
      yield Buffer.from('abc')
      await new Promise((_resolve, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason as Error) }) })
    })
    const socket = await world.open()
    let text = ''
    socket.on('data', (chunk: Buffer) => { text += chunk.toString('latin1') })
    socket.on('error', () => {}) // it is ended
    socket.write(world.head('GET', { car: 'true', export: ref() }))
    await until(() => text.includes('abc'))
    const closed = once(socket, 'close')
    await world.server.close({ deadlineMs: 1 })
    await closed
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(world.opened()).toBe(0)
  })

  it('is nowhere where nothing can be exported', async () => {
    const imports = { importStream: async () => { throw new Error('asked') } }
    const world = await serveInTest(extraDoors([{ claims: isRestPath, access: 'gate', handler: webHandler(restHandler({ imports })) }]))
    expect((await fetch(`${world.url}/rest/v0/export`, { headers: { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` } })).status).toBe(404)
  })
})
