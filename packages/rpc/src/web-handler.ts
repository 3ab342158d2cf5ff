/** Handlers in the form of the web, `Request` to `Response`, on the server of Node. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { hasBody } from './body.ts'
import type { ExtraContext, ExtraHandler } from './extra-requests.ts'

/** `undefined`: the request is for somebody else; its body is untouched then. */
export type WebHandler = (request: Request, context: ExtraContext) => Promise<Response | undefined>

/**
 * For `extra` of `serveRpc`. The body comes as it is read, and goes as it is taken; a body that fails ends the connection, so that nobody
 * takes it for whole. What `Request` does not take (CONNECT, TRACE, a target that is no path) is nobody's.
 */
export const webHandler = (handler: WebHandler): ExtraHandler => async (request, response, context) => {
  const asked = requestOf(request, context.signal)
  const answer = asked === undefined ? undefined : await handler(asked, context)
  if (answer === undefined) return false
  await send(answer, response, request.method === 'HEAD', context.signal)
  return true
}

const requestOf = (request: IncomingMessage, signal: AbortSignal): Request | undefined => {
  const { method = 'GET', url = '', headers } = request
  // a host with a path, or a user, in it would be another URL than the one that was let in
  if (/[/?#@\\]/.test(headers.host ?? '')) return undefined
  const at = `http://${headers.host ?? 'localhost'}${url}`
  if (!url.startsWith('/') || !URL.canParse(at)) return undefined
  try {
    return new Request(at, {
      method, headers: fieldsOf(request), signal, redirect: 'manual',
      ...(hasBody(request) && method !== 'GET' && method !== 'HEAD' ? { body: streamOf(request, signal), duplex: 'half' } : {}),
    } as RequestInit)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

const fieldsOf = ({ rawHeaders }: IncomingMessage): Headers => {
  const fields = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    try {
      fields.append(rawHeaders[at] as string, rawHeaders[at + 1] as string)
    } catch {
      // a field that the web does not know
    }
  }
  return fields
}

/** Nothing is read before it is asked for. */
const streamOf = (request: IncomingMessage, signal: AbortSignal): ReadableStream<Uint8Array> => {
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      signal.throwIfAborted()
      const { done, value } = await body.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    // the connection ends behind the answer
    cancel: () => { request.pause() },
  }, { highWaterMark: 0 })
}

/** Resolves when all of it was handed over, or its peer is gone. */
const send = async (answer: Response, response: ServerResponse, isHead: boolean, signal: AbortSignal): Promise<void> => {
  const { body } = answer
  if (response.destroyed || signal.aborted) return void await body?.cancel().catch(() => {})
  response.writeHead(answer.status, [...answer.headers].flat())
  if (body === null || isHead) {
    await body?.cancel().catch(() => {})
    response.end()
    return
  }
  await new Promise<void>((resolve) => {
    const source = Readable.fromWeb(body as import('node:stream/web').ReadableStream)
    source.once('error', () => {
      breakOff(response, answer.headers.has('content-length'))
      resolve()
    })
    response.once('close', () => {
      source.destroy()
      resolve()
    })
    source.pipe(response)
  })
}

/** What is on its way arrives; the last chunk, or the rest of the length, does not. Without either the end of a connection is that of the body. */
const breakOff = (response: ServerResponse, isCounted: boolean): void => {
  const { socket, req } = response
  if (socket === null) response.destroy()
  else if (isCounted || req.httpVersion !== '1.0') socket.destroySoon()
  else if (socket.constructor === Socket) socket.resetAndDestroy()
  else socket.destroy()
}
