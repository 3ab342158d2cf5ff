/** Requests and answers of HTTP/2 as a gateway takes and gives them. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { GatewayRequest } from '../exchange.ts'
import type { Outgoing } from './send.ts'

export const http2Request = (headers: IncomingHttpHeaders, who: Pick<GatewayRequest, 'client' | 'origin' | 'signal'>): GatewayRequest => ({
  method: headers[':method'] ?? 'GET', target: headers[':path'] ?? '/', ...who,
  header: (name) => {
    const value = headers[name === 'host' ? ':authority' : name] ?? headers[name]
    return typeof value === 'object' ? value.join(', ') : value
  },
})

/** Aborted when the stream is closed; Node has ended it by then, whether or not its answer was out. */
export const departureOf = (stream: ServerHttp2Stream): AbortSignal => {
  const left = new AbortController()
  stream.once('close', () => { left.abort(new Error('the caller has left')) })
  return left.signal
}

export const http2Outgoing = (stream: ServerHttp2Stream, gone: AbortSignal): Outgoing => {
  let broken = false
  return {
    stream,
    gone,
    closes: true,
    isOut: () => !stream.aborted && stream.rstCode === constants.NGHTTP2_NO_ERROR,
    begin: (status, headers) => {
      stream.respond({ ':status': status, ...headers }, { waitForTrailers: true })
      // Node ends a stream that it closes with an error as if it were whole, before it says so; but not while trailers are to come
      stream.once('wantTrailers', () => { if (!broken) stream.sendTrailers({}) })
    },
    whole: (status, headers, body) => {
      const isEmpty = body === undefined || body.byteLength === 0
      stream.respond({ ':status': status, ...headers }, { endStream: isEmpty })
      if (!isEmpty) stream.end(body)
    },
    breakOff: () => {
      broken = true
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    },
  }
}
