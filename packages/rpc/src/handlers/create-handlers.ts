/** All methods over the parts that are there. */
import { RpcError } from '@dagstore/json-rpc'
import { type LotusApi, type LotusCallOptions, type LotusMethodName, METHOD_NAMES, METHODS } from '@dagstore/lotus-api'
import { bulkHandlers } from './bulk-handlers.ts'
import { dealHandlers } from './deal-handlers.ts'
import { clientHandlers } from './client-handlers.ts'
import { codeOf, refusal, told } from './failures.ts'
import { listHandlers } from './list-handlers.ts'
import { marketHandlers } from './market-handlers.ts'
import { createMountUrls } from './mount-urls.ts'
import { nodeHandlers } from './node-handlers.ts'
import type { HandlerParts } from './parts.ts'
import { pieceHandlers } from './piece-handlers.ts'
import { shardHandlers } from './shard-handlers.ts'
import { storeHandlers } from './store-handlers.ts'
import { withWaiting } from './waiting.ts'

/**
 * What a server of Lotus methods answers with. Calls reject with {@link RpcError} alone, and with the reason of their signal.
 *
 * @throws {TypeError} a rule of `hosts` that is none
 */
export const createHandlers = ({ node, shards: given, pieces, deals, market, client, onNotice = () => {} }: HandlerParts): LotusApi => {
  const shards = given === undefined ? undefined : withWaiting(given)
  const urls = createMountUrls(shards?.hosts)
  const there: Partial<LotusApi> = {
    ...nodeHandlers(node),
    ...(shards === undefined ? {} : { ...shardHandlers(shards, urls), ...bulkHandlers(shards, onNotice), ...listHandlers(shards, urls), ...storeHandlers(shards) }),
    ...(pieces === undefined ? {} : pieceHandlers(pieces, onNotice)),
    ...(deals === undefined ? {} : dealHandlers(deals, onNotice)),
    ...(market === undefined ? {} : marketHandlers(market, onNotice)),
    ...(client === undefined ? {} : clientHandlers(client, onNotice)),
  }
  return Object.fromEntries(METHOD_NAMES.map((name) => [name, guarded(name, (there[name] as AnyCall | undefined) ?? absent(name), onNotice)])) as unknown as LotusApi
}

type AnyCall = (...given: readonly unknown[]) => unknown

/** Lotus's words for a node that was started without a part. */
const absent = (name: LotusMethodName) => (): never => {
  const what = name.startsWith('Client') ? 'client' : name.startsWith('Pieces') ? 'piece store' : name.startsWith('Market') || name.startsWith('Deals') || name === 'DagstoreAcceptDeal' || name === 'DagstoreListUnregistered' ? 'storage provider' : 'dagstore'
  throw refusal(`${what} not available on this node`, undefined, 'RPC_UNAVAILABLE')
}

/** Whatever goes wrong becomes what may be told; what is no error of ours goes to the log. */
const guarded = (name: LotusMethodName, call: AnyCall, notice: (text: string) => void): AnyCall => {
  const at = METHODS[name].params.length
  const fail = (error: unknown, signal: AbortSignal | undefined): never => {
    if (signal?.aborted === true && error === signal.reason) throw error
    if (!(error instanceof RpcError) && codeOf(error) === undefined) notice(`a call failed unexpectedly; method=${name} error=${error instanceof Error ? error.stack ?? error.message : String(error)}`)
    throw told(error)
  }
  return (...given) => {
    const { signal } = (given[at] ?? {}) as LotusCallOptions
    try {
      const result = call(...given)
      if (result instanceof Promise) return result.catch((error: unknown) => fail(error, signal))
      return guardedValues(result as AsyncIterable<unknown>, (error) => fail(error, signal))
    } catch (error) {
      if (METHODS[name].stream) return fail(error, signal)
      return Promise.resolve().then(() => fail(error, signal))
    }
  }
}

async function * guardedValues (values: AsyncIterable<unknown>, fail: (error: unknown) => never): AsyncGenerator<unknown, void, undefined> {
  try {
    yield * values
  } catch (error) {
    fail(error)
  }
}
