/** Memory of long answers is used again only when nobody looks at them any more. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2'
import { Agent, get as getHttp, type IncomingMessage } from 'node:http'
import { Agent as SecureAgent, get as getHttps } from 'node:https'
import { selfSigned } from '@dagstore-tooling/fixtures'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type GatewayServer, serveGateway, type ServedGateway, type TlsFiles } from '../../src/node.ts'
import { pause } from './stub.ts'

/** More than the system takes of an answer that nobody reads; of HTTP/2 it takes less. */
const PIECE_BYTES = { http1: 4_000_000, http2: 300_000 }
const PIECES = 3
const servers: GatewayServer[] = []
const folders: string[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ deadlineMs: 0 })
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

const tlsFiles = async (): Promise<TlsFiles> => {
  const folder = await mkdtemp(join(tmpdir(), 'dagstore-'))
  folders.push(folder)
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const { cert, key } = selfSigned()
  await writeFile(files.certFile, cert)
  await writeFile(files.keyFile, key)
  return files
}

/** Bytes that tell whose they are. */
const fill = (bytes: Uint8Array, seed: number): Uint8Array => {
  for (let at = 0; at < bytes.byteLength; at += 4000) bytes.fill(seed * 31 + at / 4000 * 7, at, at + 4000)
  return bytes
}
const digestOf = (parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
const wanted = (length: number, seed: number, pieces: number): string => digestOf(Array.from({ length: pieces }, (_, n) => fill(new Uint8Array(length), seed + n)))

const serve = async (length: number, tls: boolean): Promise<{ readonly server: GatewayServer, readonly buffers: ArrayBufferLike[] }> => {
  const buffers: ArrayBufferLike[] = []
  const gateway: ServedGateway = {
    claims: () => true,
    metrics: () => ({ counters: [], histograms: [], gauges: [] }),
    answer: async ({ target, memory }) => {
      const [kind, seed] = target.slice(1).split('/')
      const made = (n: number): Uint8Array => {
        const bytes = memory!.take(length)
        buffers.push(bytes.buffer)
        return fill(bytes, Number(seed) + n)
      }
      if (kind === 'whole') return { status: 200, headers: {}, body: made(0) }
      return { status: 200, headers: {}, body: (async function * () { for (let n = 0; n < PIECES; n++) yield made(n) })() }
    },
  }
  const files = tls ? await tlsFiles() : undefined
  const server = await serveGateway(gateway, { listen: { port: 0 }, ...(files === undefined ? {} : { tls: files }) })
  servers.push(server)
  return { server, buffers }
}

const taken = async (stream: AsyncIterable<Uint8Array>, slow: boolean): Promise<string> => {
  const parts: Uint8Array[] = []
  for await (const part of stream) {
    parts.push(part)
    if (slow) await pause(2)
  }
  return digestOf(parts)
}

describe('memory of long answers', () => {
  it.each([['HTTP/1.1', false], ['HTTP/1.1 with TLS', true]])('is used again, and never under what somebody is being sent: %s', async (_, tls) => {
    const { server, buffers } = await serve(PIECE_BYTES.http1, tls)
    const agent = tls ? new SecureAgent({ keepAlive: true, maxSockets: 12, rejectUnauthorized: false }) : new Agent({ keepAlive: true, maxSockets: 12 })
    const ask = (path: string): Promise<IncomingMessage> => new Promise((resolve, reject) => {
      (tls ? getHttps : getHttp)(`${server.address.url}/${path}`, { agent }, resolve).on('error', reject)
    })
    await Promise.all(Array.from({ length: 12 }, async (_, lane) => {
      for (let n = 0; n < 4; n++) {
        const seed = lane * 100 + n
        const whole = n % 2 === 0
        const answer = await ask(`${whole ? 'whole' : 'parts'}/${seed}`)
        if (lane % 4 === 3) answer.destroy()
        else expect(await taken(answer, lane % 4 === 2), `${seed}`).toBe(wanted(PIECE_BYTES.http1, seed, whole ? 1 : PIECES))
      }
    }))
    agent.destroy()
    expect(new Set(buffers).size).toBeLessThan(buffers.length)
  })

  it.each([['HTTP/2', false], ['HTTP/2 with TLS', true]])('is used again, and never under what somebody is being sent: %s', async (_, tls) => {
    const { server, buffers } = await serve(PIECE_BYTES.http2, tls)
    const session = connectHttp2(server.address.url, { rejectUnauthorized: false })
    await Promise.all(Array.from({ length: 12 }, async (_, lane) => {
      for (let n = 0; n < 4; n++) {
        const seed = lane * 100 + n
        const whole = n % 2 === 0
        const stream = session.request({ ':path': `/${whole ? 'whole' : 'parts'}/${seed}` })
        stream.on('error', () => {}) // of those that are given up
        if (lane % 4 === 3) {
          await new Promise((resolve) => { stream.once('response', resolve) })
          stream.close()
        } else {
          expect(await taken(stream, lane % 4 === 2), `${seed}`).toBe(wanted(PIECE_BYTES.http2, seed, whole ? 1 : PIECES))
        }
      }
    }))
    session.destroy()
    expect(new Set(buffers).size).toBeLessThan(buffers.length)
  })

  it('may be of as many answers of one connection of HTTP/2 as may be under way', async () => {
    const { server } = await serve(2_000_000, false)
    const session = connectHttp2(server.address.url)
    const asked: ClientHttp2Stream[] = []
    // each asks while those before it wait for a client who has not read them yet
    for (let seed = 0; seed < 40; seed++) {
      const stream = session.request({ ':path': `/whole/${seed}` })
      asked.push(stream)
      await new Promise((resolve, reject) => { stream.once('response', resolve).once('error', reject) })
    }
    for (const [seed, stream] of asked.entries()) expect(await taken(stream, false)).toBe(wanted(2_000_000, seed, 1))
    session.destroy()
  })
})
