/** The connection to a daemon: calls by POST, a WebSocket for streams, opened by the first of them. */
import { createRpcClient, type RpcClient, type WebSocketLike } from '@dagstore/json-rpc'
import { createLotusClient, type LotusApi } from '@dagstore/lotus-api'
import type { ApiAddress } from '../api-address.ts'
import { toRemote } from './remote-error.ts'

export interface RemoteClient {
  readonly api: LotusApi
  close (): Promise<void>
}

/** Nobody is asked yet. Calls reject with {@link RemoteError} where the daemon gave a code, else with `RpcError`. */
export const openRemoteClient = ({ url, token }: ApiAddress): RemoteClient => {
  const options = { url: `${url}/rpc/v0`, token }
  const calls = createRpcClient(options)
  let streams: Promise<RpcClient> | undefined
  // loaded when there is a stream: most commands have none
  const openStreams = async (): Promise<RpcClient> => {
    const { WebSocket } = await import('ws')
    return createRpcClient({ ...options, webSocket: (at, headers) => new WebSocket(at, { headers }) as unknown as WebSocketLike })
  }
  const api = createLotusClient({
    call: async (method, params, how) => {
      try {
        return await calls.call(method, params, how)
      } catch (error) {
        throw toRemote(error)
      }
    },
    stream: async function * (method, params, how) {
      try {
        yield * (await (streams ??= openStreams())).stream(method, params, how)
      } catch (error) {
        throw toRemote(error)
      }
    },
  })
  return {
    api,
    close: async () => {
      await calls.close()
      await (await streams)?.close()
    },
  }
}
