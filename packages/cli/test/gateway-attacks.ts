/** Those who mean no good, with what a gateway has: requests that are allowed and of no use, far too many of them, and what is hardly a request. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { seededInts } from '@dagstore-tooling/fixtures'

export interface Attacked {
  readonly port: number
  /** Something to ask for, in bytes; the same ones at each asking. */
  readonly things: readonly { readonly target: string, readonly bytes: Uint8Array }[]
  /** Answers that are longer than what sockets hold. */
  readonly streams: readonly string[]
}

export interface Taken { readonly status: number, readonly headers: IncomingHttpHeaders, readonly body: Buffer }

export type Ask = (target: string, options?: { readonly method?: string, readonly headers?: Readonly<Record<string, string>> }) => Promise<Taken>

/** Asks over some connections of HTTP/1.1, from an address of this machine. */
export const askingByHttp1 = (port: number, maxSockets: number, localAddress = '127.0.0.1'): { readonly ask: Ask, readonly end: () => void } => {
  const agent = new Agent({ keepAlive: true, maxSockets })
  const ask: Ask = (path, { method = 'GET', headers = {} } = {}) => new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers, agent, localAddress, maxHeaderSize: 1 << 16 }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => { parts.push(part) }).on('error', reject)
        .on('end', () => { resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }) })
    }).on('error', reject).end()
  })
  return { ask, end: () => { agent.destroy() } }
}

/** Asks over one connection of HTTP/2. */
export const askingByHttp2 = (port: number, localAddress = '127.0.0.1'): { readonly ask: Ask, readonly end: () => void } => {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { createConnection: () => connect({ host: '127.0.0.1', port, localAddress }) })
  session.on('error', () => {}) // its streams tell
  const ask: Ask = (path, { method = 'GET', headers = {} } = {}) => new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let told: IncomingHttpHeaders & { readonly ':status'?: number | undefined } = {}
    session.request({ ...headers, ':path': path, ':method': method }, { endStream: true })
      .on('response', (head) => { told = head }).on('data', (part: Buffer) => { parts.push(part) }).on('error', reject)
      .on('end', () => { resolve({ status: told[':status'] ?? 0, headers: told, body: Buffer.concat(parts) }) })
  })
  return { ask, end: () => { session.destroy() } }
}

/** So many at a time. */
export const inTurns = async (count: number, atATime: number, work: (at: number) => Promise<void>): Promise<void> => {
  let next = 0
  await Promise.all(Array.from({ length: atATime }, async () => { while (next < count) await work(next++) }))
}

/** A header, and what is to come for it: the end of the part is not in it. */
export interface AskedRange { readonly range: string, readonly status: 200 | 206 | 416, readonly from: number, readonly to: number }

/** As RFC 9110 reads them; several parts are answered with the whole, once. */
export const rangesOf = (size: number, seed: number): readonly AskedRange[] => {
  const part = (range: string, from: number, to: number): AskedRange => ({ range: `bytes=${range}`, status: 206, from, to })
  const outside = (range: string): AskedRange => ({ range: `bytes=${range}`, status: 416, from: 0, to: 0 })
  const whole = (range: string): AskedRange => ({ range, status: 200, from: 0, to: size })
  const int = seededInts(seed)
  const some = Array.from({ length: 12 }, () => {
    const from = int(size)
    const length = 1 + int(size - from)
    return part(`${from}-${from + length - 1}`, from, from + length)
  })
  return [
    ...some,
    part('0-0', 0, 1), part(`${size - 1}-`, size - 1, size), part('-1', size - 1, size), part(`-${size + 1}`, 0, size), part(`-${'9'.repeat(400)}`, 0, size),
    part(`0-${'9'.repeat(400)}`, 0, size), part('00000000000000000001-00000000000000000002', 1, 3), part(',, ,3-4,,', 3, 5), part(`0-${2n ** 64n}`, 0, size),
    outside(`${size}-`), outside('-0'), outside(`${'9'.repeat(400)}-`), outside(`${2n ** 64n - 1n}-${2n ** 64n}`), outside(`${2n ** 53n}-`),
    whole('bytes=9-2'), whole('bytes=0-1,1-2'), whole(`bytes=${'0-,'.repeat(4000)}0-`), whole(`bytes=${Array.from({ length: 1000 }, (_, at) => `${at * 3}-${at * 3 + 7}`).join(',')}`),
    whole(`bytes=${'-1,'.repeat(4000)}-1`), whole(`bytes=${' ,'.repeat(5000)}`), whole(`bytes=${'1'.repeat(8000)}`), whole('bytes=1e3-'), whole('bytes=0x0-0x9'), whole('bytes=--5'), whole('bytes='), whole('items=0-1'), whole('bytes=-'),
  ]
}

