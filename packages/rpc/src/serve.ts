/// <reference lib="esnext.disposable" preserve="true" />
/** The server: HTTP and WebSocket on one port, from the first request to the last. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, createCount, systemClock } from '@dagstore/io'
import { clientOf, createDepartures } from '@dagstore/io/node'
import { createRpcServer, RpcError, type RpcConnection } from '@dagstore/json-rpc'
import { type LotusApi, methodsOf } from '@dagstore/lotus-api'
import { WebSocketServer } from 'ws'
import { createRoom } from './body.ts'
import { ServerError } from './errors.ts'
import type { ExtraAccess, ExtraHandler } from './extra-requests.ts'
import { type Anonymous, createGate } from './gate.ts'
import { answerRequest, bodyLimit, type Health, type RequestParts } from './http-requests.ts'
import { checkLimits, type ServeLimits } from './limits.ts'
import { createMeter, mergedMetrics, type ServedMetrics } from './meter.ts'
import { isLastOfConnection, isRpcPath, pathOf, ServedRequest, settleTarget, takesUpgrade } from './request-target.ts'
import { type CallContext, type ServerEvent, servedMethods } from './served-methods.ts'
import { serveWebSocket, type ServedSocket } from './socket.ts'
import type { Tokens } from './tokens.ts'

export interface ServeOptions {
  /** Methods that are not there are answered with -32601. */
  readonly api: Partial<LotusApi>
  readonly tokens: Pick<Tokens, 'verify'>
  /** @default 127.0.0.1, port 2350; port 0: any that is free */
  readonly listen?: { readonly host?: string | undefined, readonly port?: number | undefined } | undefined
  /** Who may read without a token. @default 'loopback': callers on this machine */
  readonly anonymous?: Anonymous | undefined
  /** Names this server is called by, besides `localhost` and addresses. A request for another one is refused. @default none */
  readonly hosts?: readonly string[] | undefined
  /** Origins of pages that may ask, as `https://dashboard.example`; those that come from here may. @default none */
  readonly origins?: readonly string[] | undefined
  readonly limits?: ServeLimits | undefined
  /** For `/healthz` and `/readyz`. @default always well; not ready once the server leaves */
  readonly health?: (() => Health | Promise<Health>) | undefined
  /** For `/metrics`; what the server counts itself is added. @default nothing */
  readonly metrics?: (() => ServedMetrics | Promise<ServedMetrics>) | undefined
  /** What else is answered: asked for every other path. @default nothing */
  readonly extra?: ExtraHandler | undefined
  /** Whom `extra` is asked for, at each path. @default 'gate': as for reading, by host, origin and token */
  readonly extraAccess?: ExtraAccess | ((path: string) => ExtraAccess) | undefined
  /** Nothing waits for it. */
  readonly onEvent?: ((event: ServerEvent) => void) | undefined
  readonly clock?: Clock | undefined
}

export interface CloseOptions {
  /** For calls that are under way; then they are aborted. @default 10,000 */
  readonly deadlineMs?: number | undefined
}

export interface RpcHttpServer extends AsyncDisposable {
  readonly address: { readonly host: string, readonly port: number, readonly url: string }
  /** Take no more, wait for what is under way, end it at the deadline. Idempotent; the first deadline holds. */
  close (options?: CloseOptions): Promise<void>
}

const CLOSING = new RpcError('RPC_CLOSED', 'server is closing', { data: { code: 'RPC_CLOSED' } })

/** Which requests become a WebSocket; the second is that of newer Nodes, and unknown to the types. */
const UPGRADES = { IncomingMessage: ServedRequest, shouldUpgradeCallback: takesUpgrade }

/** For the farewell of a WebSocket. */
const FAREWELL_MS = 1_000
const DEADLINE_MS = 10_000

/**
 * @throws {ServerError} `SERVER_ADDRESS_IN_USE`, `SERVER_CANNOT_LISTEN`
 * @throws {RangeError} a limit. {TypeError} a host or an origin that is none
 */
