/** Calls and streams over one WebSocket. Source: go-jsonrpc `websocket.go`. */
import { RpcError, fromWireError } from './errors.ts'
import { resultOf } from './http-call.ts'
import { parseJson, toJson } from './json.ts'
import { CANCEL, CLOSE, VALUE } from './message.ts'
import type { RpcSocket } from './socket.ts'
import { ValueQueue } from './value-queue.ts'

export interface SocketCalls {
  readonly isClosed: boolean
  call (method: string, params: readonly unknown[], signal: AbortSignal | undefined): Promise<unknown>
  stream (method: string, params: readonly unknown[], signal: AbortSignal | undefined): AsyncGenerator<unknown, void, undefined>
  close (): void
}

interface Waiting {
  readonly answer: (answer: object) => void
  readonly refuse: (error: unknown) => void
}

export interface SocketCallLimits { readonly maxAnswerLength: number, readonly maxWaitingValues: number }

export const socketCalls = (socket: RpcSocket, { maxAnswerLength, maxWaitingValues }: SocketCallLimits): SocketCalls => {
  const waiting = new Map<number, Waiting>()
  const channels = new Map<string, ValueQueue>()
  let ids = 0
  let over: RpcError | undefined

  const end = (error: RpcError): void => {
    if (over !== undefined) return
    over = error
    for (const { refuse } of waiting.values()) refuse(error)
    for (const queue of channels.values()) queue.end(error)
    waiting.clear()
    channels.clear()
    socket.close(1000, 'done')
  }

  const send = (message: object): Promise<void> => socket.send(toJson({ jsonrpc: '2.0', ...message }))

  const cancel = (id: number): void => {
    if (over === undefined) void send({ method: CANCEL, params: [id] }).catch(() => {}) // its closing tells who waits
  }

  /** @param settled - runs with the answer at once, before the next message is read */
  const ask = async <T>(method: string, params: readonly unknown[], signal: AbortSignal | undefined, settled: (result: unknown, id: number) => T): Promise<T> => {
    signal?.throwIfAborted()
    if (over !== undefined) throw over
    const id = ++ids
    let withdraw: () => void = () => {}
    try {
      return await new Promise<T>((resolve, reject) => {
        withdraw = () => {
          waiting.delete(id)
          cancel(id)
          reject(signal?.reason)
        }
        waiting.set(id, {
          answer: (answer) => {
            try {
              resolve(settled(resultOf(answer, method), id))
            } catch (error) {
              reject(error)
            }
          },
          refuse: reject,
        })
        signal?.addEventListener('abort', withdraw, { once: true })
        send({ id, method, params }).catch((cause: unknown) => {
          waiting.delete(id)
          reject(over ?? new RpcError('RPC_CONNECTION_LOST', `call could not be sent; method=${method}`, { cause }))
        })
      })
    } finally {
      signal?.removeEventListener('abort', withdraw)
    }
  }

  const take = (text: string): void => {
    if (text.length > maxAnswerLength) return end(new RpcError('RPC_BAD_ANSWER', `message is too long; most=${maxAnswerLength}`))
    let message: unknown
    try {
      message = parseJson(text)
    } catch (cause) {
      return end(new RpcError('RPC_BAD_ANSWER', 'message is no JSON', { cause }))
    }
    if (typeof message !== 'object' || message === null) return
    const { method, params, id } = message as { readonly method?: unknown, readonly params?: unknown, readonly id?: unknown }
    if (typeof id === 'number' && (method === undefined || method === '')) {
      const call = waiting.get(id)
      waiting.delete(id)
      call?.answer(message)
      return
    }
    if (!Array.isArray(params)) return
    const [channel, value] = params as readonly unknown[]
    const queue = channels.get(String(channel))
    if (method === VALUE) queue?.push(value)
    if (method !== CLOSE) return
    channels.delete(String(channel))
    queue?.end(value === undefined ? undefined : fromWireError(value))
  }

  socket.listen({ message: take, closed: (reason) => { end(new RpcError('RPC_CONNECTION_LOST', `connection was lost: ${reason}`)) } })
  return {
    get isClosed () { return over !== undefined },
    call: (method, params, signal) => ask(method, params, signal, (result) => result),
    stream: async function * (method, params, signal) {
      const opened = await ask(method, params, signal, (result, id) => {
        if (typeof result !== 'number' && typeof result !== 'bigint') throw new RpcError('RPC_BAD_ANSWER', `not a channel; method=${method}`)
        const queue = new ValueQueue(maxWaitingValues, method)
        channels.set(String(result), queue)
        return { id, channel: String(result), queue }
      })
      const onAbort = (): void => { opened.queue.drop(signal?.reason) }
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        yield * opened.queue.values()
      } finally {
        signal?.removeEventListener('abort', onAbort)
        // values that are on their way come to nobody
        if (channels.delete(opened.channel)) cancel(opened.id)
      }
    },
    close: () => { end(new RpcError('RPC_CLOSED', 'client is closed')) },
  }
}
