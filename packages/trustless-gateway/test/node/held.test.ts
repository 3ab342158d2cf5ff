import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlocks, selfSigned } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createGateway, type Gateway } from '../../src/index.ts'
import { nodeHandler, serveGateway, type TlsFiles } from '../../src/node.ts'
import { openTestStore } from '../conformance/store.ts'

const [large, small] = [...makeBlocks(3, 1, { min: 4 << 20, max: 4 << 20 }), ...makeBlocks(4, 1, { min: 1000, max: 1000 })] as const
const target = (block: typeof large): string => `/ipfs/${CID.decode(block!.cid).toString()}?format=raw`
const opened = (): Gateway => createGateway({ blockstore: openTestStore([large!, small!]), limits: { client: { requests: 1, waiting: 0 } } })
const active = (gateway: Gateway): number | undefined => gateway.metrics().gauges.find(({ name }) => name === 'gateway.requests.active')?.value
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

describe('a block that nobody takes', () => {
  const ask = async (session: ClientHttp2Session, block: typeof large): Promise<{ readonly stream: ClientHttp2Stream, readonly status: number | undefined }> => {
    const stream = session.request({ ':path': target(block) })
    stream.on('error', () => {}) // of those that are given up
    const [{ ':status': status }] = await once(stream, 'response') as [{ ':status'?: number }]
    return { stream, status }
  }

  const tlsFiles = async (): Promise<TlsFiles> => {
    const folder = await mkdtemp(join(tmpdir(), 'held-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const { cert, key } = selfSigned()
    const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
    await writeFile(files.certFile, cert)
    await writeFile(files.keyFile, key)
    return files
  }

  it.each([['with prior knowledge', async () => undefined], ['with TLS', tlsFiles]])('keeps its place over HTTP/2 %s until it is out, or its asker has left', async (_, files) => {
    const gateway = opened()
    const server = await serveGateway(gateway, { listen: { port: 0 }, tls: await files() })
    onTestFinished(() => server.close({ deadlineMs: 0 }))
    const session = connect(server.address.url, { settings: { initialWindowSize: 0 }, rejectUnauthorized: false })
    const held = await ask(session, large)
    expect([held.status, active(gateway)]).toEqual([200, 1])
    expect((await ask(session, large)).status).toBe(429)
    session.destroy()
    while (active(gateway) !== 0) await turn()
  })

  it('is given up after a while, and its connection after another', async () => {
    const gateway = opened()
    const server = await serveGateway(gateway, { listen: { port: 0 }, limits: { stalledMs: 300, idleMs: 100 } })
    onTestFinished(() => server.close({ deadlineMs: 0 }))
    const session = connect(server.address.url, { settings: { initialWindowSize: 0 } })
    await ask(session, large)
    await once(session, 'close')
    expect(active(gateway)).toBe(0)
  })

  it('keeps its place on a server of somebody else\'s', async () => {
    const gateway = opened()
    const handle = nodeHandler(gateway)
    const server = createServer((request, response) => {
      const leaving = new AbortController()
      response.once('close', () => { leaving.abort(new Error('left')) })
      void handle(request, response, { signal: leaving.signal })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1')
    socket.pause()
    socket.write(`GET ${target(large)} HTTP/1.1\r\nHost: a\r\n\r\n`)
    while (active(gateway) !== 1) await turn()
    for (let n = 0; n < 50; n++) await turn()
    expect(active(gateway)).toBe(1)
    socket.resume()
    while (active(gateway) !== 0) await turn()
    expect(gateway.metrics().counters).toContainEqual({ name: 'gateway.bytes', labels: { route: 'raw' }, value: 4 << 20 })
    socket.destroy()
    server.close()
  })
})
