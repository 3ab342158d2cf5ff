/** What a call over JSON-RPC can fail with. */

/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type RpcErrorCode =
  | 'RPC_BAD_MESSAGE'
  | 'RPC_BAD_REQUEST'
  | 'RPC_UNKNOWN_METHOD'
  | 'RPC_BAD_PARAMS'
  | 'RPC_TOO_MUCH'
  | 'RPC_FAILED'
  | 'RPC_FORBIDDEN'
  | 'RPC_UNREACHABLE'
  | 'RPC_BAD_ANSWER'
  | 'RPC_CONNECTION_LOST'
  | 'RPC_CLOSED'

/** Numbers of the codes that go over the wire; source: go-jsonrpc `server.go`, but -32005, which is ours. */
const NUMBERS: Readonly<Partial<Record<RpcErrorCode, number>>> = {
  RPC_BAD_MESSAGE: -32700,
  RPC_BAD_REQUEST: -32600,
  RPC_UNKNOWN_METHOD: -32601,
  RPC_BAD_PARAMS: -32602,
  RPC_TOO_MUCH: -32005,
  RPC_FAILED: 1,
}

export interface RpcErrorOptions extends ErrorOptions {
  /** On the wire. @default that of the code, or 1 */
  readonly number?: number
  readonly data?: unknown
}

export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: RpcErrorCode
  /** What stands, or would stand, in the member `code` of the answer. */
  readonly number: number
  /** What the other side says besides; a server of ours puts `{ code }` of the error there, where that has one. */
  readonly data: unknown

  constructor (code: RpcErrorCode, message: string, { number, data, ...options }: RpcErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.number = number ?? NUMBERS[code] ?? 1
    this.data = data
  }
}

/** The member `error` of an answer. */
export interface WireError { readonly code: number, readonly message: string, readonly data?: unknown }

/** Of what a method was rejected with. */
export const toWireError = (error: unknown): WireError => {
  if (error instanceof RpcError) return { code: error.number, message: error.message, ...(error.data === undefined ? {} : { data: error.data }) }
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { code: 1, message, ...(code === undefined ? {} : { data: { code } }) }
}

/** `undefined`: not the form of an error. */
export const fromWireError = (value: unknown): RpcError | undefined => {
  if (typeof value !== 'object' || value === null || !('code' in value) || !('message' in value)) return undefined
  const { code, message } = value
  if (typeof code !== 'number' || typeof message !== 'string') return undefined
  const known = Object.entries(NUMBERS).find(([, number]) => number === code)?.[0] as RpcErrorCode | undefined
  return new RpcError(known ?? 'RPC_FAILED', message, { number: code, data: 'data' in value ? value.data : undefined })
}