export const serveRpc = async (options: ServeOptions): Promise<RpcHttpServer> => {
  const { api, tokens, anonymous = 'loopback', hosts = [], origins = [], extraAccess = 'gate', clock = systemClock } = options
  const limits = checkLimits(options.limits ?? {})
  const gate = createGate({ tokens, anonymous, hosts, origins })
  const leaving = new AbortController()
  const stop = new AbortController()
  const meter = createMeter()
  const tell = (event: ServerEvent): void => {
    meter.note(event)
    try {
      options.onEvent?.(event)
    } catch {
      // a listener's mistake must not end a call
    }
  }
  const rpc = createRpcServer<CallContext>({
    methods: servedMethods(methodsOf(api), { clock, calls: createCount(Infinity, limits.maxClientCalls), leaving: leaving.signal, tell }),
    limits: { maxMessageLength: limits.maxBodyBytes, maxBatch: limits.maxBatch, maxAnswersLength: limits.maxAnswersLength, maxCalls: limits.maxCalls },
  })
  const connections = createCount(limits.maxConnections, limits.maxClientConnections)
  const requests = createCount(limits.maxRequests, limits.maxClientRequests)
  const departures = createDepartures()
  const sockets = new Map<ServedSocket, RpcConnection>()
  const work = new Set<Promise<void>>()
  /** Of each connection: those that are not whole. */
  const answers = new WeakMap<Socket, Set<ServerResponse>>()
  const parts: RequestParts = {
    rpc, gate, limits, requests, room: createRoom(limits.maxReceivingBytes), sending: createRoom(limits.maxSendingBytes), departures, leaving: leaving.signal, stop: stop.signal, tell,
    health: options.health ?? (() => ({ live: true, ready: true })),
    metrics: async () => mergedMetrics(await options.metrics?.(), meter, [
      { name: 'rpc.connections', help: 'connections that are open', value: connections.size },
      { name: 'rpc.sockets', help: 'WebSockets that are open', value: sockets.size },
      { name: 'rpc.requests', help: 'HTTP requests under way', value: requests.size },
    ]),
    extra: options.extra,
    extraAccess: typeof extraAccess === 'function' ? extraAccess : () => extraAccess,
    clock,
  }
  /** Connections that nothing more is taken from. */
  const spent = new WeakSet<Socket>()
  const server = createServer({
    ...UPGRADES,
    headersTimeout: limits.headersMs,
    // bodies are timed by whoever reads them: a payload that moves may take hours
    requestTimeout: 0,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.headersMs / 2)),
    maxHeaderSize: 1 << 14,
    // a peer that is gone without a word, in the middle of a long call
    keepAlive: true,
    keepAliveInitialDelay: limits.heartbeatMs,
    noDelay: true,
  }, (request: IncomingMessage, response: ServerResponse) => {
    if (spent.has(request.socket)) return
    if (isLastOfConnection(request)) {
      spent.add(request.socket)
      response.shouldKeepAlive = false
    }
    settleTarget(request)
    const own = answers.get(request.socket) ?? new Set()
    answers.set(request.socket, own.add(response))
    const task = answerRequest(parts, request, response).finally(() => {
      work.delete(task)
      own.delete(response)
    })
    work.add(task)
  })
  const webSockets = (anonymous: boolean): WebSocketServer =>
    new WebSocketServer({ noServer: true, maxPayload: bodyLimit(limits, anonymous), perMessageDeflate: false, clientTracking: false })
  const [ofTokens, ofNone] = [webSockets(false), webSockets(true)]

  server.on('connection', (socket: Socket) => {
    const client = clientOf(socket.remoteAddress)
    const leave = connections.enter(client)
    if (leave === undefined) {
      tell({ type: 'refused', client, path: '', reason: 'too-many' })
      socket.destroy()
      return
    }
    socket.once('close', leave)
    departures.watch(socket)
  })
  server.on('clientError', (_error, socket) => {
    // in the midst of an answer, more bytes would pass for its own; those that wait behind it have no socket yet
    const isBegun = [...answers.get(socket as Socket) ?? []].some((answer) => answer.socket !== null && answer.headersSent)
    if (isBegun) socket.destroy()
    else dismiss(socket as Socket, '400 Bad Request')
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => {}) // it closes
    if (spent.has(socket)) return void socket.destroy()
    settleTarget(request)
    const client = clientOf(request.socket.remoteAddress)
    const path = pathOf(request)
    const refuse = (status: number, reason: string): void => {
      tell({ type: 'refused', client, path, reason })
      dismiss(socket, `${status} Refused`)
    }
    const refusal = gate.refusal(request)
    if (refusal !== undefined) return refuse(refusal.status, refusal.reason)
    if (!isRpcPath(path)) return refuse(404, 'path')
    if (leaving.signal.aborted) return refuse(503, 'leaving')
    const caller = gate.caller(request)
    if ('status' in caller) return refuse(caller.status, caller.reason)
    const { permissions, anonymous: isAnonymous } = caller
    const upgrades = isAnonymous ? ofNone : ofTokens
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const served = serveWebSocket(webSocket, { clock, heartbeatMs: limits.heartbeatMs, maxWaitingBytes: limits.maxWaitingBytes })
      sockets.set(served, rpc.connect(served, { context: { permissions, client } }))
      tell({ type: 'socket', client, open: true })
      void served.gone.then(() => {
        sockets.delete(served)
        tell({ type: 'socket', client, open: false })
      })
    })
  })

  const { host = '127.0.0.1', port = 2350 } = options.listen ?? {}
  const address = await listen(server, host, port)
  server.on('error', ({ message }) => { tell({ type: 'failed', message }) })
  let closing: Promise<void> | undefined

  const close = async (deadlineMs: number): Promise<void> => {
    const done = new AbortController()
    const ended = new Promise<void>((resolve) => { server.close(() => { resolve() }) })
    leaving.abort(CLOSING)
    server.closeIdleConnections()
    const finished = Promise.all([...work, ...[...sockets.values()].map((connection) => connection.drain())])
    await Promise.race([finished, sleep(clock, deadlineMs, done.signal)])
    stop.abort(CLOSING)
    const farewell = Promise.all([...sockets].map(([served, connection]) => {
      void connection.close('server is closing')
      return served.gone
    }))
    await Promise.race([Promise.all([farewell, ...work]), sleep(clock, FAREWELL_MS, done.signal)])
    done.abort()
    for (const served of sockets.keys()) served.drop()
    server.closeAllConnections()
    await ended
  }
  return {
    address,
    close: ({ deadlineMs = DEADLINE_MS } = {}) => closing ??= close(deadlineMs),
    [Symbol.asyncDispose]: () => closing ??= close(DEADLINE_MS),
  }
}

/** Not `end`: a peer that keeps its side open would keep the connection. */
const dismiss = (socket: Socket, status: string): void => {
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroySoon()
}

const sleep = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> => clock.sleep(ms, { signal }).catch(() => {})

const listen = (server: Server, host: string, port: number): Promise<RpcHttpServer['address']> => new Promise((resolve, reject) => {
  const refuse = (cause: NodeJS.ErrnoException): void => {
    reject(cause.code === 'EADDRINUSE'
      ? new ServerError('SERVER_ADDRESS_IN_USE', `another program listens there; host=${host} port=${port}`, { cause })
      : new ServerError('SERVER_CANNOT_LISTEN', `cannot listen; host=${host} port=${port}`, { cause }))
  }
  server.once('error', refuse)
  server.listen({ host, port }, () => {
    server.off('error', refuse)
    const at = server.address() as AddressInfo
    resolve({ host: at.address, port: at.port, url: `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}` })
  })
})
