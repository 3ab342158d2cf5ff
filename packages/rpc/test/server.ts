/** A server on this machine for tests, and callers of it. */
import { connect, type Socket } from 'node:net'
import { createRpcClient, type RpcClient } from '@dagstore/json-rpc'
import { createLotusClient, type LotusApi, type Permission } from '@dagstore/lotus-api'
import { onTestFinished } from 'vitest'
import WebSocket from 'ws'
import { createTokens, type RpcHttpServer, type ServeOptions, type ServerEvent, serveRpc, type Tokens } from '../src/index.ts'

export const SECRET: Uint8Array = new Uint8Array(32).fill(7)

export interface World {
  readonly server: RpcHttpServer
  readonly tokens: Tokens
  readonly events: ServerEvent[]
  readonly url: string
  client (permissions?: readonly Permission[], how?: 'http' | 'ws'): LotusApi & { close (): Promise<void> }
  /** One POST. */
  post (body: string, headers?: Record<string, string>, path?: string): Promise<Response>
  /** Bytes as they are, and what came back until the server closed or `until` matches. */
  raw (bytes: string | readonly string[], until?: RegExp): Promise<string>
  open (): Promise<Socket>
  close (): Promise<void>
}

export const serve = async (options: Partial<ServeOptions> = {}): Promise<World> => {
  const tokens = createTokens(SECRET)
  const events: ServerEvent[] = []
  const server = await serveRpc({ api: {}, tokens, listen: { port: 0 }, onEvent: (event) => { events.push(event) }, ...options })
  const { url, host, port } = server.address
  const clients: RpcClient[] = []
  const open = (): Promise<Socket> => new Promise((resolve, reject) => {
    const socket: Socket = connect({ host, port }, () => { resolve(socket) })
    socket.on('error', reject)
  })
  return {
    server,
    tokens,
    events,
    url,
    client: (permissions, how = 'ws') => {
      const rpc = createRpcClient({
        url: `${how === 'ws' ? url.replace('http', 'ws') : url}/rpc/v0`,
        token: permissions === undefined ? undefined : tokens.sign(permissions),
        webSocket: (to, headers) => new WebSocket(to, { headers }),
      })
      clients.push(rpc)
      return { ...createLotusClient(rpc), close: () => rpc.close() }
    },
    post: (body, headers = {}, path = '/rpc/v0') => {
      const send = (): Promise<Response> => fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
      // a connection that nobody used may be closed just as it is used again
      return send().catch((error: unknown) => isReset(error) ? send() : Promise.reject(error))
    },
    raw: async (bytes, until) => {
      const socket = await open()
      return new Promise((resolve) => {
        let text = ''
        const done = (): void => { socket.destroy(); resolve(text) }
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString('latin1')
          if (until?.test(text) === true) done()
        })
        socket.on('close', done)
        socket.on('error', done)
        for (const part of typeof bytes === 'string' ? [bytes] : bytes) socket.write(part, 'latin1')
      })
    },
    open,
    close: async () => {
      for (const client of clients) await client.close()
      await server.close()
    },
  }
}

/** The same, closed when the test is over. */
export const serveInTest = async (options: Partial<ServeOptions> = {}): Promise<World> => {
  const world = await serve(options)
  onTestFinished(() => world.close())
  return world
}

export const call = (method: string, params: readonly unknown[] = []): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method: `Filecoin.${method}`, params })

const isReset = (error: unknown): boolean => error instanceof TypeError && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ECONNRESET'
