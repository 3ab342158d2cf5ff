/**
 * A connection of HTTP/1.1 as long as its requests are plain and come one after another: each costs a fraction of what the server
 * of Node takes for it. With the first that is not, the connection is handed on to that, as if it had just begun.
 */
import type { Socket } from 'node:net'
import type { Clock } from '@dagstore/io'
import type { Http1Lines } from './http1-lines.ts'
import { createLastLines, PlainOutgoing } from './plain-outgoing.ts'
import { type PlainRequest, PlainRequests } from './plain-request.ts'
import type { Outgoing } from './send.ts'
import type { CheckedServerLimits } from './server-limits.ts'

export interface PlainParts {
  readonly limits: CheckedServerLimits
  readonly clock: Clock
  /** What serves one connection. It resolves when the answer is out, or its peer is gone, and never rejects. */
  readonly serve: (socket: Socket) => ServePlain
  /** Told of each request. */
  readonly lines: Pick<Http1Lines, 'begin' | 'over' | 'isLeaving'>
}

export type ServePlain = (request: PlainRequest, out: Outgoing) => Promise<void>

/** Takes a connection; `otherwise` is called once, when it is not plain or no longer, with all that was not answered still to be read. */
export type TakePlain = (socket: Socket, otherwise: () => void) => void

export const createPlainConnections = (parts: PlainParts): TakePlain => {
  const lastLines = createLastLines(parts.limits.idleMs, parts.clock)
  return (socket, otherwise) => { new PlainConnection(parts, socket, new PlainOutgoing(socket, parts.limits.stalledMs, () => lastLines(parts.lines.isLeaving)), otherwise).listen() }
}

/** Of what comes before the answer to what came first: more of it ends the connection. */
const MOST_WAITING_BYTES = 1 << 18
const MOST_WAITING_CHUNKS = 1 << 10

class PlainConnection {
  readonly #parts: PlainParts
  readonly #socket: Socket
  readonly #out: PlainOutgoing
  readonly #otherwise: () => void
  readonly #requests: PlainRequests
  #serve: ServePlain | undefined
  #state: 'idle' | 'busy' | 'ended' = 'idle'
  /** What came while a request was under way. */
  #waiting: Buffer[] = []
  #waitingBytes = 0

  constructor (parts: PlainParts, socket: Socket, out: PlainOutgoing, otherwise: () => void) {
    this.#parts = parts
    this.#socket = socket
    this.#out = out
    this.#otherwise = otherwise
    this.#requests = new PlainRequests(parts.limits.maxHeaderBytes)
  }

  listen (): void {
    const socket = this.#socket
    socket.setTimeout(this.#parts.limits.headersMs)
    socket.on('data', this.#take)
    socket.on('end', this.#leave)
    socket.on('timeout', this.#late)
  }

  readonly #take = (bytes: Buffer): void => {
    if (this.#state === 'ended') return
    if (this.#state === 'busy') {
      this.#waiting.push(bytes)
      this.#waitingBytes += bytes.byteLength
      if (this.#waitingBytes > MOST_WAITING_BYTES || this.#waiting.length > MOST_WAITING_CHUNKS) this.#socket.destroy()
      return
    }
    const request = this.#requests.read(bytes)
    if (request === undefined) this.#handOn(bytes)
    else void this.#answer(request)
  }

  async #answer (request: PlainRequest): Promise<void> {
    const { lines, serve, limits } = this.#parts
    const socket = this.#socket
    this.#state = 'busy'
    lines.begin(socket)
    this.#out.prepare(request.method === 'HEAD')
    await (this.#serve ??= serve(socket))(request, this.#out)
    const isLast = this.#out.isBroken || lines.isLeaving || socket.destroyed || socket.writableEnded
    this.#state = isLast ? 'ended' : 'idle'
    lines.over(socket)
    const waiting = this.#waiting
    if (!isLast && socket.timeout !== limits.idleMs) socket.setTimeout(limits.idleMs)
    if (waiting.length === 0) return
    this.#waiting = []
    this.#waitingBytes = 0
    this.#take(waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting))
  }

  #handOn (bytes: Buffer): void {
    const socket = this.#socket
    this.#state = 'ended'
    socket.off('data', this.#take)
    socket.off('end', this.#leave)
    socket.off('timeout', this.#late)
    socket.setTimeout(0)
    socket.unshift(bytes)
    this.#otherwise()
  }

  /** As the server of Node does: what is on its way goes out, and nothing more. */
  readonly #leave = (): void => { this.#socket.end() }

  /** Who waits for an answer is not late; who has bytes of it that he does not take is. */
  readonly #late = (): void => {
    const socket = this.#socket
    if (this.#state !== 'busy' || socket.writableLength > 0) socket.destroy()
  }
}
