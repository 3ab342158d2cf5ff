/** Calls of another system over JSON-RPC. */
import type { CallOptions } from '@dagstore/io'
import { PieceStoreError } from './errors.ts'

/** One call, with JSON parameters; whole numbers beyond 2^53 come back as `bigint`. `call` of `createRpcClient` fits. */
export type RpcCallFunction = (method: string, params: readonly unknown[], options: CallOptions) => Promise<unknown>

/** Answers that are waited for at once. */
export const AT_ONCE = 16

/** @param system - for messages */
export const rpcCalls = (system: string, call: RpcCallFunction): {
  /** @throws {PieceStoreError} `PIECE_STORE_FAILED`, or the signal's reason */
  ask (method: string, params: readonly unknown[], options: CallOptions): Promise<unknown>
  /** The same, but `undefined` where the other side says that there is no such thing. */
  find (method: string, params: readonly unknown[], options: CallOptions): Promise<unknown>
} => {
  const ask = async (method: string, params: readonly unknown[], { signal }: CallOptions): Promise<unknown> => {
    signal?.throwIfAborted()
    try {
      return await call(method, params, { signal })
    } catch (cause) {
      signal?.throwIfAborted()
      throw new PieceStoreError('PIECE_STORE_FAILED', `${system} cannot be asked; method=${method}`, { cause })
    }
  }
  return {
    ask,
    find: async (method, params, options) => {
      try {
        return await ask(method, params, options)
      } catch (error) {
        if (isAbsence(error)) return undefined
        throw error
      }
    },
  }
}

/** Lotus and Boost have no code of their own for it: an error of the method (number 1) whose text says so. */
const isAbsence = (error: unknown): boolean => {
  const cause = error instanceof PieceStoreError ? error.cause : undefined
  return cause instanceof Error && 'number' in cause && cause.number === 1 && cause.message.includes('not found')
}

/** The answers in the order of `items`, some asked for ahead. Questions under way are withdrawn when it is left. */
export async function * askEach<I, A> (items: Iterable<I>, question: (item: I, options: CallOptions) => Promise<A>, { signal }: CallOptions): AsyncGenerator<readonly [I, A], void, undefined> {
  const left = new AbortController()
  const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  const waiting: (readonly [I, Promise<A>])[] = []
  const next = async (): Promise<readonly [I, A]> => {
    const [item, answer] = waiting.shift()!
    return [item, await answer]
  }
  try {
    for (const item of items) {
      const answer = question(item, { signal: either })
      answer.catch(() => {}) // is told when its turn comes, or nobody wants it any more
      waiting.push([item, answer])
      if (waiting.length === AT_ONCE) yield await next()
    }
    while (waiting.length > 0) yield await next()
  } finally {
    left.abort()
  }
}
