/// <reference lib="esnext.disposable" preserve="true" />
/** The server of a gateway: both versions of HTTP on one port, from the first connection to the last. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { type Clock, createCount, systemClock } from '@dagstore/io'
import { createDepartures, createReusedMemory, isFromHere, watchFiles } from '@dagstore/io/node'
import type { GatewayAnswer } from '../exchange.ts'
import type { Gateway } from '../gateway.ts'
import { hasBody, Http1Outgoing, targetOf } from './http1.ts'
import { createHttp1Lines } from './http1-lines.ts'
import { departureOf, Http2Outgoing } from './http2.ts'
import { createHttp2Sessions } from './http2-sessions.ts'
import { createListening, type ServerAddress } from './listening.ts'
import { NodeRequest } from './node-request.ts'
import { answerOperator, refusal, type ServerHealth, type ServerMetrics } from './operator-paths.ts'
import { createPeers, type Peer, peerOf } from './peers.ts'
import { type Outgoing, sendAnswer } from './send.ts'
import type { ServedRequest } from './served-request.ts'
import { checkServerLimits, type ServerLimits } from './server-limits.ts'
import { readTlsFiles, type TlsFiles } from './tls-files.ts'

export interface ServeGatewayOptions {
  /** @default 127.0.0.1, port 2351; port 0: any that is free */
  readonly listen?: { readonly host?: string | undefined, readonly port?: number | undefined } | undefined
  /** Read again when they change. @default without TLS */
  readonly tls?: TlsFiles | undefined
  /** By TLS where both sides can, else by prior knowledge (h2c). @default true */
  readonly http2?: boolean | undefined
  readonly limits?: ServerLimits | undefined
  /** Addresses of proxies in front of this server, whose `X-Forwarded-For`, `-Proto` and `-Host` are believed. @default none */
  readonly proxies?: readonly string[] | undefined
  /** For `/healthz` and `/readyz`. @default always well; not ready once the server leaves */
  readonly health?: (() => ServerHealth | Promise<ServerHealth>) | undefined
  /** For `/metrics`, beside those of the gateway and of the server itself. @default nothing */
  readonly metrics?: (() => ServerMetrics | Promise<ServerMetrics>) | undefined
  /** Who is answered at `/metrics`. @default 'loopback': who asks from this machine, and not through a proxy */
  readonly measured?: 'loopback' | 'everywhere' | 'nobody' | undefined
  /** Told of each request when its answer is out, or its peer is gone. Nothing waits for it. */
  readonly accessLog?: ((request: ServedRequest) => void) | undefined
  /** Nothing waits for it. */
  readonly onEvent?: ((event: GatewayServerEvent) => void) | undefined
  readonly clock?: Clock | undefined
}

export type GatewayServerEvent =
  /** A connection, because there are too many. */
  | { readonly type: 'refused', readonly client: string }
  /** The files were read again; with an `error` those from before stay in use. */
  | { readonly type: 'certificate', readonly error: unknown }
  /** What should not happen. */
  | { readonly type: 'failed', readonly error: unknown }

export interface CloseServerOptions {
  /** For requests that are under way; then they are broken off. @default 10,000 */
  readonly deadlineMs?: number | undefined
}

export interface GatewayServer extends AsyncDisposable {
  readonly address: ServerAddress
  /** Reads the files of TLS now; told by an event of type `certificate`. */
  reload (): Promise<void>
  /** Take no more, let what is under way end, break it off at the deadline. Idempotent; the first deadline holds. */
  close (options?: CloseServerOptions): Promise<void>
}

/** What is served: a {@link Gateway}. */
export type ServedGateway = Pick<Gateway, 'answer' | 'claims'> & { metrics (): ServerMetrics }

const DEADLINE_MS = 10_000

/**
 * @throws {GatewayServerError} `GATEWAY_ADDRESS_IN_USE`, `GATEWAY_CANNOT_LISTEN`, `GATEWAY_BAD_CERTIFICATE`
 * @throws {RangeError} a limit. {TypeError} a proxy that is no address
 */
