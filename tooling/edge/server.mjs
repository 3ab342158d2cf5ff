/** A web server with ranges, strong validators and permission for other origins, that counts what it is asked. */
import { createServer } from 'node:http'

/** `pages` are served whole; `files` by range. */
export const startServer = async (files, pages) => {
  const asked = new Map()
  const server = createServer((request, response) => {
    const name = new URL(request.url, 'http://host').pathname.slice(1)
    const open = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*', 'access-control-expose-headers': '*' }
    if (request.method === 'OPTIONS') return response.writeHead(204, open).end()
    const page = pages.get(name)
    if (page !== undefined) return response.writeHead(200, { ...open, 'content-type': page.type }).end(page.body)
    const bytes = files.get(name)
    if (bytes === undefined) return response.writeHead(404, open).end()
    asked.set(name, (asked.get(name) ?? 0) + 1)
    const etag = `"${name}"`
    const wanted = request.headers['if-match']
    if (wanted !== undefined && wanted !== etag) return response.writeHead(412, open).end()
    const range = /^bytes=(\d*)-(\d+)$/.exec(request.headers.range ?? '')
    const head = { ...open, etag, 'accept-ranges': 'bytes', 'content-type': 'application/vnd.ipld.car' }
    if (range === null) return response.writeHead(200, { ...head, 'content-length': bytes.byteLength }).end(bytes)
    const from = range[1] === '' ? Math.max(0, bytes.byteLength - Number(range[2])) : Number(range[1])
    const to = range[1] === '' ? bytes.byteLength - 1 : Math.min(Number(range[2]), bytes.byteLength - 1)
    if (from > to) return response.writeHead(416, { ...head, 'content-range': `bytes */${bytes.byteLength}` }).end()
    response.writeHead(206, { ...head, 'content-range': `bytes ${from}-${to}/${bytes.byteLength}`, 'content-length': to - from + 1 }).end(bytes.subarray(from, to + 1))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    /** Requests by name since the last call. */
    takeCounts: () => {
      const counts = Object.fromEntries(asked)
      asked.clear()
      return counts
    },
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }),
  }
}
