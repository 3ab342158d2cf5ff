/** What a gateway does not do for an asker, now or at all: the answer, or the end of a stream that has begun. */

/** As in `x-error-code`. Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type GatewayErrorCode =
  /** 429: this client has too many requests under way and waiting, or has waited too long for its own. */
  | 'GATEWAY_CLIENT_BUSY'
  /** 503: all clients together have. */
  | 'GATEWAY_BUSY'
  /** 503: the block may be in what is not indexed yet. */
  | 'GATEWAY_UNINDEXED'
  /** 503: nothing is answered before the denylist is there. */
  | 'GATEWAY_DENYLIST_MISSING'
  /** 410 or 451: the denylist names it. */
  | 'GATEWAY_DENIED'
  /** The asker takes nothing. */
  | 'GATEWAY_STALLED'
  /** The request takes too long. */
  | 'GATEWAY_TIMEOUT'
  /** The answer is too long. */
  | 'GATEWAY_TOO_LARGE'
  /** 400: a path that is none, or one that leads upwards, or that nothing is at. */
  | 'GATEWAY_BAD_PATH'
  /** 400, of routing 422: no CID where one has to stand, or one that is too long. */
  | 'GATEWAY_BAD_CID'
  /** 400: a value that a parameter cannot have. */
  | 'GATEWAY_BAD_PARAMETER'
  /** 400: neither a format nor what is accepted. */
  | 'GATEWAY_NO_FORMAT'
  /** 400: a raw block is asked for by its own CID, not by a path. */
  | 'GATEWAY_RAW_PATH'
  /** 400: `entity-bytes` beyond the file; 416: a range beyond the block. */
  | 'GATEWAY_OUTSIDE'
  /** 406 */
  | 'GATEWAY_NOT_OFFERED'
  /** 412: `only-if-cached`, and it is not here. */
  | 'GATEWAY_NOT_CACHED'
  /** 501 */
  | 'GATEWAY_NO_IPNS'
  /** 404 */
  | 'GATEWAY_NO_PIECE'
  /** 502: what is behind could not give it; also the end of a stream. */
  | 'GATEWAY_PIECE_UNREADABLE'
  /** 404, in the form of the web alone. */
  | 'GATEWAY_NO_SUCH_PATH'
  /** 405 */
  | 'GATEWAY_BAD_METHOD'
  /** 500: what should not happen. */
  | 'GATEWAY_FAULT'

export class GatewayRefusal extends Error {
  override readonly name = 'GatewayRefusal'
  readonly code: GatewayErrorCode
  /** Of an answer that has not begun; one that has is broken off. */
  readonly status: 400 | 404 | 406 | 410 | 412 | 413 | 422 | 429 | 451 | 501 | 502 | 503
  /** In whole seconds, at least 1: when to ask again; `undefined` where that helps nothing. */
  readonly retryAfterS: number | undefined

  constructor (code: GatewayErrorCode, status: GatewayRefusal['status'], message: string, options: ErrorOptions & { retryAfterS?: number | undefined } = {}) {
    super(message, options)
    this.code = code
    this.status = status
    this.retryAfterS = options.retryAfterS
  }
}
