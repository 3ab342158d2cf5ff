/** A server of a gateway that answers as its path says, and ways to ask it without a library. */
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { GatewayAnswer, GatewayRequest } from '../../src/index.ts'
import { type GatewayServer, type GatewayServerEvent, serveGateway, type ServedGateway, type ServedRequest, type ServeGatewayOptions } from '../../src/node.ts'

export const CHUNK: Uint8Array = new Uint8Array(65_536).fill(7)

export interface Stub extends ServedGateway {
  /** Streams that were begun and have not ended. */
  readonly open: number
  /** Chunks that were taken from streams. */
  readonly taken: number
  readonly asked: readonly GatewayRequest[]
}

/**
 * `/ipfs/whole` 5 bytes; `/ipfs/chunks/N` a stream of N chunks; `/ipfs/broken/N` one that throws behind them, a moment later with
 * `?late`, with a length with `?length`; `/ipfs/slow/N` waits N ms before each of 100 chunks; `/ipfs/hangs` answers when its asker leaves; `/ipfs/rejects`.
 */
export const createStub = (): Stub => {
  const asked: GatewayRequest[] = []
  let open = 0
  let taken = 0
  const stream = async function * (chunks: number, then: () => Promise<void>, waitMs: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
    open++
    try {
      for (let at = 0; at < chunks; at++) {
        if (waitMs > 0) await pause(waitMs)
        signal?.throwIfAborted()
        taken++
        yield CHUNK
      }
      await then()
    } finally {
      open--
    }
  }
  const answer = async (request: GatewayRequest): Promise<GatewayAnswer | undefined> => {
    asked.push(request)
    const { target, method, signal } = request
    const [, , kind, amount = '0'] = target.replace(/\?.*/, '').split('/')
    const number = Number(amount)
    if (kind === 'whole') return { status: 200, headers: { 'content-type': 'text/plain', 'content-length': '5' }, body: method === 'HEAD' ? undefined : Buffer.from('hello') }
    if (kind === 'fresh') return { status: 304, headers: { etag: '"x"' }, body: undefined }
    if (kind === 'missing') return { status: 404, headers: { 'x-error-code': 'GATEWAY_NOT_FOUND', 'content-type': 'text/plain' }, body: Buffer.from('not here\n') }
    if (kind === 'rejects') throw new Error('what should not happen')
    if (kind === 'chunks' || kind === 'slow') return { status: 200, headers: { 'content-type': 'application/x' }, body: stream(kind === 'slow' ? 100 : number, async () => {}, kind === 'slow' ? number : 0, signal) }
    if (kind === 'broken') {
      const fail = async (): Promise<void> => {
        if (target.includes('late')) await pause(30)
        throw Object.assign(new Error('lost'), { code: 'BLOCKSTORE_UNREADABLE' })
      }
      return { status: 200, headers: target.includes('length') ? { 'content-length': String((number + 1) * CHUNK.byteLength) } : {}, body: stream(number, fail, 0, signal) }
    }
    if (kind === 'hangs') {
      open++
      await new Promise<void>((resolve) => { signal?.addEventListener('abort', () => { resolve() }) })
      open--
      return { status: 503, headers: {}, body: undefined }
    }
    return undefined
  }
  return {
    get open () { return open },
    get taken () { return taken },
    asked,
    answer,
    claims: (target) => target.startsWith('/ipfs/'),
    metrics: () => ({ counters: [{ name: 'gateway.requests', labels: { route: 'raw' }, value: asked.length }], histograms: [], facts: { 'gateway.requests': { kind: 'counter', unit: '1', help: 'requests' } } }),
  }
}

export interface Served {
  readonly stub: Stub
  readonly server: GatewayServer
  readonly url: string
  readonly port: number
  readonly log: ServedRequest[]
  readonly events: GatewayServerEvent[]
}

