/** How much of what a server takes from those who connect; what requests may ask is the gateway's own. */

export interface ServerLimits {
  /** @default 8,192 */
  readonly maxConnections?: number | undefined
  /** Of one client: one address, of IPv6 one network of 64 bits. Proxies are not counted. @default 512 */
  readonly maxClientConnections?: number | undefined
  /** Requests that wait behind another on one connection of HTTP/1.1; behind the last one the connection ends. @default 64 */
  readonly maxPipelined?: number | undefined
  /** Requests under way on one connection of HTTP/2. @default 128 */
  readonly maxStreams?: number | undefined
  /** Of the headers of one request. @default 16 KiB */
  readonly maxHeaderBytes?: number | undefined
  /** From the beginning of a connection or request to the end of its headers, milliseconds. @default 10,000 */
  readonly headersMs?: number | undefined
  /** Between two requests on one connection, milliseconds. @default 15,000 */
  readonly idleMs?: number | undefined
  /** In which nobody takes a byte of an answer that has some for him, milliseconds. @default 60,000 */
  readonly stalledMs?: number | undefined
  /** Bytes of one answer that wait in memory for the network; what is above is not asked for. @default 256 KiB */
  readonly maxWaitingBytes?: number | undefined
}

export type CheckedServerLimits = { readonly [K in keyof ServerLimits]-?: number }

export const SERVER_LIMITS: CheckedServerLimits = Object.freeze({
  maxConnections: 8192,
  maxClientConnections: 512,
  maxPipelined: 64,
  maxStreams: 128,
  maxHeaderBytes: 1 << 14,
  headersMs: 10_000,
  idleMs: 15_000,
  stalledMs: 60_000,
  maxWaitingBytes: 1 << 18,
})

/** @throws {RangeError} one that is no whole number above 0 */
export const checkServerLimits = (limits: ServerLimits = {}): CheckedServerLimits => {
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
  const all: CheckedServerLimits = { ...SERVER_LIMITS, ...given }
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`limit; name=${name} want=a whole number above 0 got=${value}`)
  }
  return all
}
