/** What a gateway tells of each request when it is finished. */

/** Which part of the gateway has answered; `ipfs` where that never came to a format. */
export type GatewayRoute = 'raw' | 'car' | 'ipfs' | 'ipns' | 'piece' | 'routing'

export interface GatewayEvent {
  /** `refused`: by a limit, before or while it was answered. */
  readonly type: 'request' | 'refused'
  /** When the request came, in milliseconds since 1970. */
  readonly at: number
  readonly client: string | undefined
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  readonly route: GatewayRoute
  readonly status: number
  /** From the request to the end of its answer. */
  readonly ms: number
  /** From the request to the first byte of the body; without one to the answer. */
  readonly firstByteMs: number
  /** Of the body, as far as they were taken. */
  readonly bytes: number
  /** Blocks in the body. */
  readonly blocks: number
  /** What the asker says that it is: `user-agent`. */
  readonly agent: string | undefined
  /** As in `x-error-code`, or what has broken the body off; `undefined`: all went well, or the asker left. */
  readonly code: string | undefined
  /** What was thrown, with its cause: for the operator alone, since it may name files. `undefined`: nothing was, or the asker left. */
  readonly error?: unknown
}
