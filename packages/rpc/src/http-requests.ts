/** One HTTP request, from its path to its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, type Count, METRICS_TYPE, metricsText, onAbort } from '@dagstore/io'
import { clientOf, type Departures, isFromHere } from '@dagstore/io/node'
import type { RpcServer } from '@dagstore/json-rpc'
import { hasBody, readBody, type Room } from './body.ts'
import { askExtra, type ExtraAccess, type ExtraHandler } from './extra-requests.ts'
import type { Caller, Gate, Refusal } from './gate.ts'
import type { Limits } from './limits.ts'
import type { ServedMetrics } from './meter.ts'
import { isRpcPath, pathOf } from './request-target.ts'
import type { CallContext, ServerEvent } from './served-methods.ts'

export interface Health {
  /** The process does its work; where not, whoever watches it begins it anew. */
  readonly live: boolean
  /** It takes calls. */
  readonly ready: boolean
  /** Why not; for people. */
  readonly reasons?: readonly string[] | undefined
  /** What is amiss though it takes calls; for people. */
  readonly notes?: readonly string[] | undefined
}

export interface RequestParts {
  readonly rpc: RpcServer<CallContext>
  readonly gate: Gate
  readonly limits: Limits
  readonly requests: Count
  readonly room: Room
  /** For answers. */
  readonly sending: Room
  readonly departures: Departures
  /** The server takes nothing more. */
  readonly leaving: AbortSignal
  /** What is under way is ended. */
  readonly stop: AbortSignal
  readonly tell: (event: ServerEvent) => void
  readonly health: () => Health | Promise<Health>
  readonly metrics: () => Promise<Required<ServedMetrics>>
  readonly extra: ExtraHandler | undefined
  readonly extraAccess: (path: string) => ExtraAccess
  readonly clock: Clock
}

const isHealthPath = (path: string): path is '/healthz' | '/readyz' => path === '/healthz' || path === '/readyz'

/** What begins with two strokes could be read as the name of a host. */
const isExtraPath = (path: string): boolean => /^\/(?!\/)/.test(path) && !isRpcPath(path) && !isHealthPath(path) && path !== '/metrics'

/** Of whom no token is asked; a preflight has none. */
const ANYBODY: Caller = { permissions: ['read'], anonymous: true }

/** Nor of whom is on this machine, where that is what counts. */
const neighbour = (request: IncomingMessage): Caller | Refusal =>
  isFromHere(request) ? ANYBODY : { status: 403, reason: 'anonymous', message: 'only callers on this machine may ask for that' }

/** Never rejects. */
export const answerRequest = async (parts: RequestParts, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { gate, requests, tell } = parts
  const client = clientOf(request.socket.remoteAddress)
  const path = pathOf(request)
  const refuse = (status: number, reason: string, message: string, headers: Readonly<Record<string, string>> = {}): Promise<void> => {
    tell({ type: 'refused', client, path, reason })
    // its body is not read, so nothing more can come behind it
    return write(parts, response, status, { ...headers, connection: 'close' }, { Error: message })
  }
  const extra = isExtraPath(path) ? parts.extra : undefined
  const access = extra === undefined ? 'gate' : parts.extraAccess(path)
  const isOpen = access === 'everywhere'
  const nothing = (): Promise<void> => refuse(404, 'path', 'there is nothing at that path')
  let leave: (() => void) | undefined
  try {
    const origin = isOpen ? undefined : gate.originOf(request)
    if (!isOpen) {
      if (origin !== undefined) response.setHeader('access-control-allow-origin', origin)
      response.setHeader('vary', 'Origin')
      const refusal = gate.refusal(request)
      if (refusal !== undefined) return await refuse(refusal.status, refusal.reason, refusal.message)
    }
    // whoever watches the process is told how it is, however much there is to do
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (isHealthPath(path) && isRead) return await answerHealth(parts, path, response)
    leave = requests.enter(client)
    if (leave === undefined) return await refuse(503, 'too-many', 'too many requests are under way', { 'retry-after': '1' })
    const isPreflight = request.method === 'OPTIONS' && origin !== undefined
    if (isPreflight && extra === undefined) return await preflight(parts, request, response)
    if ((isHealthPath(path) || path === '/metrics') && !isRead) return await refuse(405, 'method', 'it is read by GET', { allow: 'GET, HEAD' })
    if (parts.leaving.aborted && path !== '/metrics') return await refuse(503, 'leaving', 'the server is closing')
    const caller = isOpen || isPreflight ? ANYBODY : access === 'loopback' ? neighbour(request) : gate.caller(request)
    if (isRpcPath(path)) {
      if (request.method !== 'POST') return await refuse(405, 'method', 'calls come by POST, or over a WebSocket', { allow: 'POST, OPTIONS' })
      if ('status' in caller) return await refuse(caller.status, caller.reason, caller.message)
      return await answerCall(parts, caller, client, request, response, refuse)
    }
    if (path !== '/metrics' && extra === undefined) return await nothing()
    if ('status' in caller) return await refuse(caller.status, caller.reason, caller.message)
    if (!caller.permissions.includes('read')) return await refuse(403, 'token', 'the token does not allow to read')
    if (extra === undefined) {
      const { gauges, facts, ...values } = await parts.metrics()
      return await write(parts, response, 200, { 'content-type': METRICS_TYPE }, metricsText(values, gauges ?? [], facts ?? {}))
    }
    const asked = { client, permissions: caller.permissions, signal: signalOf(parts, response), gone: parts.departures.of(request.socket), stalledMs: parts.limits.stalledMs }
    if (await askExtra(extra, request, response, asked)) return
    return await (isPreflight ? preflight(parts, request, response) : nothing())
  } catch (error) {
    const isGone = parts.departures.of(request.socket).aborted
    if (!isGone) tell({ type: 'failed', message: `${path}: ${error instanceof Error ? error.message : String(error)}` })
    if (response.headersSent) response.destroy()
    else await write(parts, response, 500, { connection: 'close' }, { Error: 'the request could not be answered' })
  } finally {
    leave?.()
  }
}