export const serveGateway = async (gateway: ServedGateway, options: ServeGatewayOptions = {}): Promise<GatewayServer> => {
  const { clock = systemClock, measured = 'loopback', accessLog } = options
  const limits = checkServerLimits(options.limits)
  const peers = createPeers(options.proxies ?? [])
  const connections = createCount(limits.maxConnections, Infinity)
  const clients = createCount(Infinity, limits.maxClientConnections)
  const departures = createDepartures()
  const memory = createReusedMemory()
  const sockets = new Set<Socket>()
  const ending = new AbortController()
  let leaving = false
  const tell = (event: GatewayServerEvent): void => {
    try {
      options.onEvent?.(event)
    } catch {
      // a listener's mistake must not end a request
    }
  }
  const operator = {
    health: options.health ?? (() => ({ live: true, ready: true })),
    metrics: async () => merged(await options.metrics?.(), gateway.metrics(), { connections: connections.size, sessions: sessions.size }),
    isLeaving: () => leaving,
  }
  const serve = async (request: NodeRequest, address: string, version: string, out: Outgoing, mayMeasure: () => boolean): Promise<void> => {
    const at = clock.now()
    const began = clock.monotonic()
    const { method, target } = request
    let answer: GatewayAnswer | undefined
    try {
      if (gateway.claims(target)) answer = leaving ? refusal(503, 'GATEWAY_BUSY', 'the server is closing', { 'retry-after': '5' }) : await gateway.answer(request)
      answer ??= await answerOperator(operator, method, target.replace(/\?.*$/s, ''), target.startsWith('/metrics') && mayMeasure())
    } catch (error) {
      tell({ type: 'failed', error })
      answer = refusal(500, 'GATEWAY_FAULT', 'the request could not be answered')
    }
    const sending = sendAnswer(out, answer, method !== 'HEAD', limits.maxWaitingBytes, memory)
    const { bytes, error } = 'then' in sending ? await sending : sending
    request.over()
    if (accessLog === undefined) return
    const code = error === undefined ? answer.headers['x-error-code'] ?? (out.isOut() ? undefined : 'CLIENT_LEFT') : codeOf(error)
    try {
      accessLog({ at, address, method, target, version, status: answer.status, ms: clock.monotonic() - began, bytes, agent: request.header('user-agent'), code })
    } catch (failure) {
      tell({ type: 'failed', error: failure })
    }
  }
  const mayMeasure = (socket: { readonly remoteAddress?: string | undefined }, headers: IncomingHttpHeaders): boolean =>
    measured === 'everywhere' || (measured === 'loopback' && isFromHere({ socket, headers }))

  const known = new WeakMap<object, Peer>()
  const peerAt = (socket: { readonly remoteAddress?: string | undefined }): Peer => {
    const peer = known.get(socket) ?? peerOf(socket.remoteAddress)
    known.set(socket, peer)
    return peer
  }
  const lines = createHttp1Lines(limits.maxPipelined, (request: IncomingMessage, response: ServerResponse) => {
    const { socket, headers, method = 'GET', httpVersion } = request
    if (hasBody(request)) response.shouldKeepAlive = false // it is not read
    const gone = departures.of(socket)
    const asked = peers.of(peerAt(socket), headers, 'encrypted' in socket)
    return serve(new NodeRequest(method, targetOf(request), headers, asked, gone, memory), asked.address, httpVersion, new Http1Outgoing(request, response, gone, true), () => mayMeasure(socket, headers))
  })
  const sessions = createHttp2Sessions(limits, (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, session: ServerHttp2Session) => {
    const gone = departureOf(stream)
    const asked = peers.of(peerAt(session.socket), headers, session.encrypted === true)
    const request = new NodeRequest(headers[':method'] ?? 'GET', headers[':path'] ?? '/', headers, asked, gone, memory)
    return serve(request, asked.address, '2.0', new Http2Outgoing(stream, gone), () => mayMeasure(session.socket, headers))
  })
  const tls = options.tls === undefined ? undefined : await readTlsFiles(options.tls)
  const admit = (socket: Socket): boolean => {
    const { client } = peerOf(socket.remoteAddress)
    const leaves = [connections.enter(client), peers.isProxy(socket.remoteAddress) ? () => {} : clients.enter(client)]
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      for (const leave of leaves) leave?.()
    })
    socket.on('error', () => {}) // it closes
    if (!leaving && leaves.every((leave) => leave !== undefined)) return true
    if (!leaving) tell({ type: 'refused', client })
    socket.destroy()
    return false
  }
  const http2 = (socket: Socket): void => {
    lines.forget(socket)
    sessions.take(socket)
  }
  const listening = createListening({ admit, opened: lines.enter, limits, tls, http2: options.http2 === false ? undefined : http2 })
  const { server } = listening
  server.on('request', lines.take)
  server.on('timeout', (socket: Socket) => { if (lines.isBusy(socket) !== true || socket.writableLength > 0) socket.destroy() })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // in the midst of an answer more bytes would pass for its own, and before the end of a handshake nobody understands them
    if (lines.isBusy(socket as Socket) === false && socket.writable) dismiss(error, socket as Socket)
    else socket.destroy()
  })

  const { host = '127.0.0.1', port = 2351 } = options.listen ?? {}
  const address = await listening.listen(host, port)
  server.on('error', (error) => { tell({ type: 'failed', error }) })

  const reload = async (): Promise<void> => {
    if (options.tls === undefined) return
    try {
      listening.setTls(await readTlsFiles(options.tls))
      tell({ type: 'certificate', error: undefined })
    } catch (error) {
      tell({ type: 'certificate', error })
    }
  }
  const watching = options.tls === undefined ? undefined : watchFiles([options.tls.certFile, options.tls.keyFile], clock, ending.signal, reload)
  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number): Promise<void> => {
    leaving = true
    const ended = listening.end()
    lines.leave()
    sessions.leave()
    await Promise.race([ended, clock.sleep(deadlineMs, { signal: ending.signal }).catch(() => {})])
    ending.abort()
    for (const socket of sockets) socket.destroy()
    await Promise.all([ended, watching])
  }
  return {
    address,
    reload,
    close: ({ deadlineMs = DEADLINE_MS } = {}) => closing ??= close(deadlineMs),
    [Symbol.asyncDispose]: () => closing ??= close(DEADLINE_MS),
  }
}

/** Not `end`: a peer that keeps its side open would keep the connection. */
const dismiss = ({ code }: NodeJS.ErrnoException, socket: Socket): void => {
  const status = code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroySoon()
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : error instanceof Error ? error.name : 'GATEWAY_FAULT'

/** Of whoever runs the server, of the gateway and of the server itself, in one. */
const merged = (given: ServerMetrics | undefined, gateway: ServerMetrics, { connections, sessions }: { readonly connections: number, readonly sessions: number }): ServerMetrics => ({
  counters: [...given?.counters ?? [], ...gateway.counters],
  histograms: [...given?.histograms ?? [], ...gateway.histograms],
  gauges: [
    ...given?.gauges ?? [], ...gateway.gauges ?? [],
    { name: 'gateway.connections', help: 'connections that are open', value: connections },
    { name: 'gateway.http2.sessions', help: 'those of them that speak HTTP/2', value: sessions },
  ],
  facts: { ...given?.facts, ...gateway.facts },
})
