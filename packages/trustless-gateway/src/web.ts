/** The gateway in the form of the web: a `Request` in, a `Response` out. */
import type { GatewayAnswer, GatewayRequest } from './exchange.ts'

export interface WebContext {
  /** As in {@link GatewayRequest.client}. */
  readonly client?: string | undefined
}

type Answer = (request: GatewayRequest) => Promise<GatewayAnswer | undefined>

/** A body that fails makes the stream fail; one that is cancelled ends what is under way. */
export const answerWeb = async (answer: Answer, request: Request, context: WebContext = {}): Promise<Response> => {
  const { method, headers, signal } = request
  const url = new URL(request.url)
  const answered = await answer({
    method, signal, target: url.pathname + url.search, origin: url.origin, client: context.client,
    header: (name) => headers.get(name) ?? undefined,
  })
  if (answered === undefined) return new Response('no such path\n', { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' } })
  const { status, body } = answered
  return new Response(body === undefined || body instanceof Uint8Array ? body as Uint8Array<ArrayBuffer> | undefined : streamOf(body), { status, headers: answered.headers })
}

const streamOf = (chunks: AsyncGenerator<Uint8Array, void, undefined>): ReadableStream<Uint8Array<ArrayBuffer>> => new ReadableStream({
  pull: async (controller) => {
    const { done, value } = await chunks.next()
    if (done === true) controller.close()
    else controller.enqueue(value as Uint8Array<ArrayBuffer>)
  },
  cancel: async () => { await chunks.return() },
}, { highWaterMark: 0 })
