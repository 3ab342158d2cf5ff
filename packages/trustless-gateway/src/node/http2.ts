/** Answers of a gateway by HTTP/2. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { GatewayAnswer } from '../exchange.ts'
import { type Outgoing, StreamOutgoing, type Taken } from './send.ts'

/** Aborted when the stream is closed; Node has ended it by then, whether or not its answer was out. */
export const departureOf = (stream: ServerHttp2Stream): AbortSignal => {
  const left = new AbortController()
  stream.once('close', () => { left.abort(new Error('the caller has left')) })
  return left.signal
}

export class Http2Outgoing extends StreamOutgoing implements Outgoing {
  readonly #stream: ServerHttp2Stream
  #isBroken = false

  constructor (stream: ServerHttp2Stream, gone: AbortSignal) {
    super(stream, gone, true, () => !stream.destroyed && !stream.aborted && stream.rstCode === constants.NGHTTP2_NO_ERROR)
    this.#stream = stream
  }

  isOut (): boolean { return !this.#stream.aborted && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR }

  begin (status: number, headers: GatewayAnswer['headers']): void {
    const stream = this.#stream
    stream.respond({ ':status': status, ...headers }, { waitForTrailers: true })
    // Node ends a stream that it closes with an error as if it were whole, before it says so; but not while trailers are to come
    stream.once('wantTrailers', () => { if (!this.#isBroken) stream.sendTrailers({}) })
  }

  whole (status: number, headers: GatewayAnswer['headers'], body: Uint8Array | undefined, taken?: Taken): void {
    const isEmpty = body === undefined || body.byteLength === 0
    this.#stream.respond({ ':status': status, ...headers }, { endStream: isEmpty })
    if (!isEmpty) this.#stream.end(body, this.whenTaken(taken))
  }

  breakOff (): void {
    this.#isBroken = true
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
}
