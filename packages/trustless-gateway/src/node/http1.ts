/** Requests and answers of HTTP/1.1 as a gateway takes and gives them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { ReusedMemory } from '@dagstore/io/node'
import type { GatewayAnswer } from '../exchange.ts'
import type { Gateway } from '../gateway.ts'
import { NodeRequest } from './node-request.ts'
import { createPeers, peerOf } from './peers.ts'
import { type Outgoing, sendAnswer, StreamOutgoing, type Taken } from './send.ts'
import { SERVER_LIMITS } from './server-limits.ts'

export interface HandlerContext {
  /** Who asks, as far as limits go. @default the address of the connection */
  readonly client?: string | undefined
  /** Aborted when the peer leaves. */
  readonly signal: AbortSignal
}

export interface NodeHandlerOptions {
  /** Long blocks are read into it. Only where responses are those of the server itself: what stands between may keep their bytes. @default memory of its own for each */
  readonly memory?: ReusedMemory | undefined
}

/**
 * Answers what the gateway claims, and resolves with `true` when the answer is out or its peer is gone; with `false`, and the
 * response untouched, where the path is not one of the gateway's. Never rejects.
 */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse, context: HandlerContext) => Promise<boolean>

/** The gateway on a server of somebody else's: for `node:http`, Express, or `extra` of `serveRpc`. */
export const nodeHandler = (gateway: Pick<Gateway, 'answer' | 'claims'>, { memory }: NodeHandlerOptions = {}): NodeHandler => {
  const peers = createPeers([])
  return async (request, response, { client, signal }) => {
    const target = targetOf(request)
    if (!gateway.claims(target)) return false
    const { socket } = request
    const peer = peers.of(peerOf(socket.remoteAddress), request.headers, 'encrypted' in socket)
    const asked = new NodeRequest(request.method ?? 'GET', target, request.headers, peer, signal, memory, client)
    const answer = await gateway.answer(asked)
    if (answer === undefined) return false
    await sendAnswer(new Http1Outgoing(request, response, signal, false), answer, request.method !== 'HEAD', SERVER_LIMITS.maxWaitingBytes, memory)
    asked.over()
    return true
  }
}

/** Path and query; without what stands before them where a proxy is asked. */
export const targetOf = ({ url = '/' }: IncomingMessage): string => url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*(?=[/?]|$)/i, '') || '/'

/** Whether something follows its headers. */
export const hasBody = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

export class Http1Outgoing extends StreamOutgoing implements Outgoing {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #ends = true

  /** @param closes - as in {@link StreamOutgoing}: not for one that may wait behind another on its connection */
  constructor (request: IncomingMessage, response: ServerResponse, gone: AbortSignal, closes: boolean) {
    super(response, gone, closes, () => !request.socket.destroyed && request.socket.errored === null)
    this.#request = request
    this.#response = response
  }

  isOut (): boolean { return this.#response.writableFinished }

  begin (status: number, headers: GatewayAnswer['headers']): void {
    // without chunks and length the end of the connection is that of the body
    this.#ends = headers['content-length'] !== undefined || this.#request.httpVersion !== '1.0'
    this.#response.writeHead(status, headers)
  }

  whole (status: number, headers: GatewayAnswer['headers'], body: Uint8Array | undefined, taken?: Taken): void {
    const isEmpty = status === 204 || status === 304 || this.#request.method === 'HEAD'
    this.#response.writeHead(status, isEmpty || headers['content-length'] !== undefined ? headers : { ...headers, 'content-length': String(body?.byteLength ?? 0) })
    this.#response.end(body, this.whenTaken(taken))
  }

  breakOff (): void {
    const { socket } = this.#response
    if (socket === null) this.#response.destroy()
    else if (this.#ends) socket.destroySoon() // what is on its way arrives; the last chunk, or the rest of the length, does not
    else if (socket.constructor === Socket) socket.resetAndDestroy()
    else socket.destroy()
  }
}
