/** The methods as a server serves them: each call is counted and told, and none begins once the server is leaving. */
import { type Clock, type Count, onAbort, withdrawable } from '@dagstore/io'
import { RpcError, type RpcMethod, type RpcMethods, type RpcStreamMethod } from '@dagstore/json-rpc'
import type { LotusContext } from '@dagstore/lotus-api'

export interface CallContext extends LotusContext {
  /** Address of the caller. */
  readonly client: string
}

/** What a server tells: never a token, a parameter or a result. */
export type ServerEvent =
  /** `code`: of its error; `undefined` where it had none. A stream is told when it ends. */
  | { readonly type: 'call', readonly method: string, readonly client: string, readonly ms: number, readonly code: string | undefined }
  /** Before it came to a call. `reason`: `host`, `origin`, `token`, `anonymous`, `path`, `method`, `too-many`, `too-big`, `too-slow`, `no-room`, `leaving`. */
  | { readonly type: 'refused', readonly client: string, readonly path: string, readonly reason: string }
  /** A connection could not be taken, for want of descriptors perhaps; or what stands behind a path has failed. */
  | { readonly type: 'failed', readonly message: string }
  /** A socket was opened or has closed. */
  | { readonly type: 'socket', readonly client: string, readonly open: boolean }

interface Watch {
  readonly clock: Pick<Clock, 'monotonic'>
  /** Calls under way. */
  readonly calls: Count
  /** Aborted when the server begins to leave: streams end then, with its reason. */
  readonly leaving: AbortSignal
  readonly tell: (event: ServerEvent) => void
}

type Served = RpcMethods<CallContext>

export const servedMethods = (methods: RpcMethods<LotusContext>, watch: Watch): Served =>
  Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, served(name, method, watch)]))

const served = (name: string, method: RpcMethod<LotusContext> | RpcStreamMethod<LotusContext>, { clock, calls, leaving, tell }: Watch): RpcMethod<CallContext> | RpcStreamMethod<CallContext> => {
  const begin = (client: string): ((error?: unknown) => void) => {
    const started = clock.monotonic()
    const leave = calls.enter(client)
    const end = (error?: unknown): void => {
      leave?.()
      tell({ type: 'call', method: name, client, ms: clock.monotonic() - started, code: error === undefined ? undefined : codeOf(error) })
    }
    if (leave !== undefined) return end
    const refusal = new RpcError('RPC_TOO_MUCH', 'too many calls of one client are under way')
    end(refusal)
    throw refusal
  }
  if (method.stream === true) {
    return {
      ...method,
      handle: async (params, call) => {
        const end = begin(call.context.client)
        const { signal, forget } = joined(call.signal, leaving)
        const finish = (error?: unknown): void => {
          forget()
          end(error)
        }
        try {
          return watched(await method.handle(params, { ...call, signal }), signal, finish)
        } catch (error) {
          finish(error)
          throw error
        }
      },
    }
  }
  return {
    ...method,
    handle: async (params, call) => {
      const end = begin(call.context.client)
      try {
        leaving.throwIfAborted()
        const result: unknown = await method.handle(params, call)
        end()
        return result
      } catch (error) {
        end(error)
        throw error
      }
    },
  }
}

/** Aborted with the first of both. What is joined to a signal that lives long is to be forgotten. */
const joined = (...signals: readonly AbortSignal[]): { readonly signal: AbortSignal, forget (): void } => {
  const both = new AbortController()
  const unwatch = signals.map((signal) => {
    if (signal.aborted) both.abort(signal.reason)
    return onAbort(signal, () => { both.abort(signal.reason) })
  })
  return { signal: both.signal, forget: () => { for (const one of unwatch) one() } }
}

const codeOf = (error: unknown): string => {
  if (error instanceof RpcError && typeof error.data === 'object' && error.data !== null && 'code' in error.data) return String(error.data.code)
  return error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
}

/**
 * Fails with the reason of the signal, also where the iteration waits for its next value; then it is told to end, and not waited for.
 * No generator: one that is left before it begins would not finish.
 */
const watched = (values: AsyncIterable<unknown>, signal: AbortSignal, finish: (error?: unknown) => void): AsyncIterable<unknown> => {
  const iterator = values[Symbol.asyncIterator]()
  let isOver = false
  const end = async (failure?: unknown): Promise<void> => {
    if (isOver) return
    isOver = true
    finish(failure)
    const left = iterator.return?.()
    if (signal.aborted || failure !== undefined) left?.catch(() => {}) // the failure is the one to tell
    else await left
  }
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        try {
          if (isOver) return { done: true, value: undefined }
          signal.throwIfAborted()
          const result = await withdrawable(iterator.next(), signal)
          if (result.done === true) await end()
          return result
        } catch (error) {
          await end(error)
          throw error
        }
      },
      return: async () => {
        await end()
        return { done: true, value: undefined }
      },
    }),
  }
}
