/** How much of what a server takes from its callers. */

export interface ServeLimits {
  /** Of one request, batch or frame. @default 16 MiB */
  readonly maxBodyBytes?: number | undefined
  /** Of one of a caller without a token. @default 1 MiB */
  readonly maxAnonymousBytes?: number | undefined
  /** Of all bodies that are being received. @default 128 MiB */
  readonly maxReceivingBytes?: number | undefined
  /** Requests in one batch. @default 100 */
  readonly maxBatch?: number | undefined
  /** Characters of the answers of one batch; calls behind that are refused. @default 64 Mi */
  readonly maxAnswersLength?: number | undefined
  /** Of answers by HTTP that nobody has taken yet, beside the first one; further ones are refused. @default 512 MiB */
  readonly maxSendingBytes?: number | undefined
  /** Of messages that wait behind the one that goes out over a WebSocket, beside the first one; with more it is dropped. @default 256 MiB */
  readonly maxWaitingBytes?: number | undefined
  /** Calls of one WebSocket that are under way, streams included. @default 256 */
  readonly maxCalls?: number | undefined
  /** Calls of one client that are under way, over all its sockets and requests. @default 1024 */
  readonly maxClientCalls?: number | undefined
  /** HTTP requests under way. @default 512 */
  readonly maxRequests?: number | undefined
  /** HTTP requests of one client that are under way. @default 128 */
  readonly maxClientRequests?: number | undefined
  /** Connections, WebSockets included. @default 1024 */
  readonly maxConnections?: number | undefined
  /** Connections of one client: one address, of IPv6 one network of 64 bits. @default 256 */
  readonly maxClientConnections?: number | undefined
  /** From the beginning of a connection or request to the end of its headers. @default 10,000 */
  readonly headersMs?: number | undefined
  /** To the end of the body of a call; those of `extra` are its own affair. @default 60,000 */
  readonly requestMs?: number | undefined
  /** Between two requests on one connection. @default 5,000 */
  readonly idleMs?: number | undefined
  /** Between two signs of life of a WebSocket; one that misses a whole one is dropped. @default 30,000 */
  readonly heartbeatMs?: number | undefined
  /** In which nobody takes a byte of an answer. @default 60,000 */
  readonly stalledMs?: number | undefined
}

export type Limits = { readonly [K in keyof ServeLimits]-?: number }

export const LIMITS: Limits = Object.freeze({
  maxBodyBytes: 1 << 24,
  maxAnonymousBytes: 1 << 20,
  maxReceivingBytes: 1 << 27,
  maxBatch: 100,
  maxAnswersLength: 1 << 26,
  maxSendingBytes: 1 << 29,
  maxWaitingBytes: 1 << 28,
  maxCalls: 256,
  maxClientCalls: 1024,
  maxRequests: 512,
  maxClientRequests: 128,
  maxConnections: 1024,
  maxClientConnections: 256,
  headersMs: 10_000,
  requestMs: 60_000,
  idleMs: 5_000,
  heartbeatMs: 30_000,
  stalledMs: 60_000,
})

/** @throws {RangeError} one that is no whole number above 0 */
export const checkLimits = (limits: ServeLimits): Limits => {
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
  const all: Limits = { ...LIMITS, ...given }
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}; want=a whole number above 0 got=${value}`)
  }
  return all
}
