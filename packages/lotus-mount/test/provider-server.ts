/** What a provider's machines serve over HTTP, with what they are known to answer: storage of Lotus and Curio, booster-http, Curio. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

export interface ProviderServer {
  readonly url: string
  /** Sector files by name, `s-t01000-1`; raw pieces as `piece/s-t00-7`. */
  readonly files: Map<string, Uint8Array>
  /** What `/piece/<cid>` gives. */
  readonly pieces: Map<string, Uint8Array>
  /** Of sector files, unpadded, as `/allocated` counts. */
  readonly allocated: Map<string, readonly { readonly start: number, readonly length: number }[]>
  /** Every answer is this one, while it is set. */
  broken: { readonly status: number, readonly headers?: Record<string, string> } | undefined
  /** Whether pieces come encoded, whatever was asked for. */
  encodes: boolean
  /** Stands in for what tells versions of a file apart. */
  lastModified: Date
  readonly requests: { readonly path: string, readonly range: string | undefined, readonly authorization: string | undefined, readonly encoding: string | undefined, readonly status: number }[]
  close (): Promise<void>
}

export const TOKEN = 'header.an-admin-token.signature'

export const serveProvider = async (): Promise<ProviderServer> => {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? ''
    const { range, authorization } = request.headers
    response.on('finish', () => {
      server.requests.push({ path, range, authorization, encoding: request.headers['accept-encoding'] as string | undefined, status: response.statusCode })
    })
    if (server.broken !== undefined) return void response.writeHead(server.broken.status, server.broken.headers).end()
    if (path.startsWith('/remote/')) {
      if (authorization !== `Bearer ${TOKEN}`) return void response.writeHead(401).end(JSON.stringify({ Error: 'unauthorized: missing permission' }))
      const [, kind = '', name = '', , mode, offset, length] = path.slice(1).split('/')
      if (mode === 'allocated') {
        const ranges = server.allocated.get(name)
        const [from, to] = [Number(offset), Number(offset) + Number(length)]
        return void response.writeHead(ranges === undefined ? 500 : ranges.some((one) => one.start <= from && to <= one.start + one.length) ? 200 : 416).end()
      }
      const bytes = server.files.get(kind === 'piece' ? `piece/${name}` : name)
      // what it cannot acquire is an error without a body
      if (bytes === undefined) return void response.writeHead(500).end()
      return sendRange(response, bytes, range, { 'last-modified': server.lastModified.toUTCString() })
    }
    const bytes = server.pieces.get(path)
    if (bytes === undefined) return void response.writeHead(404).end()
    if (server.encodes) return sendRange(response, gzipSync(bytes), range, { 'content-encoding': 'gzip', etag: '"cid.gz"' })
    return sendRange(response, bytes, range, { etag: '"cid"' })
  }
  const http = createServer(answer)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const server: ProviderServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    files: new Map(),
    pieces: new Map(),
    allocated: new Map(),
    broken: undefined,
    encodes: false,
    lastModified: new Date(Date.UTC(2026, 0, 1)),
    requests: [],
    close: async () => {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return server
}

const sendRange = (response: ServerResponse, bytes: Uint8Array, range: string | undefined, headers: Record<string, string>): void => {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/u.exec(range ?? '') ?? []
  if (from === '' && to === '') return void response.writeHead(200, { ...headers, 'content-length': String(bytes.byteLength) }).end(bytes)
  const start = from === '' ? Math.max(0, bytes.byteLength - Number(to)) : Number(from)
  const end = from === '' || to === '' ? bytes.byteLength : Math.min(Number(to) + 1, bytes.byteLength)
  if (start >= end) return void response.writeHead(416, { 'content-range': `bytes */${bytes.byteLength}` }).end()
  response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end - 1}/${bytes.byteLength}`, 'content-length': String(end - start) }).end(bytes.subarray(start, end))
}
