/** Answers of HTTP/1.1 as they stand on the wire, one after another on a connection that is kept. Source: RFC 9112, sections 4, 6 and 7. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '@dagstore/io'
import type { GatewayAnswer } from '../exchange.ts'
import type { Outgoing } from './send.ts'

/** Whole bodies up to here are copied behind their heads: the system takes one buffer faster than two. */
const JOINED_BYTES = 1 << 12
const NOTHING: Uint8Array = new Uint8Array(0)
const NOT_IN_A_NAME = /[^\w!#$%&'*+.^`|~-]/
const NOT_IN_A_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** What every head ends with: the date, and what becomes of the connection. */
export const createLastLines = (idleMs: number, clock: Clock): ((isLast: boolean) => string) => {
  const keep = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleMs / 1000)}\r\n\r\n`
  let [second, date] = [Number.NaN, '']
  return (isLast) => {
    const now = Math.floor(clock.now() / 1000)
    if (now !== second) [second, date] = [now, `Date: ${new Date(now * 1000).toUTCString()}\r\n`]
    return `${date}${isLast ? 'Connection: close\r\n\r\n' : keep}`
  }
}

export class PlainOutgoing implements Outgoing {
  readonly #socket: Socket
  readonly #stalledMs: number
  readonly #lastLines: () => string
  #isHead = false
  #isChunked = false
  #isBroken = false
  #isOut = false
  /** Goes out with what follows it. */
  #head = ''
  /** Writes of parts of bodies, and those of them that have ended. */
  #begun = 0
  #ended = 0
  #whenEnded: (() => void) | undefined

  /** @param stalledMs - the connection is given so long for bytes that wait */
  constructor (socket: Socket, stalledMs: number, lastLines: () => string) {
    this.#socket = socket
    this.#stalledMs = stalledMs
    this.#lastLines = lastLines
  }

  /** For one more answer, when the one before is out. */
  prepare (isHead: boolean): void {
    this.#isHead = isHead
    this.#isOut = false
    this.#head = ''
  }

  /** Whether an answer was broken off: nothing can follow it. */
  get isBroken (): boolean { return this.#isBroken }

  get isGone (): boolean { return this.#socket.destroyed }

  get waitingBytes (): number { return this.#socket.writableLength }

  isOut (): boolean { return this.#isOut }

  begin (status: number, headers: GatewayAnswer['headers']): void {
    this.#isChunked = headers['content-length'] === undefined
    this.#head = headOf(status, headers, this.#isChunked ? 'Transfer-Encoding: chunked\r\n' : '') + this.#lastLines()
  }

  whole (status: number, headers: GatewayAnswer['headers'], body: Uint8Array = NOTHING): void {
    const isEmpty = status === 204 || status === 304 || this.#isHead
    const length = isEmpty || headers['content-length'] !== undefined ? '' : `Content-Length: ${body.byteLength}\r\n`
    this.#isChunked = false
    this.#head = headOf(status, headers, length) + this.#lastLines()
    this.write(isEmpty ? NOTHING : body)
  }

  write (bytes: Uint8Array): boolean {
    const socket = this.#socket
    const { byteLength } = bytes
    const head = this.#isChunked && byteLength > 0 ? `${this.#head}${byteLength.toString(16)}\r\n` : this.#head
    this.#head = ''
    let hasRoom = true
    this.#begun++
    if (byteLength <= JOINED_BYTES && !this.#isChunked) {
      const joined = Buffer.allocUnsafe(head.length + byteLength)
      joined.write(head, 0, 'latin1')
      joined.set(bytes, head.length)
      hasRoom = socket.write(joined, this.#hasEnded)
    } else {
      socket.cork()
      if (head !== '') socket.write(head, 'latin1')
      hasRoom = socket.write(bytes, this.#hasEnded)
      if (this.#isChunked && byteLength > 0) hasRoom = socket.write('\r\n', 'latin1')
      socket.uncork()
    }
    if (socket.writableLength > 0 && socket.timeout !== this.#stalledMs) socket.setTimeout(this.#stalledMs)
    return hasRoom
  }

  end (): void {
    if (!this.#isChunked) {
      if (this.#head !== '') this.write(NOTHING)
      return
    }
    this.#begun++
    this.#socket.write(`${this.#head}0\r\n\r\n`, 'latin1', this.#hasEnded)
    this.#head = ''
  }

  /** What is on its way arrives; the last chunk, or the rest of the length, does not. */
  breakOff (): void {
    this.#isBroken = true
    this.#socket.destroySoon()
  }

  drained (): Promise<void> {
    const socket = this.#socket
    return new Promise((resolve) => {
      if (socket.destroyed) return resolve()
      const done = (): void => {
        socket.off('drain', done)
        socket.off('close', done)
        resolve()
      }
      socket.on('drain', done)
      socket.on('close', done)
    })
  }

  closed (): Promise<void> | undefined {
    const socket = this.#socket
    if (socket.destroyed || socket.errored !== null) return undefined
    if (socket.writableLength > 0) return new Promise((resolve) => { this.#whenEnded = resolve })
    this.#isOut = true
    return undefined
  }

  readonly #hasEnded = (error?: Error | null): void => {
    if (++this.#ended < this.#begun || this.#whenEnded === undefined) return
    this.#isOut = error === undefined || error === null
    this.#whenEnded()
    this.#whenEnded = undefined
  }
}

/** @throws {TypeError} a header that is none, or holds more than one */
const headOf = (status: number, headers: GatewayAnswer['headers'], more: string): string => {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`
  for (const name in headers) {
    const value = headers[name]!
    if (NOT_IN_A_NAME.test(name) || NOT_IN_A_VALUE.test(value)) throw new TypeError(`not a header; name=${JSON.stringify(name)}`)
    head += `${name}: ${value}\r\n`
  }
  return head + more
}