/** Aborted when the peer leaves, or the server ends what is under way. */
const signalOf = ({ stop, departures }: RequestParts, response: ServerResponse): AbortSignal => {
  const either = new AbortController()
  const unwatch = [stop, departures.of(response.req.socket)].map((signal) => onAbort(signal, () => { end(signal.reason) }))
  const forget = (): void => { for (const one of unwatch) one() }
  const end = (reason: unknown): void => {
    forget()
    either.abort(reason)
  }
  response.once('close', forget)
  return either.signal
}

/** Of a request or a frame. */
export const bodyLimit = ({ maxBodyBytes, maxAnonymousBytes }: Limits, anonymous: boolean): number =>
  anonymous ? Math.min(maxBodyBytes, maxAnonymousBytes) : maxBodyBytes

const BODY_REFUSALS = {
  'too big': { status: 413, reason: 'too-big', message: 'the request is too big' },
  'no room': { status: 503, reason: 'no-room', message: 'too much is being received' },
  'too slow': { status: 408, reason: 'too-slow', message: 'the request has taken too long to come' },
} as const

type Refuse = (status: number, reason: string, message: string, headers?: Readonly<Record<string, string>>) => Promise<void>

const answerCall = async (parts: RequestParts, { permissions, anonymous }: Caller, client: string, request: IncomingMessage, response: ServerResponse, refuse: Refuse): Promise<void> => {
  const body = await timed(parts, (late) => readBody(request, bodyLimit(parts.limits, anonymous), parts.room, late))
  if ('refusal' in body && body.refusal !== 'not UTF-8') {
    const { status, reason, message } = BODY_REFUSALS[body.refusal]
    return refuse(status, reason, message)
  }
  // what is no UTF-8 is no JSON either
  const answer = await parts.rpc.answer('text' in body ? body.text : '\uFFFD', { context: { permissions, client }, signal: signalOf(parts, response) })
  const text = answer.body ?? ''
  const size = Buffer.byteLength(text)
  if (!parts.sending.take(size)) return refuse(503, 'no-room', 'too many answers wait to be taken', { 'retry-after': '1' })
  try {
    await write(parts, response, answer.status, {}, text)
  } finally {
    parts.sending.give(size)
  }
}

/** @param run - is given a signal of the time that a body may take */
const timed = async <T>({ clock, limits }: RequestParts, run: (late: AbortSignal) => Promise<T>): Promise<T> => {
  const [late, done] = [new AbortController(), new AbortController()]
  clock.sleep(limits.requestMs, { signal: done.signal }).then(() => { late.abort(new Error('too late')) }, () => {}) // it came in time
  try {
    return await run(late.signal)
  } finally {
    done.abort()
  }
}

const answerHealth = async (parts: RequestParts, path: '/healthz' | '/readyz', response: ServerResponse): Promise<void> => {
  const { live, ready, reasons = [], notes = [] } = await parts.health()
  const isLeaving = parts.leaving.aborted
  const ok = path === '/healthz' ? live : live && ready && !isLeaving
  const why = ok ? {} : { reasons: isLeaving ? ['the server is closing', ...reasons] : reasons }
  await write(parts, response, ok ? 200 : 503, {}, { ok, ...why, ...(notes.length === 0 ? {} : { notes }) })
}

/** Of a page whose origin may ask; it says its token in a header, so cookies play no part. */
const preflight = async (parts: RequestParts, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const local = request.headers['access-control-request-private-network'] === 'true' ? { 'access-control-allow-private-network': 'true' } : {}
  await write(parts, response, 204, {
    'access-control-allow-methods': 'POST, GET, HEAD', 'access-control-allow-headers': 'authorization, content-type', 'access-control-max-age': '600', ...local,
  }, '')
}

/** Resolves when the peer has it all, or is gone. */
const write = (parts: RequestParts, response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: string | object): Promise<void> => new Promise((resolve) => {
  const gone = parts.departures.of(response.req.socket)
  if (response.destroyed || gone.aborted) return resolve()
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const unwatch = onAbort(gone, resolve)
  response.once('close', () => {
    unwatch()
    resolve()
  })
  endWhenStalled(parts, response)
  response.writeHead(status, {
    'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
    // a body that nobody has read would be waited for
    ...(parts.leaving.aborted || (hasBody(response.req) && !response.req.complete) ? { connection: 'close' } : {}), ...headers,
  })
  response.end(text)
})

/** From now on the connection is closed where nothing goes out; Node sets the time of an idle one when the answer has ended. */
const endWhenStalled = ({ limits }: RequestParts, { socket }: ServerResponse): void => { socket?.setTimeout(limits.stalledMs) }
