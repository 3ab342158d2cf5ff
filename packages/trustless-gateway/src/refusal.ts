/** What a gateway does not do for an asker, now or at all: the answer, or the end of a stream that has begun. */

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type GatewayRefusalCode =
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

export class GatewayRefusal extends Error {
  override readonly name = 'GatewayRefusal'
  readonly code: GatewayRefusalCode
  /** Of an answer that has not begun; one that has is broken off. */
  readonly status: 410 | 413 | 429 | 451 | 503
  /** In whole seconds, at least 1: when to ask again; `undefined` where that helps nothing. */
  readonly retryAfterS: number | undefined

  constructor (code: GatewayRefusalCode, status: GatewayRefusal['status'], message: string, options: ErrorOptions & { retryAfterS?: number | undefined } = {}) {
    super(message, options)
    this.code = code
    this.status = status
    this.retryAfterS = options.retryAfterS
  }
}
