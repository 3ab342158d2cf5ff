/** A web server of byte sources by ranges, with strong validators, that counts requests. */
import { createServer } from 'node:http'

/**
 * Serve `sources` (path to byte source) on a local port.
 *
 * @returns `origin`; `counts()`: requests by path since the last call; `close()`
 */
export const serveRanges = async (sources) => {
  let requests = new Map()
  const server = createServer((request, response) => {
    const source = sources[request.url]
    if (source === undefined) return void response.writeHead(404).end()
    requests.set(request.url, (requests.get(request.url) ?? 0) + 1)
    const range = /^bytes=(\d*)-(\d+)$/.exec(request.headers.range ?? '')
    if (range === null) return void response.writeHead(400).end()
    const last = source.sizeBytes - 1
    // "-n": the last n bytes
    const from = range[1] === '' ? Math.max(0, source.sizeBytes - Number(range[2])) : Number(range[1])
    const to = range[1] === '' ? last : Math.min(Number(range[2]), last)
    source.read(from, to - from + 1).then(
      (bytes) => response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${source.sizeBytes}`, 'content-length': bytes.byteLength, etag: `"${source.sizeBytes}"` }).end(bytes),
      () => response.destroy(),
    )
  })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    counts: () => {
      const counted = requests
      requests = new Map()
      return counted
    },
    close: () => new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    }),
  }
}
