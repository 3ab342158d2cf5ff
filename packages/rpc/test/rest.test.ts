/** What is imported from the body of a request. */
import { Readable } from 'node:stream'
import { PERMISSIONS } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { extraDoors, isRestPath, restHandler, webHandler } from '../src/index.ts'
import type { ClientImportParts } from '../src/handlers/index.ts'
import { cidOf, importFacts } from './handlers/client-kit.ts'
import { serveInTest } from './server.ts'

const serveImports = (importStream: ClientImportParts['importStream'], onNotice?: (text: string) => void): ReturnType<typeof serveInTest> =>
  serveInTest(extraDoors([{ claims: isRestPath, access: 'gate', handler: webHandler(restHandler({ imports: { importStream }, onNotice })) }]))

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

  it('tells the code of what went wrong, and words that are not ours to the log alone', async () => {
    const notices: string[] = []
    let error: Error = Object.assign(new Error('the disk is full'), { code: 'IO_NO_SPACE' })
    const world = await serveImports(async () => { throw error }, (text) => { notices.push(text) })
    const put = async (): Promise<unknown> => (await fetch(`${world.url}/rest/v0/import`, { method: 'PUT', body: 'x', headers: { authorization: `Bearer ${world.tokens.sign(PERMISSIONS)}` } })).json()
    expect(await put()).toEqual({ Error: 'the disk is full', code: 'IO_NO_SPACE' })
    error = new Error('secret at /data/x')
    expect(JSON.stringify(await put())).not.toContain('secret')
    expect(notices).toHaveLength(1)
  })
})