export const serveStub = async (options: ServeGatewayOptions = {}): Promise<Served> => {
  const stub = createStub()
  const log: ServedRequest[] = []
  const events: GatewayServerEvent[] = []
  const server = await serveGateway(stub, { listen: { port: 0 }, accessLog: (request) => { log.push(request) }, onEvent: (event) => { events.push(event) }, ...options })
  onTestFinished(() => server.close({ deadlineMs: 0 }))
  return { stub, server, url: server.address.url, port: server.address.port, log, events }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })

/** Resolves when it has become true. */
export const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await pause(5)
}

export interface RawAnswer {
  readonly text: string
  readonly bytes: number
  /** The connection ended with a reset, not in an orderly way. */
  readonly reset: boolean
}

/** What comes for these bytes until the connection ends. */
export const raw = (port: number, bytes: string | Uint8Array, after?: (socket: Socket) => void): Promise<RawAnswer> => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  let reset = false
  socket.on('data', (part) => { parts.push(part) })
  socket.on('error', () => { reset = true })
  socket.on('close', () => {
    const all = Buffer.concat(parts)
    resolve({ text: all.toString('latin1'), bytes: all.byteLength, reset })
  })
  socket.write(bytes)
  after?.(socket)
})

/** Status lines in what came. */
export const statuses = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status)

export interface Frame {
  readonly type: 'DATA' | 'HEADERS' | 'RST_STREAM' | 'GOAWAY' | 'other'
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

const TYPES: Readonly<Record<number, Frame['type']>> = { 0: 'DATA', 1: 'HEADERS', 3: 'RST_STREAM', 7: 'GOAWAY' }

export const frame = (type: number, flags: number, stream: number, payload: Uint8Array): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.byteLength, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const literal = (name: string, value: string): Buffer => Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)])

const requestFrame = (stream: number, path: string): Buffer =>
  frame(1, 5, stream, Buffer.concat([literal(':method', 'GET'), literal(':scheme', 'http'), literal(':path', path), literal(':authority', 'x')]))

/** The same with something to follow it. */
export const openRequestFrame = (stream: number, path: string): Buffer =>
  frame(1, 4, stream, Buffer.concat([literal(':method', 'GET'), literal(':scheme', 'http'), literal(':path', path), literal(':authority', 'x')]))

export const PREFACE: Buffer = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))])

/** The frames that come for one request of HTTP/2, until its stream ends or is reset. */
export const http2Frames = (port: number, path: string): Promise<readonly Frame[]> => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1')
  const frames: Frame[] = []
  let rest = Buffer.alloc(0)
  const done = (): void => {
    socket.destroy()
    resolve(frames)
  }
  socket.on('error', done)
  socket.on('close', done)
  socket.on('data', (part) => {
    rest = Buffer.concat([rest, part])
    while (rest.byteLength >= 9 && rest.byteLength >= 9 + rest.readUIntBE(0, 3)) {
      const size = rest.readUIntBE(0, 3)
      const stream = rest.readUInt32BE(5)
      const type = TYPES[rest[3] ?? -1] ?? 'other'
      const payload = rest.subarray(9, 9 + size)
      frames.push({ type, flags: rest[4] ?? 0, stream, payload })
      if (type === 'DATA' && size > 0) socket.write(Buffer.concat([windowUpdate(0, size), windowUpdate(stream, size)]))
      rest = rest.subarray(9 + size)
      if (stream === 1 && (type === 'RST_STREAM' || (type === 'DATA' && ((frames.at(-1)?.flags ?? 0) & 1) !== 0))) setTimeout(done, 20)
    }
  })
  socket.write(Buffer.concat([PREFACE, requestFrame(1, path)]))
})

const windowUpdate = (stream: number, size: number): Buffer => {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(size)
  return frame(8, 0, stream, payload)
}

/** Requests that are given up as soon as they are made, many at once. */
export const rapidResets = (from: number, count: number, path: string): Buffer => {
  const cancel = Buffer.alloc(4)
  cancel.writeUInt32BE(8)
  return Buffer.concat(Array.from({ length: count }, (_, at) => Buffer.concat([requestFrame(from + 2 * at, path), frame(3, 0, from + 2 * at, cancel)])))
}
