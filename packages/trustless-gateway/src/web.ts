/** The gateway in the form of the web: a `Request` in, a `Response` out. */
import { onAbort } from '@dagstore/io'
import type { GatewayAnswer, GatewayRequest } from './exchange.ts'
import { refusal } from './http/answers.ts'

export interface WebContext {
  /** As in {@link GatewayRequest.client}. */
  readonly client?: string | undefined
}

type Answer = (request: GatewayRequest) => Promise<GatewayAnswer | undefined>

/** A body that fails makes the stream fail; one that is cancelled ends what is under way. */
export const answerWeb = async (answer: Answer, request: Request, context: WebContext = {}): Promise<Response> => {
  const { method, headers } = request
  const url = new URL(request.url)
  const leaving = new AbortController()
  const unwatch = onAbort(request.signal, () => { leaving.abort(request.signal.reason) })
  if (request.signal.aborted) leaving.abort(request.signal.reason)
  const { status, headers: fields, body } = await answer({
    method, target: url.pathname + url.search, origin: url.origin, client: context.client, signal: leaving.signal, header: (name) => headers.get(name) ?? undefined,
  }) ?? refusal(404, 'GATEWAY_NO_SUCH_PATH', 'There is nothing at this path.')
  if (body === undefined || body instanceof Uint8Array) {
    unwatch()
    return new Response(method === 'HEAD' ? null : body as Uint8Array<ArrayBuffer> | undefined ?? null, { status, headers: fields })
  }
  return new Response(streamOf(body, leaving, unwatch), { status, headers: fields })
}

const streamOf = (chunks: AsyncGenerator<Uint8Array, void, undefined>, leaving: AbortController, unwatch: () => void): ReadableStream<Uint8Array<ArrayBuffer>> => new ReadableStream({
  pull: async (controller) => {
    try {
      const { done, value } = await chunks.next()
      if (done !== true) return controller.enqueue(value as Uint8Array<ArrayBuffer>)
      unwatch()
      controller.close()
    } catch (error) {
      unwatch()
      throw error
    }
  },
  cancel: async (reason) => {
    unwatch()
    leaving.abort(reason)
    await chunks.return()
  },
}, { highWaterMark: 0 })
