/** The calling side: calls over HTTP or a WebSocket, streams over a WebSocket. */
import { RpcError } from './errors.ts'
import { httpCall, type HttpOptions } from './http-call.ts'
import { openSocket, type WebSocketLike } from './socket.ts'
import { socketCalls, type SocketCalls } from './socket-calls.ts'

export interface RpcClientOptions {
  /** `http`, `https`: calls by POST, streams over a WebSocket to the same place. `ws`, `wss`: all over one WebSocket. */
  readonly url: string | URL
  /** Spaces around it do not count; an empty one is none. Sent as `Authorization: Bearer`, and to WebSockets that take no headers as the parameter `token`. */
  readonly token?: string | undefined
  /** @default that of the platform */
  readonly fetch?: typeof fetch | undefined
  /**
   * Opens a WebSocket, with these headers where it can; used where the platform has none, and for peers that want a header.
   *
   * @default the platform's, with the token in the URL
   */
  readonly webSocket?: ((url: string, headers: Readonly<Record<string, string>>) => WebSocketLike) | undefined
  /** Characters of one answer or frame. @default 256 Mi */
  readonly maxAnswerLength?: number | undefined
  /** Values of one stream that came and were not taken yet; a stream that has more fails. @default 65,536 */
  readonly maxWaitingValues?: number | undefined
}

export interface RpcCallOptions {
  /** Withdraws the call; over a WebSocket the server is told. */
  readonly signal?: AbortSignal | undefined
}

/** Nothing is sent twice: whoever wants a call repeated knows whether that is safe. A lost WebSocket is opened anew by the next call. */
export interface RpcClient {
  /**
   * @throws {RpcError} what the method answered, by its number: `RPC_FAILED`, `RPC_UNKNOWN_METHOD`, `RPC_BAD_PARAMS`, …; `RPC_FORBIDDEN`:
   *   the token is not taken. `RPC_UNREACHABLE`. `RPC_BAD_ANSWER`. `RPC_CONNECTION_LOST`: nobody knows whether it was carried out.
   *   `RPC_CLOSED`
   */
  call (method: string, params?: readonly unknown[], options?: RpcCallOptions): Promise<unknown>
  /** The values of a stream; asked for when the iteration begins, cancelled when it is left. @throws {RpcError} as {@link call}; `RPC_TOO_MUCH` */
  stream (method: string, params?: readonly unknown[], options?: RpcCallOptions): AsyncIterable<unknown>
  /** What is under way is refused with `RPC_CLOSED`. Idempotent. */
  close (): Promise<void>
}

/** @throws {TypeError} a URL of another scheme, or none; a token that no header can hold */
export const createRpcClient = (options: RpcClientOptions): RpcClient => {
  const { maxAnswerLength = 1 << 28, maxWaitingValues = 1 << 16 } = options
  const token = options.token?.trim() || undefined
  const url = new URL(options.url)
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:'
  if (!isHttp && url.protocol !== 'ws:' && url.protocol !== 'wss:') throw new TypeError(`scheme; want=http, https, ws or wss got=${url.protocol.slice(0, -1)}`)
  // what a header cannot hold would be repeated by the error of whoever sends it
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new TypeError('token; want=characters without spaces')
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const http: HttpOptions = { url, headers, fetch: options.fetch ?? fetch, maxAnswerLength }
  const stop = new AbortController()
  let current: SocketCalls | undefined
  let opening: Promise<SocketCalls> | undefined

  const connect = async (): Promise<SocketCalls> => {
    const at = new URL(url)
    at.protocol = url.protocol.replace('http', 'ws')
    try {
      current = socketCalls(await openSocket(openWith(options, at, headers, token)), { maxAnswerLength, maxWaitingValues })
    } catch (cause) {
      throw cause instanceof RpcError ? cause : new RpcError('RPC_UNREACHABLE', `no WebSocket could be opened; host=${url.host}`, { cause })
    }
    if (stop.signal.aborted) current.close()
    return current
  }

  /** The one that is open, else one for all who wait. */
  const socket = (signal: AbortSignal | undefined): Promise<SocketCalls> => {
    if (current !== undefined && !current.isClosed) return Promise.resolve(current)
    opening ??= connect().finally(() => { opening = undefined })
    return abortable(opening, joined(signal))
  }

  // one of its own for each call, since platforms warn of a signal with more than a few listeners
  const joined = (signal: AbortSignal | undefined): AbortSignal => AbortSignal.any(signal === undefined ? [stop.signal] : [signal, stop.signal])
  const own = (signal: AbortSignal | undefined): AbortSignal | undefined => (signal === undefined ? undefined : AbortSignal.any([signal]))

  const check = (signal: AbortSignal | undefined): void => {
    signal?.throwIfAborted()
    stop.signal.throwIfAborted()
  }

  return {
    call: async (method, params = [], { signal } = {}) => {
      check(signal)
      if (!isHttp) return (await socket(signal)).call(method, params, own(signal))
      return httpCall(http, method, params, joined(signal))
    },
    stream: async function * (method, params = [], { signal } = {}) {
      check(signal)
      yield * (await socket(signal)).stream(method, params, own(signal))
    },
    close: async () => {
      if (stop.signal.aborted) return
      stop.abort(new RpcError('RPC_CLOSED', 'client is closed'))
      current?.close()
    },
  }
}

const abortable = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => new Promise((resolve, reject) => {
  const onAbort = (): void => { reject(signal.reason) }
  signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, reject).finally(() => { signal.removeEventListener('abort', onAbort) })
})

const openWith = ({ webSocket }: RpcClientOptions, at: URL, headers: Readonly<Record<string, string>>, token: string | undefined): WebSocketLike => {
  if (webSocket !== undefined) return webSocket(at.href, headers)
  const Platform = (globalThis as { readonly WebSocket?: new (url: string) => WebSocketLike }).WebSocket
  if (Platform === undefined) throw new RpcError('RPC_UNREACHABLE', 'this platform has no WebSocket; give one with the option webSocket')
  const named = new URL(at)
  if (token !== undefined) named.searchParams.set('token', token)
  return new Platform(named.href)
}
