/** A web server on this machine whose behaviour a test can change. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface WebServer {
  readonly origin: string
  readonly host: string
  readonly files: Map<string, { bytes: Uint8Array, etag: string | undefined }>
  /** Method, path and range of each request, in order. */
  readonly log: string[]
  readonly seen: IncomingMessage['headers'][]
  ranges: boolean
  /** Answers in place of the server; returns whether it did. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  close(): Promise<void>
}

export const openWebServer = async (): Promise<WebServer> => {
  const server = createServer((request, response) => {
    web.log.push(`${request.method} ${request.url} ${request.headers.range ?? '-'}`)
    web.seen.push(request.headers)
    if (web.intercept?.(request, response) === true) return
    const file = web.files.get(request.url ?? '')
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    const { bytes, etag } = file
    if (etag !== undefined) response.setHeader('etag', etag)
    if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== etag) {
      response.writeHead(412).end()
      return
    }
    const [, first, last] = (web.ranges ? /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? '') : null) ?? []
    if (first === undefined) {
      response.writeHead(200, { 'content-length': bytes.byteLength }).end(bytes)
      return
    }
    if (Number(first) >= bytes.byteLength) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.byteLength}` }).end()
      return
    }
    const part = bytes.subarray(Number(first), Number(last) + 1)
    response.writeHead(206, { 'content-length': part.byteLength, 'content-range': `bytes ${first}-${Number(first) + part.byteLength - 1}/${bytes.byteLength}` }).end(part)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const web: WebServer = {
    origin: `http://${host}`,
    host,
    files: new Map(),
    log: [],
    seen: [],
    ranges: true,
    intercept: undefined,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => { server.close(resolve) })
    },
  }
  return web
}
