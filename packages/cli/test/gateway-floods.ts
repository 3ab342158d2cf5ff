/** Connections that flood a server with headers and frames that ask for nothing. */
import { type Socket } from 'node:net'
import { closed, connectTo, get } from './gateway-attacks.ts'

const frame = (type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.byteLength, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}
const [DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, WINDOW, CONTINUATION] = [0, 1, 2, 3, 4, 6, 8, 9] as const
const END_HEADERS = 4
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)])

/** A field of HPACK, of which nothing is remembered. */
const field = (name: string, value: string): Buffer => Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)])
const asking = (target: string): Buffer => Buffer.concat([field(':method', 'GET'), field(':scheme', 'http'), field(':path', target), field(':authority', 'x')])
/** One that is remembered, of 4,000 bytes. */
const remembered = Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('x'), Buffer.from([0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 97)])
/** Names it again, in one byte. */
const AGAIN = 0xbe

const many = (count: number, make: (at: number) => Buffer): Buffer => Buffer.concat(Array.from({ length: count }, (_, at) => make(at)))

/** @param target - of a block */
export const floodsOf = (target: string): Readonly<Record<string, Buffer>> => ({
  'lines beyond the limit': Buffer.from(get(target, 'x: y\r\n'.repeat(10_000))),
  'one line without an end': Buffer.from(`GET ${target} HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(1 << 20)}`),
  'a target without an end': Buffer.from(`GET ${target}${'y'.repeat(1 << 20)}`),
  'empty lines': Buffer.from('\r\n'.repeat(100_000)),
  'HTTP/2: a header that goes on for ever': Buffer.concat([PREFACE, frame(HEADERS, 0, 1, asking(target)), many(5000, (at) => frame(CONTINUATION, 0, 1, field(`x-${at}`, 'y'.repeat(100))))]),
  'HTTP/2: a header that goes on with nothing': Buffer.concat([PREFACE, frame(HEADERS, 0, 1, asking(target)), many(50_000, () => frame(CONTINUATION, 0, 1))]),
  'HTTP/2: a few bytes that stand for 60 MB': Buffer.concat([PREFACE, frame(HEADERS, END_HEADERS | 1, 1, Buffer.concat([asking(target), remembered])), many(10, (at) => frame(HEADERS, END_HEADERS | 1, 3 + 2 * at, Buffer.concat([asking(target), Buffer.alloc(1500, AGAIN)])))]),
  'HTTP/2: data without a byte': Buffer.concat([PREFACE, frame(HEADERS, END_HEADERS, 1, asking(target)), many(50_000, () => frame(DATA, 0, 1))]),
  'HTTP/2: pings': Buffer.concat([PREFACE, many(50_000, () => frame(PING, 0, 0, Buffer.alloc(8)))]),
  'HTTP/2: settings': Buffer.concat([PREFACE, many(50_000, () => frame(SETTINGS, 0, 0))]),
  'HTTP/2: settings that change': Buffer.concat([PREFACE, many(20_000, (at) => frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, at & 1, 0, 0])))]),
  'HTTP/2: priorities': Buffer.concat([PREFACE, many(50_000, (at) => frame(PRIORITY, 0, 2 * at + 1, Buffer.from([0, 0, 0, 0, at & 0xff])))]),
  'HTTP/2: windows': Buffer.concat([PREFACE, many(50_000, () => frame(WINDOW, 0, 0, Buffer.from([0, 0, 0, 1])))]),
  'HTTP/2: requests that are taken back': Buffer.concat([PREFACE, many(5000, (at) => Buffer.concat([frame(HEADERS, END_HEADERS | 1, 2 * at + 1, asking(target)), frame(RESET, 0, 2 * at + 1, Buffer.from([0, 0, 0, 8]))]))]),
})

/** Resolves when the server has ended all of them. @param hears - whether they take what is said to them */
export const flood = async (port: number, bytes: Uint8Array, connections: number, hears: boolean): Promise<void> => {
  const sockets = Array.from({ length: connections }, (): Socket => connectTo(port, bytes))
  if (hears) for (const socket of sockets) socket.resume()
  // of one that does not listen the end is seen when there is nothing else left to hear
  else setTimeout(() => { for (const socket of sockets) socket.resume() }, 500)
  await Promise.all(sockets.map(closed))
}
