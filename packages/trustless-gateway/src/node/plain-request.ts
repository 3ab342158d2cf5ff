/**
 * Requests that are plain: of HTTP/1.1, GET or HEAD of a path, nothing behind their headers, none of which changes how the
 * connection is used. Nearly all are. Whatever else comes is for a parser that knows all of HTTP; what is taken here means the
 * same to every one of them.
 *
 * Source: RFC 9112, sections 3, 5 and 6; RFC 9110, sections 5.3 and 5.6.
 */
import type { IncomingHttpHeaders } from 'node:http'

export interface PlainRequest {
  readonly method: 'GET' | 'HEAD'
  readonly target: string
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
}

const LINE = /^(GET|HEAD) (\/[\x21-\x7e]*) HTTP\/1\.1$/
const NAME = /^[\w!#$%&'*+.^`|~-]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const EDGES = /^[\t ]|[\t ]$/
/** With one of these there may be a body, another protocol, or something that is to be said before the answer. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'http2-settings', 'keep-alive', 'proxy-connection',
])
const CR = 13
const LF = 10
/** A request of a few headers has no more; longer ones are not worth a second way. */
const MAX_BYTES = 4096

/** Headers up to here are remembered: who asks again mostly sends the same. */
const MAX_REMEMBERED = 512

/** Reads the requests of one connection. */
export class PlainRequests {
  readonly #maxBytes: number
  #text = ''
  #headers: IncomingHttpHeaders | undefined

  constructor (maxHeaderBytes: number) {
    this.#maxBytes = Math.min(maxHeaderBytes, MAX_BYTES)
  }

  /** `bytes` as one whole request and nothing more; `undefined`: they are not, or not a plain one. The same headers are the same object. */
  read (bytes: Buffer): PlainRequest | undefined {
    const { length } = bytes
    if (length > this.#maxBytes || length < 18 || bytes[length - 1] !== LF || bytes[length - 2] !== CR || bytes[length - 3] !== LF || bytes[length - 4] !== CR) return undefined
    const text = bytes.toString('latin1')
    const end = text.indexOf('\r\n')
    const [, method, target] = LINE.exec(text.slice(0, end)) ?? []
    if (method === undefined || target === undefined) return undefined
    const rest = text.slice(end + 2)
    const headers = rest === this.#text ? this.#headers : headersOf(rest)
    if (headers?.host === undefined) return undefined
    if (rest.length <= MAX_REMEMBERED) {
      this.#text = rest
      this.#headers = headers
    }
    return { method: method as PlainRequest['method'], target, headers }
  }
}

/** @param text - lines, the last one empty */
const headersOf = (text: string): IncomingHttpHeaders | undefined => {
  const headers: IncomingHttpHeaders = {}
  for (let at = 0, end = 0; at < text.length - 2; at = end + 2) {
    end = text.indexOf('\r\n', at)
    const colon = text.indexOf(':', at)
    if (colon < 0 || colon > end) return undefined
    const name = text.slice(at, colon).toLowerCase()
    if (!NAME.test(name) || NOT_PLAIN.has(name) || headers[name] !== undefined) return undefined
    const value = text.slice(text.charAt(colon + 1) === ' ' ? colon + 2 : colon + 1, end)
    if (!VALUE.test(value) || EDGES.test(value)) return undefined
    headers[name] = value
  }
  return headers
}
