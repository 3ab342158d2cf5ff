/** TLS: both versions of HTTP, certificates that are renewed while the server runs, and files that are none. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { get } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { selfSigned, type SelfSigned } from '@dagstore-tooling/fixtures'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { raw, type Served, serveStub, until } from './stub.ts'

interface Secure extends Served { readonly folder: string, readonly pair: SelfSigned }

const writePair = async (folder: string, { cert, key }: SelfSigned): Promise<void> => {
  // as renewals do: each in one step
  for (const [name, text] of [['cert.pem', cert], ['key.pem', key]] as const) {
    await writeFile(join(folder, `${name}.new`), text)
    await rename(join(folder, `${name}.new`), join(folder, name))
  }
}

const filesIn = (folder: string): { readonly certFile: string, readonly keyFile: string } => ({ certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') })

const folderWith = async (pair: SelfSigned): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-tls-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writePair(folder, pair)
  return folder
}

const serveSecure = async (options: Parameters<typeof serveStub>[0] = {}): Promise<Secure> => {
  const pair = selfSigned(1)
  const folder = await folderWith(pair)
  return { ...await serveStub({ tls: filesIn(folder), ...options }), folder, pair }
}

const get1 = (url: string, ca: string): Promise<{ readonly status: number | undefined, readonly text: string }> => new Promise((resolve, reject) => {
  get(url, { ca, agent: false }, (response) => {
    let text = ''
    response.on('data', (part) => { text += String(part) })
    response.on('end', () => { resolve({ status: response.statusCode, text }) })
  }).on('error', reject)
})

const serialAt = (port: number): Promise<string> => new Promise((resolve, reject) => {
  const socket: TLSSocket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate().serialNumber)
    socket.end()
  })
  socket.on('error', reject)
})

describe('a server with TLS', () => {
  it('speaks HTTP/1.1 and HTTP/2, as the asker chooses, and says so in its origin', async () => {
    const { url, stub, pair, log } = await serveSecure()
    expect(url).toMatch(/^https:/)
    expect(await get1(`${url}/ipfs/whole`, pair.cert)).toEqual({ status: 200, text: 'hello' })
    const session = connectHttp2(url, { ca: pair.cert })
    const stream = session.request({ ':path': '/ipfs/chunks/5' })
    let bytes = 0
    for await (const part of stream as AsyncIterable<Buffer>) bytes += part.byteLength
    session.close()
    expect(bytes).toBe(5 * 65_536)
    expect(stub.asked.map(({ origin }) => origin)).toEqual([url, url])
    await until(() => log.length === 2)
    expect(log.map(({ version }) => version)).toEqual(['1.1', '2.0'])
  })

  it('drops what is no handshake, and goes on', async () => {
    const { port, url, pair } = await serveSecure({ limits: { headersMs: 100 } })
    expect((await raw(port, 'GET /ipfs/whole HTTP/1.1\r\nhost: x\r\n\r\n')).text).not.toContain('hello')
    expect((await raw(port, '')).bytes).toBe(0)
    const half = connectTcp(port, '127.0.0.1')
    half.on('error', () => {})
    half.write(Buffer.from([22, 3, 1, 2, 0]))
    await new Promise<void>((resolve) => { half.on('close', () => { resolve() }) })
    expect((await get1(`${url}/ipfs/whole`, pair.cert)).status).toBe(200)
  })

  it('takes a renewed certificate by itself, and keeps the one before where the new one is none', async () => {
    const clock = createFakeClock()
    const { port, folder, events } = await serveSecure({ clock })
    expect(await serialAt(port)).toBe('01')
    await writePair(folder, selfSigned(2))
    await until(() => clock.sleeping > 0)
    await clock.advance(10_000)
    await until(() => events.length === 1)
    expect([events[0], await serialAt(port)]).toEqual([{ type: 'certificate', error: undefined }, '02'])
    await writeFile(join(folder, 'key.pem'), 'nothing')
    await until(() => clock.sleeping > 0)
    await clock.advance(10_000)
    await until(() => events.length === 2)
    expect(events[1]).toMatchObject({ type: 'certificate', error: { code: 'GATEWAY_BAD_CERTIFICATE' } })
    expect(await serialAt(port)).toBe('02')
  })

  it('takes it at once when it is told to', async () => {
    const { port, folder, server, events } = await serveSecure()
    await writePair(folder, selfSigned(7))
    await server.reload()
    expect([events.length, await serialAt(port)]).toEqual([1, '07'])
  })

  it('does not start with files that are none, or do not belong together', async () => {
    const [folder, other] = [await folderWith(selfSigned()), await folderWith(selfSigned())]
    const [own, foreign] = [filesIn(folder), filesIn(other)]
    for (const tls of [
      { ...own, certFile: join(folder, 'none.pem') }, { ...own, keyFile: join(folder, 'none.pem') },
      { ...own, certFile: own.keyFile }, { ...own, keyFile: own.certFile }, { ...own, keyFile: foreign.keyFile },
    ]) await expect(serveStub({ tls })).rejects.toMatchObject({ code: 'GATEWAY_BAD_CERTIFICATE' })
  })
})
