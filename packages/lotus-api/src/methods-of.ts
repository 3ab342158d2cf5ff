/** An implementation as the methods that a JSON-RPC server serves. */
import { RpcError, type RpcMethod, type RpcMethods, type RpcStreamMethod } from '@dagstore/json-rpc'
import type { LotusApi, LotusMethodName } from './api.ts'
import type { LotusCallOptions } from './call-options.ts'
import type { LotusParam } from './method.ts'
import { METHOD_NAMES, METHODS } from './methods.ts'
import type { Permission } from './permissions.ts'
import type { Schema } from './schema.ts'

export interface LotusContext {
  /** What the caller may do. */
  readonly permissions: readonly Permission[]
}

type AnyCall = (...params: readonly unknown[]) => unknown

/**
 * Members that the implementation does not have are methods that the server does not know. Parameters come checked, those that
 * were left out as `undefined`; the options of each call have its signal and the permissions of its caller.
 */
export const methodsOf = (api: Partial<LotusApi>): RpcMethods<LotusContext> => Object.fromEntries(METHOD_NAMES.flatMap((name) => {
  const call = api[name]
  return call === undefined ? [] : [[METHODS[name].name, methodOf(name, (call as AnyCall).bind(api))]]
}))

const methodOf = (name: LotusMethodName, call: AnyCall): RpcMethod<LotusContext> | RpcStreamMethod<LotusContext> => {
  const { permission, params, required, result, stream } = METHODS[name]
  const begin = (given: readonly unknown[], { permissions }: LotusContext, signal: AbortSignal): unknown => {
    if (!permissions.includes(permission)) {
      throw new RpcError('RPC_FAILED', `missing permission to invoke '${name}' (need '${permission}')`, { data: { code: 'RPC_FORBIDDEN' } })
    }
    const options: LotusCallOptions = { signal, permissions }
    return call(...readParams(params, given), options)
  }
  const counts = { required, most: params.length }
  if (stream) {
    return {
      ...counts,
      stream: true,
      handle: (given, { context, signal }) => encoded(begin(given, context, signal) as AsyncIterable<unknown>, result),
    }
  }
  return { ...counts, handle: async (given, { context, signal }) => result.encode(await begin(given, context, signal)) }
}

/** @throws {RpcError} `RPC_BAD_PARAMS` */
const readParams = (params: readonly LotusParam[], given: readonly unknown[]): readonly unknown[] =>
  params.map(({ name, schema }, at) => {
    try {
      const value = given[at]
      return value === undefined ? undefined : schema.decode(value, name)
    } catch (cause) {
      throw new RpcError('RPC_BAD_PARAMS', `unmarshaling params for parameter ${at}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  })

async function * encoded (values: AsyncIterable<unknown>, schema: Schema<unknown>): AsyncGenerator<unknown, void, undefined> {
  for await (const value of values) yield schema.encode(value)
}
