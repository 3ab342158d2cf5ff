/** The serving side: one request or batch over HTTP, any number of calls over a WebSocket. */
import { errorText, resultText } from './answer.ts'
import { type RpcConnection, serveSocket } from './connection.ts'
import { RpcError } from './errors.ts'
import { parseJson } from './json.ts'
import { idOf, readRequest, type RpcRequest } from './message.ts'
import { findMethod, type RpcMethods } from './method.ts'
import type { RpcSocket } from './socket.ts'

export interface RpcLimits {
  /** Of one request, batch or frame, in characters. @default 16 Mi */
  readonly maxMessageLength?: number
  /** Requests in one batch. @default 100 */
  readonly maxBatch?: number
  /** Of the answers of one batch, in characters: calls behind that are refused. @default 64 Mi */
  readonly maxAnswersLength?: number
  /** Calls of one connection that are under way, streams included. @default 256 */
  readonly maxCalls?: number
}

export interface RpcServerOptions<C> {
  readonly methods: RpcMethods<C>
  readonly limits?: RpcLimits
}

export interface AnswerOptions<C> {
  readonly context: C
  /** Aborts the call, as the peer leaving does. */
  readonly signal?: AbortSignal
}

/** Of one HTTP request. */
export interface HttpAnswer {
  readonly status: 200 | 400 | 500
  /** `undefined`: nothing but notifications was asked. */
  readonly body: string | undefined
}

export interface RpcServer<C> {
  /** Never rejects: whatever is wrong is in the answer. Calls of a batch run one after another, as they stand. */
  answer (body: string, options: AnswerOptions<C>): Promise<HttpAnswer>
  /** Serve an open socket until it closes. */
  connect (socket: RpcSocket, options: { readonly context: C }): RpcConnection
}

const DEFAULTS: Required<RpcLimits> = { maxMessageLength: 1 << 24, maxBatch: 100, maxAnswersLength: 1 << 26, maxCalls: 256 }

/** @throws {RangeError} a limit that is no whole number above 0 */
export const createRpcServer = <C>({ methods, limits = {} }: RpcServerOptions<C>): RpcServer<C> => {
  const bounds = { ...DEFAULTS, ...limits }
  for (const [name, value] of Object.entries(bounds)) if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name}; want=a whole number above 0 got=${value}`)
  return {
    answer: async (body, options) => {
      try {
        if (body.length > bounds.maxMessageLength) throw new RpcError('RPC_BAD_MESSAGE', `request bigger than maximum ${bounds.maxMessageLength} allowed`)
        if (body.trim() === '') throw new RpcError('RPC_BAD_REQUEST', 'Invalid request')
        const message = parseJson(body)
        if (!Array.isArray(message)) return await answerOne(methods, message, options)
        if (message.length === 0) throw new RpcError('RPC_BAD_REQUEST', 'Invalid request')
        if (message.length > bounds.maxBatch) throw new RpcError('RPC_TOO_MUCH', `too many requests in a batch; most=${bounds.maxBatch} got=${message.length}`)
        const bodies: string[] = []
        let length = 0
        for (const item of message) {
          const id = idOf(item)
          const body = length > bounds.maxAnswersLength && id !== undefined
            ? errorText(id, new RpcError('RPC_TOO_MUCH', `answers of the batch are too long; most=${bounds.maxAnswersLength}`))
            : (await answerOne(methods, item, options)).body
          if (body === undefined) continue
          bodies.push(body)
          length += body.length
        }
        return { status: 200, body: bodies.length === 0 ? undefined : `[${bodies.join(',')}]` }
      } catch (error) {
        return { status: statusOf(error), body: errorText(undefined, error) }
      }
    },
    connect: (socket, { context }) => serveSocket({ socket, methods, context, limits: bounds }),
  }
}

const answerOne = async <C>(methods: RpcMethods<C>, message: unknown, { context, signal = new AbortController().signal }: AnswerOptions<C>): Promise<HttpAnswer> => {
  let request: RpcRequest | undefined
  try {
    request = readRequest(message)
    signal.throwIfAborted()
    const result: unknown = await findMethod(methods, request, false).handle(request.params, { signal, context })
    return { status: 200, body: request.id === undefined ? undefined : resultText(request.id, result) }
  } catch (error) {
    const isNotification = request !== undefined && request.id === undefined
    return { status: statusOf(error), body: isNotification ? undefined : errorText(request?.id ?? idOf(message), error) }
  }
}

/** What a method says is an answer like any other; what is wrong with a request is told by the status too. */
const statusOf = (error: unknown): 200 | 400 | 500 => {
  if (!(error instanceof RpcError) || error.number > -32000) return 200
  return error.code === 'RPC_BAD_REQUEST' ? 400 : 500
}
