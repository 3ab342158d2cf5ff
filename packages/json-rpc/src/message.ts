/** What goes over the wire. Source: go-jsonrpc `handler.go`, `websocket.go`. */
import { RpcError } from './errors.ts'

/** A string or a number; numbers that a peer made are given back as they came. */
export type RpcId = string | number | bigint

/** Notifications of the protocol itself. */
export const CANCEL = 'xrpc.cancel'
export const VALUE = 'xrpc.ch.val'
export const CLOSE = 'xrpc.ch.close'

export interface RpcRequest {
  /** `undefined`: a notification, which has no answer. */
  readonly id: RpcId | undefined
  readonly method: string
  readonly params: readonly unknown[]
}

/** Ids that differ in their type differ. */
export const idKey = (id: RpcId): string => `${typeof id === 'string' ? 's' : 'n'}${id}`

/** `null` and no id are one, as in Go. @throws {RpcError} `RPC_BAD_MESSAGE` */
export const readId = (message: object): RpcId | undefined => {
  const id: unknown = 'id' in message ? message.id : undefined
  if (id === undefined || id === null) return undefined
  if (typeof id !== 'string' && typeof id !== 'number' && typeof id !== 'bigint') throw new RpcError('RPC_BAD_MESSAGE', `failed to parse ID: invalid id type: ${typeof id}`)
  return id
}

/** @throws {RpcError} `RPC_BAD_MESSAGE`: not of its form */
export const readRequest = (message: unknown): RpcRequest => {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) throw new RpcError('RPC_BAD_MESSAGE', 'Parse error')
  const id = readId(message)
  const method: unknown = 'method' in message ? message.method : ''
  if (typeof method !== 'string') throw new RpcError('RPC_BAD_MESSAGE', 'Parse error')
  const params: unknown = 'params' in message ? message.params ?? [] : []
  if (!Array.isArray(params)) throw new RpcError('RPC_BAD_MESSAGE', 'unmarshaling param array: params is not an array')
  return { id, method, params }
}

/** Of a message that may be no request; `undefined` where it has none. */
export const idOf = (message: unknown): RpcId | undefined => {
  try {
    return typeof message === 'object' && message !== null ? readId(message) : undefined
  } catch {
    return undefined
  }
}
