/**
 * The connection to a daemon: whether it is there is asked by POST, all else over a WebSocket, opened by the first call. `fetch` of Node
 * gives up on an answer that does not begin within five minutes, and shards take longer than that.
 */
import { createRpcClient, type RpcClient } from '@dagstore/json-rpc'
import { createLotusClient, type LotusApi } from '@dagstore/lotus-api'
import type { ApiAddress } from '../api-address.ts'
import { toRemote } from './remote-error.ts'

export interface RemoteClient {
  readonly api: LotusApi
  close (): Promise<void>
}

/** Nobody is asked yet. Calls reject with {@link RemoteError} where the daemon gave a code, else with `RpcError`. */
export const openRemoteClient = ({ url, token }: ApiAddress): RemoteClient => {
  const probe = createRpcClient({ url: `${url}/rpc/v0`, token })
  let opened: Promise<RpcClient> | undefined
  // loaded when there is somebody to ask
  const open = async (): Promise<RpcClient> => {
    const { WebSocket } = await import('ws')
    return createRpcClient({ url: `${url.replace(/^http/, 'ws')}/rpc/v0`, token, webSocket: (at, headers) => new WebSocket(at, { headers }) })
  }
  const api = createLotusClient({
    call: async (method, params, how) => {
      try {
        return await (method === 'Filecoin.Version' ? probe : await (opened ??= open())).call(method, params, how)
      } catch (error) {
        throw toRemote(error)
      }
    },
    stream: async function * (method, params, how) {
      try {
        yield * (await (opened ??= open())).stream(method, params, how)
      } catch (error) {
        throw toRemote(error)
      }
    },
  })
  return {
    api,
    close: async () => {
      await probe.close()
      await (await opened)?.close()
    },
  }
}
