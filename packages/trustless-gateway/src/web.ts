/** The gateway in the form of the web: a `Request` in, a `Response` out. */
import { onAbort } from '@dagstore/io'
import type { GatewayAnswer, GatewayRequest } from './exchange.ts'
import { refusal } from './http/answers.ts'

export interface WebContext {
  /** As in {@link GatewayRequest.client}. */
  readonly client?: string | undefined
}

type Answer = (request: GatewayRequest) => Promise<GatewayAnswer | undefined>

/**
 * The beginning of a section of 37 bytes, which ends a CAR that has failed: some runtimes end a stream that fails as if it were
 * whole (workerd issue 6818), and no reader takes a CAR for whole that ends inside of a section.
 */
const CUT_SECTION = Uint8Array.of(37, 1, 0x55)

/** A body that fails makes the stream fail, a CAR inside of a section; one that is cancelled ends what is under way. */
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
  const isCar = fields['content-type']?.startsWith('application/vnd.ipld.car') === true && fields['content-length'] === undefined
  return new Response(streamOf(body, isCar, leaving, unwatch), { status, headers: fields })
}

const streamOf = (chunks: AsyncGenerator<Uint8Array, void, undefined>, isCar: boolean, leaving: AbortController, unwatch: () => void): ReadableStream<Uint8Array<ArrayBuffer>> => {
  let failed: { readonly error: unknown } | undefined
  return new ReadableStream({
    pull: async (controller) => {
      if (failed !== undefined) throw failed.error
      try {
        const { done, value } = await chunks.next()
        if (done !== true) return controller.enqueue(value as Uint8Array<ArrayBuffer>)
        unwatch()
        controller.close()
      } catch (error) {
        unwatch()
        if (!isCar) throw error
        // what fails at once takes with it what nobody has read yet
        failed = { error }
        controller.enqueue(CUT_SECTION.slice())
      }
    },
    cancel: async (reason) => {
      unwatch()
      leaving.abort(reason)
      await chunks.return()
    },
  }, { highWaterMark: 0 })
}