/** Thousands of parts, of all kinds. @returns what was not as it should be, by its header */
export const rangeStorm = async ({ port, things }: Attacked, count: number, seed: number): Promise<readonly string[]> => {
  const wrong: string[] = []
  const cases = things.flatMap(({ target, bytes }) => rangesOf(bytes.byteLength, seed).map((asked) => ({ ...asked, target, bytes })))
  const pick = seededInts(seed)
  for (const open of [() => askingByHttp1(port, 32), () => askingByHttp2(port)]) {
    // not before it is its turn: who asks nothing for a while is dropped
    const { ask, end } = open()
    await inTurns(count / 2, 32, async (at) => {
      const { target, bytes, range, status, from, to } = cases[at < cases.length ? at : pick(cases.length)]!
      const taken = await ask(target, { headers: { range } })
      const isRight = taken.status === status && (status === 416
        ? taken.headers['content-range'] === `bytes */${bytes.byteLength}`
        : taken.body.equals(bytes.subarray(from, to)) && taken.headers['content-range'] === (status === 206 ? `bytes ${from}-${to - 1}/${bytes.byteLength}` : undefined))
      if (!isRight) wrong.push(`${target} ${range.slice(0, 60)}: ${taken.status} ${taken.body.byteLength} ${taken.headers['content-range'] ?? ''}`)
    })
    end()
  }
  return wrong
}

export const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\nhost: x\r\n${more}\r\n`

/** A connection whose bytes nobody takes, unless it is resumed; it may be reset. */
export const connectTo = (port: number, bytes: string | Uint8Array): Socket => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).pause()
  socket.write(bytes)
  return socket
}

export const closed = (socket: Socket): Promise<void> => new Promise((resolve) => { if (socket.closed) resolve(); else socket.once('close', () => { resolve() }) })

/** Of one connection of HTTP/2: more of them make it one that is ended. */
const MOST_RESETS = 500

/** Ask for parts and leave: at once, with the first byte, or a moment after; in order, or by a reset. */
export const leaveStorm = async ({ port, things, streams }: Attacked, count: number): Promise<void> => {
  const targets = [...streams, ...things.map(({ target }) => target)]
  const of = (at: number): { target: string, range: string } => ({ target: targets[at % targets.length]!, range: at % 3 === 0 ? `bytes=${at}-` : 'bytes=0-999999999999999' })
  await inTurns(count / 2, 40, async (at) => {
    const { target, range } = of(at)
    const socket = connectTo(port, get(target, `range: ${range}\r\n`))
    const leave = (): void => { if (at % 2 === 0) socket.destroy(); else socket.resetAndDestroy() }
    if (at % 3 === 0) socket.once('connect', leave)
    else if (at % 3 === 1) socket.once('data', leave).resume()
    else setTimeout(leave, at % 11)
    await closed(socket)
  })
  for (let begun = 0; begun < count / 2; begun += MOST_RESETS) {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    await inTurns(Math.min(MOST_RESETS, count / 2 - begun), 40, (at) => new Promise((resolve) => {
      const { target, range } = of(begun + at)
      const stream = session.request({ ':path': target, range }, { endStream: true })
      // an answer that has come whole, and is not read, is never closed by `close` alone
      const leave = (): void => { stream.resume().close(constants.NGHTTP2_CANCEL) }
      stream.on('error', () => {}).on('close', () => { resolve() })
      if (at % 3 === 0) leave()
      else if (at % 3 === 1) stream.once('data', leave)
      else setTimeout(leave, at % 11)
    }))
    session.destroy()
  }
}

/** As many probes as possible at the same time, of clients at different addresses. @returns how often each status came; 'bad': a refusal that does not say when to come again */
export const probeStorm = async ({ port, things }: Attacked, count: number, clients: number): Promise<Readonly<Record<string, number>>> => {
  const probes = [['GET', '/ipfs/bafkqaaa?format=raw'], ['HEAD', '/ipfs/bafkqaaa?format=raw'], ['HEAD', things[0]!.target], ['GET', '/ipfs/bafkqaaa?format=car'], ['HEAD', '/ipfs/bafkqaaa?format=car']] as const
  const tally: Record<string, number> = {}
  const each = Math.ceil(count / clients)
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    const address = `127.0.0.${client + 2}`
    const { ask, end } = client % 2 === 0 ? askingByHttp1(port, 60, address) : askingByHttp2(port, address)
    await Promise.all(Array.from({ length: each }, async (__, at) => {
      const [method, target] = probes[at % probes.length]!
      const { status, headers } = await ask(target, { method })
      const is = [429, 503].includes(status) && !(Number(headers['retry-after']) > 0) ? 'bad' : String(status)
      tally[is] = (tally[is] ?? 0) + 1
    }))
    end()
  }))
  return tally
}
