/** How much of what a server takes from its callers. */

export interface ServeLimits {
  /** Of one request, batch or frame. @default 16 MiB */
  readonly maxBodyBytes?: number
  /** Of one of a caller without a token. @default 1 MiB */
  readonly maxAnonymousBytes?: number
  /** Of all bodies that are being received. @default 128 MiB */
  readonly maxReceivingBytes?: number
  /** Requests in one batch. @default 100 */
  readonly maxBatch?: number
  /** Calls of one WebSocket that are under way, streams included. @default 256 */
  readonly maxCalls?: number
  /** Calls of one client that are under way, over all its sockets and requests. @default 1024 */
  readonly maxClientCalls?: number
  /** HTTP requests under way. @default 512 */
  readonly maxRequests?: number
  /** HTTP requests of one client that are under way. @default 128 */
  readonly maxClientRequests?: number
  /** Connections, WebSockets included. @default 1024 */
  readonly maxConnections?: number
  /** Connections of one client: one address, of IPv6 one network of 64 bits. @default 256 */
  readonly maxClientConnections?: number
  /** From the beginning of a connection or request to the end of its headers. @default 10,000 */
  readonly headersMs?: number
  /** To the end of its body. @default 60,000 */
  readonly requestMs?: number
  /** Between two requests on one connection. @default 5,000 */
  readonly idleMs?: number
  /** Between two signs of life of a WebSocket; one that misses a whole one is dropped. @default 30,000 */
  readonly heartbeatMs?: number
  /** In which nobody takes a byte of an answer. @default 60,000 */
  readonly stalledMs?: number
}

export const LIMITS: Readonly<Required<ServeLimits>> = Object.freeze({
  maxBodyBytes: 1 << 24,
  maxAnonymousBytes: 1 << 20,
  maxReceivingBytes: 1 << 27,
  maxBatch: 100,
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
export const checkLimits = (limits: ServeLimits): Required<ServeLimits> => {
  const all = { ...LIMITS, ...limits }
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}; want=a whole number above 0 got=${value}`)
  }
  return all
}
