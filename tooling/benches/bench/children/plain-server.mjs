/**
 * Servers that send bytes and do nothing else, one port each: `node:http` from memory, `node:http` from the files by ranges,
 * `node:http2` from memory, and bare sockets that do not even read requests beyond their path. `places` has path, file, offset
 * and length of each answer; the three that have what they send in memory are one process, so that it is there once.
 */
import { createReadStream, openSync, read, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createSocketServer } from 'node:net'

const { places: placesFile, from } = JSON.parse(process.argv[2])
const places = new Map(JSON.parse(readFileSync(placesFile, 'utf8')).map(([path, file, offset, length]) => [path, { file, offset, length }]))

/** A read of the file is as long as the longest blocks are. */
const READ_BYTES = 1 << 20

const listen = (server) => new Promise((resolve) => { server.listen(0, '127.0.0.1', () => { resolve(server.address().port) }) })
const headersOf = ({ length }) => ({ 'content-type': 'application/octet-stream', 'content-length': length })

const inMemory = () => {
  const files = new Map()
  return ({ file, offset, length }) => {
    if (!files.has(file)) files.set(file, readFileSync(file))
    return files.get(file).subarray(offset, offset + length)
  }
}

const memoryServers = () => {
  const bytesOf = inMemory()
  const http = createServer((request, response) => {
    const place = places.get(request.url)
    response.writeHead(200, headersOf(place)).end(bytesOf(place))
  })
  const http2 = createHttp2Server()
  http2.on('stream', (stream, headers) => {
    const place = places.get(headers[':path'])
    stream.respond({ ':status': 200, ...headersOf(place) })
    stream.end(bytesOf(place))
  })
  const sockets = createSocketServer({ noDelay: true }, (socket) => {
    let asked = ''
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      asked += bytes.latin1Slice()
      if (!asked.endsWith('\r\n\r\n')) return
      const place = places.get(asked.slice(4, asked.indexOf(' ', 4)))
      asked = ''
      socket.cork()
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${place.length}\r\n\r\n`, 'latin1')
      socket.write(bytesOf(place))
      socket.uncork()
    })
  })
  return { http, http2, sockets }
}

const fileServers = () => {
  const open = new Map()
  return {
    http: createServer((request, response) => {
      const { file, offset, length } = places.get(request.url)
      if (!open.has(file)) open.set(file, openSync(file))
      if (length > READ_BYTES) {
        createReadStream(file, { start: offset, end: offset + length - 1, highWaterMark: READ_BYTES }).pipe(response.writeHead(200, headersOf({ length })))
        return
      }
      const bytes = Buffer.allocUnsafeSlow(length)
      read(open.get(file), bytes, 0, length, offset, () => { response.writeHead(200, headersOf({ length })).end(bytes) })
    }),
  }
}

const servers = from === 'memory' ? memoryServers() : fileServers()
const ports = {}
for (const [name, server] of Object.entries(servers)) ports[name] = await listen(server)
process.send(ports)
process.once('disconnect', () => { process.exit() })
