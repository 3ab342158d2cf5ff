/** Requests and answers of HTTP/1.1 as a gateway takes and gives them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Gateway } from '../gateway.ts'
import type { GatewayRequest } from '../exchange.ts'
import { createPeers, peerOf } from './peers.ts'
import { type Outgoing, sendAnswer } from './send.ts'
import { SERVER_LIMITS } from './server-limits.ts'

export interface HandlerContext {
  /** Who asks, as far as limits go. @default the address of the connection */
  readonly client?: string | undefined
  /** Aborted when the peer leaves. */
  readonly signal: AbortSignal
}

/**
 * Answers what the gateway claims, and resolves with `true` when the answer is out or its peer is gone; with `false`, and the
 * response untouched, where the path is not one of the gateway's. Never rejects.
 */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse, context: HandlerContext) => Promise<boolean>

/** The gateway on a server of somebody else's: for `node:http`, Express, or `extra` of `serveRpc`. */
export const nodeHandler = (gateway: Pick<Gateway, 'answer' | 'claims'>): NodeHandler => {
  const peers = createPeers([])
  return async (request, response, { client, signal }) => {
    const target = targetOf(request)
    if (!gateway.claims(target)) return false
    const { socket } = request
    const peer = peers.of(peerOf(socket.remoteAddress), request.headers, 'encrypted' in socket)
    let isOut = (): void => {}
    const answer = await gateway.answer(http1Request(request, target, { client: client ?? peer.client, origin: peer.origin, signal, whenOut: (told) => { isOut = told } }))
    if (answer === undefined) return false
    await sendAnswer(http1Outgoing(request, response, signal, false), answer, request.method !== 'HEAD', SERVER_LIMITS.maxWaitingBytes)
    isOut()
    return true
  }
}

/** Path and query; without what stands before them where a proxy is asked. */
export const targetOf = ({ url = '/' }: IncomingMessage): string => url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*(?=[/?]|$)/i, '') || '/'

export const http1Request = (request: IncomingMessage, target: string, who: Pick<GatewayRequest, 'client' | 'origin' | 'signal' | 'whenOut'>): GatewayRequest => ({
  method: request.method ?? 'GET', target, ...who,
  header: (name) => {
    const value = request.headers[name]
    return typeof value === 'object' ? value.join(', ') : value
  },
})

/** Whether something follows its headers. */
export const hasBody = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** @param closes - as in {@link Outgoing}: not for one that may wait behind another on its connection */
export const http1Outgoing = (request: IncomingMessage, response: ServerResponse, gone: AbortSignal, closes: boolean): Outgoing => {
  let ends = true
  return {
    stream: response,
    gone,
    closes,
    isOut: () => response.writableFinished,
    begin: (status, headers) => {
      // without chunks and length the end of the connection is that of the body
      ends = headers['content-length'] !== undefined || request.httpVersion !== '1.0'
      response.writeHead(status, headers)
    },
    whole: (status, headers, body) => {
      const isEmpty = status === 204 || status === 304 || request.method === 'HEAD'
      response.writeHead(status, isEmpty || headers['content-length'] !== undefined ? headers : { ...headers, 'content-length': String(body?.byteLength ?? 0) })
      response.end(body)
    },
    breakOff: () => {
      const { socket } = response
      if (socket === null) response.destroy()
      else if (ends) socket.destroySoon() // what is on its way arrives; the last chunk, or the rest of the length, does not
      else if (socket.constructor === Socket) socket.resetAndDestroy()
      else socket.destroy()
    },
  }
}
