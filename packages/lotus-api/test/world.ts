/** A client of an implementation, with all that is between them but the network. */
import { createRpcServer, type RpcClient, type RpcSocket, type SocketListener } from '@dagstore/json-rpc'
import { RpcError, parseJson, toJson } from '@dagstore/json-rpc'
import { createLotusClient, type LotusApi, methodsOf, type Permission } from '../src/index.ts'

export const ALL: readonly Permission[] = ['read', 'write', 'sign', 'admin']

/** @param sent - is given each message as it goes over the wire */
export const connect = (api: Partial<LotusApi>, { permissions = ALL, sent = () => {} }: { readonly permissions?: readonly Permission[], readonly sent?: (text: string) => void } = {}): LotusApi => {
  const server = createRpcServer({ methods: methodsOf(api) })
  const context = { permissions }
  const rpc: Pick<RpcClient, 'call' | 'stream'> = {
    call: async (method, params = [], options = {}) => {
      const body = toJson({ jsonrpc: '2.0', id: 1, method, params })
      sent(body)
      const answer = await server.answer(body, { context, ...(options.signal === undefined ? {} : { signal: options.signal }) })
      sent(answer.body ?? '')
      const { result, error } = parseJson(answer.body ?? '{}') as { result?: unknown, error?: { code: number, message: string, data?: unknown } }
      if (error !== undefined) throw new RpcError('RPC_FAILED', error.message, { number: error.code, data: error.data })
      return result
    },
    stream: async function * (method, params = [], { signal } = {}) {
      let listener: SocketListener | undefined
      const messages: string[] = []
      let wake = (): void => {}
      const socket: RpcSocket = {
        send: async (text) => { messages.push(text); wake() },
        close: () => {},
        listen: (given) => { listener = given },
      }
      const connection = server.connect(socket, { context })
      listener?.message(toJson({ id: 1, method, params }))
      signal?.addEventListener('abort', () => { listener?.message(toJson({ method: 'xrpc.cancel', params: [1] })) })
      try {
        for (;;) {
          const text = messages.shift()
          if (text === undefined) {
            await new Promise<void>((resolve) => { wake = resolve })
            continue
          }
          sent(text)
          const message = parseJson(text) as { id?: unknown, error?: { code: number, message: string }, method?: string, params?: unknown[] }
          if (message.error !== undefined) throw new RpcError('RPC_FAILED', message.error.message, { number: message.error.code })
          if (message.method === 'xrpc.ch.val') yield message.params?.[1]
          if (message.method === 'xrpc.ch.close') return
        }
      } finally {
        await connection.close()
      }
    },
  }
  return createLotusClient(rpc)
}
