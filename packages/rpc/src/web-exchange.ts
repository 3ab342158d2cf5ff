/** What else a server answers, by the types of the web: a `Request` in, a `Response` out. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { onAbort } from '@dagstore/io'

/** Without a body: only GET and HEAD come here. */
export const webRequest = (request: IncomingMessage, signal: AbortSignal): Request => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) headers.append(name, one)
  }
  return new Request(`http://${request.headers.host}${request.url ?? '/'}`, { method: request.method ?? 'GET', headers, signal })
}

/**
 * Rejects when the peer leaves, or the body fails: the connection is to be closed then, so that nobody takes it for whole.
 *
 * @param gone - the connection is: an answer that waits behind another one on it does not hear of that otherwise
 */
export const writeWebResponse = async (answer: Response, response: ServerResponse, gone: AbortSignal): Promise<void> => {
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (response.req.method === 'HEAD') {
    await answer.body?.cancel()
  } else if (answer.body !== null) {
    for await (const chunk of answer.body) {
      gone.throwIfAborted()
      if (!response.write(chunk)) await once(response, 'drain', gone)
    }
  }
  response.end()
  await once(response, 'close', gone)
}

const once = (response: ServerResponse, event: 'drain' | 'close', gone: AbortSignal): Promise<void> => new Promise((resolve, reject) => {
  if (gone.aborted) return reject(gone.reason)
  const unwatch = onAbort(gone, () => {
    response.off(event, settle)
    reject(gone.reason)
  })
  const settle = (): void => {
    unwatch()
    resolve()
  }
  response.once(event, settle)
})
