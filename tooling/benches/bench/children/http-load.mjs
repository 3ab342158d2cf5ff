/**
 * A client that costs little: bare sockets, one buffer, and no more of HTTP/1.1 than answers need. It is told what to do by
 * messages `{ id, command, … }` and answers each by one of the same `id`.
 */
import { createHash } from 'node:crypto'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'

const READ_BYTES = 1 << 18
const HELD_AFTER_BYTES = 1 << 16
const END_OF_HEAD = Buffer.from('\r\n\r\n')
/** For all sockets: what is read is looked at before anything else is. */
const shared = Buffer.allocUnsafe(READ_BYTES)

/** Reads the answers on one connection: `onBody(bytes)` for parts of a body, `onEnd()` behind each. */
class Answers {
  #head = ''
  /** `head`, `length` (so much is left), or a place within chunks. */
  #state = 'head'
  #left = 0
  #line = ''

  constructor (onBody, onEnd) {
    this.onBody = onBody
    this.onEnd = onEnd
  }

  read (bytes) {
    for (let at = 0; at < bytes.length;) {
      if (this.#state === 'head') at = this.#readHead(bytes, at)
      else if (this.#state === 'length' || this.#state === 'data') at = this.#readData(bytes, at)
      else at = this.#readLine(bytes, at)
    }
  }

  #readHead (bytes, at) {
    // an end that is split between two reads is found in what was kept of the first
    const end = this.#head === '' ? bytes.indexOf(END_OF_HEAD, at) : -1
    const upTo = end < 0 ? bytes.length : end + 4
    this.#head += bytes.latin1Slice(at, upTo)
    const kept = end < 0 ? this.#head.indexOf('\r\n\r\n') : this.#head.length - 4
    if (kept < 0) return upTo
    const head = this.#head
    this.#head = ''
    if (!head.startsWith('HTTP/1.1 200')) throw new Error(`no 200: ${head.slice(0, kept)}`)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)
    this.#state = length === null ? 'size' : 'length'
    this.#left = Number(length?.[1] ?? 0)
    if (length !== null && this.#left === 0) this.#over()
    return upTo - (head.length - kept - 4)
  }

  #readData (bytes, at) {
    const to = Math.min(bytes.length, at + this.#left)
    this.#left -= to - at
    this.onBody(bytes.subarray(at, to))
    if (this.#left > 0) return to
    if (this.#state === 'length') this.#over()
    else this.#state = 'behind'
    return to
  }

  /** A line of a chunked body: the size of the next chunk, the empty one behind its data, or that behind the last chunk. */
  #readLine (bytes, at) {
    const end = bytes.indexOf(10, at)
    const to = end < 0 ? bytes.length : end
    this.#line += bytes.latin1Slice(at, to)
    if (end < 0) return to
    const line = this.#line
    this.#line = ''
    if (this.#state === 'last') {
      this.#over()
    } else if (this.#state === 'behind') {
      this.#state = 'size'
    } else {
      this.#left = Number.parseInt(line, 16)
      this.#state = this.#left === 0 ? 'last' : 'data'
    }
    return to + 1
  }

  #over () {
    this.#state = 'head'
    this.onEnd()
  }
}

let connections = []
let failed = () => {}

const open = (port) => new Promise((resolve, reject) => {
  const connection = { socket: undefined, answers: undefined }
  connection.socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: shared, callback: (bytes, buffer) => {
    try {
      connection.answers.read(buffer.subarray(0, bytes))
    } catch (error) {
      failed(error)
    }
    return true
  } } })
  connection.socket.once('error', (error) => { reject(error); failed(error) })
  connection.socket.once('connect', () => { resolve(connection) })
  connection.socket.once('close', () => { failed(new Error('a connection was closed')) })
})

const close = () => {
  failed = () => {}
  for (const { socket } of connections) socket.destroy()
  connections = []
}

const requestOf = (path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load\r\n\r\n`

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
const times = (values) => {
  const sorted = Float64Array.from(values).sort()
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

/** `count` requests in all, each connection one after another; paths in turn. */
const run = (paths, count) => new Promise((resolve, reject) => {
  failed = reject
  const requests = paths.map(requestOf)
  const [latencies, firsts] = [[], []]
  let [begun, ended, bytes] = [0, 0, 0]
  const start = performance.now()
  const ask = (connection) => {
    if (begun === count) return
    const at = performance.now()
    let isFirst = true
    connection.answers = new Answers((part) => {
      if (isFirst) firsts.push(performance.now() - at)
      isFirst = false
      bytes += part.length
    }, () => {
      latencies.push(performance.now() - at)
      if (++ended === count) resolve({ ms: performance.now() - start, bytes, latency: times(latencies), firstByte: times(firsts) })
      else ask(connection)
    })
    connection.socket.write(requests[begun++ % requests.length], 'latin1')
  }
  for (const connection of connections) ask(connection)
})

/** SHA2-256 of the body. */
const check = async (port, path) => {
  const connection = await open(port)
  const hash = createHash('sha256')
  let bytes = 0
  await new Promise((resolve, reject) => {
    failed = reject
    connection.answers = new Answers((part) => { hash.update(part); bytes += part.length }, resolve)
    connection.socket.write(requestOf(path), 'latin1')
  })
  failed = () => {}
  connection.socket.destroy()
  return { digest: hash.digest('hex'), bytes }
}

/** Asks on every connection, takes a little, and then nothing more. */
const hold = (path) => Promise.all(connections.map((connection) => new Promise((resolve) => {
  let taken = 0
  connection.answers = new Answers((part) => {
    taken += part.length
    if (taken < HELD_AFTER_BYTES) return
    connection.socket.pause()
    resolve()
  }, () => {})
  connection.socket.write(requestOf(path), 'latin1')
})))

/** By HTTP/2 on one connection: `count` requests, `width` at a time. */
const runHttp2 = async (port, paths, count, width) => {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  let [begun, bytes] = [0, 0]
  const latencies = []
  const ask = (path) => new Promise((resolve, reject) => {
    const at = performance.now()
    const stream = session.request({ ':path': path })
    stream.on('data', ({ length }) => { bytes += length })
    stream.once('error', reject)
    stream.once('end', () => { latencies.push(performance.now() - at); resolve() })
  })
  const lane = async () => { while (begun < count) await ask(paths[begun++ % paths.length]) }
  const start = performance.now()
  await Promise.all(Array.from({ length: width }, lane))
  const ms = performance.now() - start
  session.close()
  return { ms, bytes, latency: times(latencies) }
}

let paths = []
const COMMANDS = {
  paths: async ({ list }) => { paths = list },
  open: async ({ port, count }) => {
    close()
    connections = await Promise.all(Array.from({ length: count }, () => open(port)))
  },
  run: ({ count }) => run(paths, count),
  check: ({ port, path }) => check(port, path),
  hold: async ({ path }) => { await hold(path) },
  http2: ({ port, count, width }) => runHttp2(port, paths, count, width),
  close: async () => { close() },
}

process.on('message', ({ id, command, ...parameters }) => {
  COMMANDS[command](parameters).then((result) => { process.send({ id, result }) }, (error) => { process.send({ id, error: String(error?.stack ?? error) }) })
})
process.on('disconnect', () => { process.exit() })
