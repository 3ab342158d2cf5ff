/** What a server tells of a request when its answer is out, or its peer is gone. */
export interface ServedRequest {
  /** When it came, in milliseconds since 1970. */
  readonly at: number
  /** Of the one who asked. */
  readonly address: string
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  /** `'1.1'`, `'2.0'` */
  readonly version: string
  readonly status: number
  /** To the end of the answer. */
  readonly ms: number
  /** Of the body, as far as they were handed to the network. */
  readonly bytes: number
  readonly agent: string | undefined
  /** As in `x-error-code`, or why the answer was broken off; `CLIENT_LEFT`: its peer went before the end. */
  readonly code: string | undefined
}
