/** What else a server answers, by the types of the web: a `Request` in, a `Response` out. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Without a body: only GET and HEAD come here. */
export const webRequest = (request: IncomingMessage, signal: AbortSignal): Request => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) headers.append(name, one)
  }
  return new Request(`http://${request.headers.host}${request.url ?? '/'}`, { method: request.method ?? 'GET', headers, signal })
}

/** Rejects when the peer leaves, or the body fails: then the connection is gone too, so that nobody takes it for whole. */
export const writeWebResponse = async (answer: Response, response: ServerResponse): Promise<void> => {
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body === null || response.req.method === 'HEAD') {
    await answer.body?.cancel()
    response.end()
    return
  }
  await pipeline(Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream), response)
}
