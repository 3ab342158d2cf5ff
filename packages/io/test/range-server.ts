/** A web server with one resource, that misbehaves as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RangeServer extends AsyncDisposable {
  readonly url: string
  readonly requests: { range: string | undefined, ifMatch: string | undefined, authorization: string | undefined }[]
  bytes: Uint8Array
  etag: string | undefined
  lastModified: string | undefined
  /** Answers in place of the server's own. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
}

const serve = (server: RangeServer, request: IncomingMessage, response: ServerResponse): void => {
  const { bytes, etag, lastModified } = server
  if (etag !== undefined) response.setHeader('etag', etag)
  if (lastModified !== undefined) response.setHeader('last-modified', lastModified)
  const ifMatch = request.headers['if-match']
  if (ifMatch !== undefined && ifMatch !== etag) return void response.writeHead(412).end()
  const suffix = /^bytes=-(\d+)$/u.exec(request.headers.range ?? '')?.[1]
  const [, first, last] = suffix === undefined
    ? /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? '') ?? []
    : [undefined, String(Math.max(0, bytes.byteLength - Number(suffix))), String(bytes.byteLength - 1)]
  if (first === undefined || last === undefined) return void response.writeHead(200).end(bytes)
  const start = Number(first)
  const end = Math.min(Number(last) + 1, bytes.byteLength)
  if (start >= bytes.byteLength) return void response.writeHead(416, { 'content-range': `bytes */${bytes.byteLength}` }).end()
  response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${bytes.byteLength}`, 'content-length': end - start }).end(bytes.subarray(start, end))
}

export const startRangeServer = async (bytes: Uint8Array): Promise<RangeServer> => {
  const http = createServer((request, response) => {
    server.requests.push({ range: request.headers.range, ifMatch: request.headers['if-match'], authorization: request.headers.authorization })
    if (server.answer === undefined) serve(server, request, response)
    else server.answer(request, response)
  })
  await new Promise<void>((resolve) => { http.listen(0, '127.0.0.1', resolve) })
  const server: RangeServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/data.car?signature=secret`,
    requests: [],
    bytes,
    etag: '"one"',
    lastModified: undefined,
    answer: undefined,
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      await new Promise((resolve) => { http.close(resolve) })
    },
  }
  return server
}
