/** Methods, and how one is called. */
import { RpcError } from './errors.ts'
import type { RpcRequest } from './message.ts'

export interface RpcCall<C> {
  /** Of this call alone: aborted when the peer cancels it or leaves, or the server stops. */
  readonly signal: AbortSignal
  /** Who calls, and whatever else was given with the request or the connection. */
  readonly context: C
}

/** A call that has one answer. */
export interface RpcMethod<C> {
  /** How many parameters it takes; those beyond `required` may be left out. */
  readonly required: number
  /** @default required */
  readonly most?: number
  readonly stream?: false
  /**
   * `undefined` and `null` are both answered with `null`. What it rejects with is told to the peer: an {@link RpcError} as it is,
   * any other error by its message, under number 1, with `data: { code }` where it has a code.
   */
  handle (params: readonly unknown[], call: RpcCall<C>): unknown
}

/** A call whose answer is a stream of values; over WebSocket only. */
export interface RpcStreamMethod<C> {
  readonly required: number
  readonly most?: number
  readonly stream: true
  /** Rejects where there is no stream. The iteration is left when the peer cancels or is gone. */
  handle (params: readonly unknown[], call: RpcCall<C>): AsyncIterable<unknown> | Promise<AsyncIterable<unknown>>
}

/** By name, namespace included: `Filecoin.Version`. */
export type RpcMethods<C> = Readonly<Record<string, RpcMethod<C> | RpcStreamMethod<C>>>

/** @throws {RpcError} `RPC_UNKNOWN_METHOD`, `RPC_BAD_PARAMS` */
export const findMethod = <C>(methods: RpcMethods<C>, { method: name, params }: RpcRequest, streams: boolean): RpcMethod<C> | RpcStreamMethod<C> => {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined
  if (method === undefined) throw new RpcError('RPC_UNKNOWN_METHOD', `method '${name}' not found`)
  if (method.stream === true && !streams) throw new RpcError('RPC_UNKNOWN_METHOD', `method '${name}' not supported in this mode (no out channel support)`)
  const { required, most = required } = method
  if (params.length < required || params.length > most) {
    throw new RpcError('RPC_BAD_PARAMS', `wrong param count (method '${name}'): ${params.length} != ${most === required ? required : `${required} to ${most}`}`)
  }
  return method
}
