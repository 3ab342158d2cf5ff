/** What is imported from the body of a request. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { PERMISSIONS } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { extraDoors, isRestPath, restHandler, type RestParts, webHandler } from '../src/index.ts'
import type { ClientImportParts } from '../src/handlers/index.ts'
import { cidOf, importFacts } from './handlers/client-kit.ts'
import { serveInTest } from './server.ts'

const serveImports = (importStream: ClientImportParts['importStream'], how: Partial<RestParts> = {}): ReturnType<typeof serveInTest> =>
  serveInTest(extraDoors([{ claims: isRestPath, access: 'gate', handler: webHandler(restHandler({ imports: { importStream }, ...how })) }]))

const collect = async (content: AsyncIterable<Uint8Array>): Promise<string> => {
  let text = ''
  for await (const chunk of content) text += Buffer.from(chunk).toString('latin1')
  return text
}

describe('PUT /rest/v0/import', () => {
  it('imports the body, and says its root as Lotus does, and the id of the import with all digits', async () => {
    const got: string[] = []
    const world = await serveImports(async (content) => { got.push(await collect(content)); return importFacts(1_786_000_000_123_456_789n) })
    const body = Readable.toWeb(Readable.from([Buffer.from('abc'), Buffer.from('def')])) as unknown as ReadableStream
    const answer = await fetch(`${world.url}/rest/v0/import`, { method: 'PUT', body, duplex: 'half', headers: { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` } } as RequestInit)
    expect([answer.status, await answer.text()]).toEqual([200, `{"Cid":{"/":"${cidOf('root 1786000000123456789').toString()}"},"ImportID":1786000000123456789}`])
    expect(got).toEqual(['abcdef'])
  })

  it('wants the permission to write: one that may read is refused before a byte is taken', async () => {
    const world = await serveImports(async () => { throw new Error('asked') })
    for (const headers of [{}, { authorization: `Bearer ${world.tokens.sign(['read'])}` }] as Record<string, string>[]) {
      const answer = await fetch(`${world.url}/rest/v0/import`, { method: 'PUT', body: 'x', headers })
      expect([answer.status, await answer.json()]).toEqual([401, { Error: 'unauthorized: missing write permission', code: 'RPC_FORBIDDEN' }])
    }
  })

  it('says 405 to other methods, and that there is nothing at other paths', async () => {
    const world = await serveImports(async () => importFacts(1n))
    const headers = { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` }
    const other = await fetch(`${world.url}/rest/v0/import`, { headers })
    expect([other.status, other.headers.get('allow')]).toEqual([405, 'PUT'])
    expect((await fetch(`${world.url}/rest/v0/imports`, { method: 'PUT', headers })).status).toBe(404)
  })

  it('does not take a body that is cut off for a whole one', async () => {
    let said: unknown
    let ended = (): void => {}
    const over = new Promise<void>((resolve) => { ended = resolve })
    const world = await serveImports(async (content) => {
      try {
        await collect(content)
        said = 'whole'
        return importFacts(1n)
      } catch (error) {
        said = error
        throw error
      } finally {
        ended()
      }
    })
    const socket = await world.open()
    socket.write(`PUT /rest/v0/import HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${world.tokens.sign(PERMISSIONS)}\r\ncontent-length: 100\r\n\r\nonly a few`)
    await new Promise((resolve) => { socket.write('', resolve) })
    socket.destroy()
    await over
    expect(said).toBeInstanceOf(Error)
  })

  it('leaves a body of which nothing comes any more, and one that moves however slowly it does', async () => {
    const clock = createFakeClock()
    let got = ''
    const world = await serveImports(async (content) => {
      for await (const chunk of content) got += Buffer.from(chunk).toString('latin1')
      throw new Error('taken for whole')
    }, { clock, idleMs: 1000 })
    const until = async (is: () => boolean): Promise<void> => { while (!is()) await turn() }
    const socket = await world.open()
    socket.write(`PUT /rest/v0/import HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${world.tokens.sign(PERMISSIONS)}\r\ncontent-length: 100\r\n\r\n`)
    for (const text of ['a', 'ab', 'abc']) {
      socket.write(text.slice(-1))
      await until(() => got === text && clock.sleeping === 1)
      await clock.advance(999)
    }
    const answer = once(socket, 'data')
    const closed = once(socket, 'close')
    await clock.advance(1)
    expect(String((await answer)[0])).toMatch(/^HTTP\/1.1 408 [^]*\{"Error":"nothing of the body has come for 1 seconds","code":"RPC_STALLED"\}/)
    await closed
    expect([got, clock.sleeping]).toEqual(['abc', 0])
  })

  it('lets no time pass while what has come is imported', async () => {
    const clock = createFakeClock()
    const world = await serveImports(async (content) => {
      let bytes = 0
      for await (const chunk of content) {
        bytes += chunk.byteLength
        await clock.advance(10_000)
      }
      return importFacts(BigInt(bytes))
    }, { clock, idleMs: 1000 })
    const put = await fetch(`${world.url}/rest/v0/import`, { method: 'PUT', body: 'abc', headers: { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` } })
    expect([put.status, await put.text()]).toEqual([200, expect.stringContaining('"ImportID":3')])
  })

  it('tells the code of what went wrong, and words that are not ours to the log alone', async () => {
    const notices: string[] = []
    let error: Error = Object.assign(new Error('the disk is full'), { code: 'IO_NO_SPACE' })
    const world = await serveImports(async () => { throw error }, { onNotice: (text) => { notices.push(text) } })
    const put = async (): Promise<unknown> => (await fetch(`${world.url}/rest/v0/import`, { method: 'PUT', body: 'x', headers: { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` } })).json()
    expect(await put()).toEqual({ Error: 'the disk is full', code: 'IO_NO_SPACE' })
    error = new Error('secret at /data/x')
    expect(JSON.stringify(await put())).not.toContain('secret')
    expect(notices).toHaveLength(1)
  })
})
