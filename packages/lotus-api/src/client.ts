/** The methods of a node that is somewhere else. */
import { type RpcClient, RpcError } from '@dagstore/json-rpc'
import type { LotusApi, LotusMethodName } from './api.ts'
import type { LotusCallOptions } from './call-options.ts'
import { METHOD_NAMES, METHODS } from './methods.ts'
import type { Schema } from './schema.ts'

/**
 * Calls reject as `RpcClient.call` does; `RPC_BAD_ANSWER`: what came is not what the method gives. The client stays the caller's.
 */
export const createLotusClient = (client: Pick<RpcClient, 'call' | 'stream'>): LotusApi => Object.fromEntries(METHOD_NAMES.map((name) => {
  const { name: wire, params, required, result, stream } = METHODS[name]
  const schemas = params.map(({ schema }) => schema)
  const encode = (given: readonly unknown[]): readonly unknown[] => {
    const encoded = schemas.map((one, at) => given[at] === undefined && at >= required ? null : one.encode(given[at]))
    // those at the end that were left out are not sent, so that a server without them understands the call
    while (encoded.length > required && encoded.at(-1) === null) encoded.pop()
    return encoded
  }
  const optionsOf = (given: readonly unknown[]): { readonly signal?: AbortSignal } => {
    const { signal } = (given[schemas.length] ?? {}) as LotusCallOptions
    return signal === undefined ? {} : { signal }
  }
  const call = async (...given: readonly unknown[]): Promise<unknown> => read(result, await client.call(wire, encode(given), optionsOf(given)), name)
  const open = async function * (...given: readonly unknown[]): AsyncGenerator<unknown, void, undefined> {
    for await (const value of client.stream(wire, encode(given), optionsOf(given))) yield read(result, value, name)
  }
  return [name, stream ? open : call]
})) as unknown as LotusApi

const read = (schema: Schema<unknown>, value: unknown, name: LotusMethodName): unknown => {
  try {
    return value === undefined && schema.zero !== undefined ? schema.zero() : schema.decode(value, name)
  } catch (cause) {
    throw new RpcError('RPC_BAD_ANSWER', `not what the method gives: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
