/** One WebSocket from the serving side: calls side by side, and streams. Source: go-jsonrpc `websocket.go`. */
import { errorText, resultText } from './answer.ts'
import { RpcError, toWireError } from './errors.ts'
import { parseJson, toJson } from './json.ts'
import { CANCEL, CLOSE, idKey, idOf, readRequest, type RpcId, type RpcRequest, VALUE } from './message.ts'
import { findMethod, type RpcMethods } from './method.ts'
import type { RpcSocket } from './socket.ts'

export interface RpcConnection {
  /** Calls that are under way, streams included. */
  readonly calls: number
  /** Resolves when the socket is closed and every call has ended. */
  readonly closed: Promise<void>
  /** Take no more calls; resolves when those that are under way have ended and are answered, streams included. */
  drain (): Promise<void>
  /** Abort all calls and close the socket; resolves as `closed` does. */
  close (reason?: string): Promise<void>
}

interface ConnectionParts<C> {
  readonly socket: RpcSocket
  readonly methods: RpcMethods<C>
  readonly context: C
  readonly limits: { readonly maxMessageLength: number, readonly maxCalls: number }
}

/** WebSocket: the endpoint is going away, a message is too big. */
const GOING_AWAY = 1001
const TOO_BIG = 1009

export const serveSocket = <C>({ socket, methods, context, limits }: ConnectionParts<C>): RpcConnection => {
  /** Of calls and streams under way, by the key of the id; of notifications, by a symbol. */
  const running = new Map<string | symbol, AbortController>()
  const tasks = new Set<Promise<void>>()
  let channels = 0
  let isClosed = false
  let isDraining = false
  let ended: () => void = () => {}
  const closed = new Promise<void>((resolve) => { ended = resolve })

  /** A peer that is gone gets nothing; its closing ends what there is to end. */
  const send = async (text: string): Promise<void> => {
    if (!isClosed) await socket.send(text).catch(() => { finish('peer is gone') })
  }

  const finish = (reason: string): void => {
    if (isClosed) return
    isClosed = true
    const why = new RpcError('RPC_CLOSED', `connection is closed: ${reason}`)
    for (const stop of running.values()) stop.abort(why)
    socket.close(GOING_AWAY, reason)
    void Promise.all(tasks).then(ended)
  }

  const stream = async (id: RpcId, values: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> => {
    const channel = ++channels
    await send(resultText(id, channel))
    let failure: unknown
    try {
      for await (const value of untilAborted(values, signal)) await send(toJson({ jsonrpc: '2.0', method: VALUE, params: [channel, value ?? null] }))
    } catch (error) {
      failure = error
    }
    // Go reads the first parameter only; the second is why it ended early
    const why = failure === undefined || signal.aborted ? [] : [toWireError(failure)]
    await send(toJson({ jsonrpc: '2.0', method: CLOSE, params: [channel, ...why] }))
  }

  const run = async (request: RpcRequest, signal: AbortSignal): Promise<void> => {
    const { id } = request
    try {
      const method = findMethod(methods, request, true)
      // of a stream without an id nobody could take a value, or end it
      if (method.stream === true && id === undefined) return
      const result: unknown = await method.handle(request.params, { signal, context })
      if (id === undefined) return
      if (method.stream === true) await stream(id, result as AsyncIterable<unknown>, signal)
      else await send(resultText(id, result))
    } catch (error) {
      if (id !== undefined) await send(errorText(id, error))
    }
  }

  const start = (request: RpcRequest): void => {
    const key = request.id === undefined ? Symbol('notification') : idKey(request.id)
    const refusal = isDraining
      ? new RpcError('RPC_CLOSED', 'connection is closing', { data: { code: 'RPC_CLOSED' } })
      : running.size >= limits.maxCalls
      ? new RpcError('RPC_TOO_MUCH', `too many calls under way; most=${limits.maxCalls}`)
      : running.has(key) ? new RpcError('RPC_BAD_REQUEST', 'a call with this id is under way') : undefined
    if (refusal !== undefined) {
      if (request.id !== undefined) track(send(errorText(request.id, refusal)))
      return
    }
    const stop = new AbortController()
    running.set(key, stop)
    track(run(request, stop.signal).finally(() => { running.delete(key) }))
  }

  const track = (work: Promise<void>): void => {
    const task = work.finally(() => { tasks.delete(task) })
    tasks.add(task)
  }

  const take = (text: string): void => {
    if (isClosed) return
    if (text.length > limits.maxMessageLength) {
      socket.close(TOO_BIG, 'message too big')
      return finish('message too big')
    }
    let message: unknown
    try {
      message = parseJson(text)
      // answers and values are of calls that the serving side would have made
      if (typeof message === 'object' && message !== null && !('method' in message) && ('result' in message || 'error' in message)) return
      const request = readRequest(message)
      if (request.method === CANCEL) running.get(cancelled(request))?.abort(new RpcError('RPC_CLOSED', 'call was cancelled'))
      else if (request.method !== VALUE && request.method !== CLOSE) start(request)
    } catch (error) {
      track(send(errorText(idOf(message), error)))
    }
  }

  socket.listen({ message: take, closed: finish })
  return {
    get calls () { return running.size },
    closed,
    drain: async () => {
      isDraining = true
      while (tasks.size > 0) await Promise.all(tasks)
    },
    close: (reason = 'server is closing') => {
      finish(reason)
      return closed
    },
  }
}

const cancelled = ({ params: [id] }: RpcRequest): string => typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? idKey(id) : ''

/** Ends with the signal, also where the iteration waits for its next value; then it is told to end, and not waited for. */
async function * untilAborted (values: AsyncIterable<unknown>, signal: AbortSignal): AsyncGenerator<unknown, void, undefined> {
  const iterator = values[Symbol.asyncIterator]()
  let wake: () => void = () => {}
  const onAbort = (): void => { wake() }
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      // a race with one promise of the signal would keep something for each value that has ever come
      const next = await new Promise<IteratorResult<unknown> | undefined>((resolve, reject) => {
        wake = () => { resolve(undefined) }
        iterator.next().then(resolve, reject)
      })
      if (next === undefined || next.done === true) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    const left = iterator.return?.()
    if (signal.aborted) left?.catch(() => {}) // nobody listens any more
    else await left
  }
}
