/** Clients and servers written for Lotus, on go-jsonrpc, at the other end of ours. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { createRpcClient, createRpcServer, openSocket, type WebSocketLike } from '@dagstore/json-rpc'
import WebSocket, { WebSocketServer } from 'ws'
import { describe, expect, it } from 'vitest'
import { useGo } from './go-program.ts'

const { go } = useGo()

/** What `jsonrpc call` calls. */
const serve = async (): Promise<{ readonly host: string, close(): void }> => {
  const ended: string[] = []
  const server = createRpcServer<string>({
    methods: {
      'Filecoin.Echo': { required: 1, handle: ([n]) => n },
      'Filecoin.Who': { required: 0, handle: (_params, { context }) => context },
      'Filecoin.Void': { required: 0, handle: () => undefined },
      'Filecoin.Fails': { required: 0, handle: () => { throw Object.assign(new Error('dagstore not available on this node'), { code: 'X' }) } },
      'Filecoin.Wait': { required: 0, handle: (_params, { signal }) => new Promise((_resolve, reject) => { signal.addEventListener('abort', () => { ended.push('Wait'); reject(signal.reason as Error) }) }) },
      'Filecoin.Count': { required: 1, stream: true, handle: async function * ([most]) { try { for (let i = 1; i <= Number(most); i++) { await turn(); yield i } } finally { if (Number(most) > 100) ended.push('Count') } } },
      'Filecoin.Ended': { required: 0, handle: () => ended },
    },
  })
  const http = createServer((request, response) => {
    void (async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk as Uint8Array)
      const { status, body } = await server.answer(Buffer.concat(chunks).toString(), { context: request.headers.authorization ?? '' })
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })()
  })
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', (socket, request) => {
    void openSocket(socket as unknown as WebSocketLike).then((opened) => {
      const send = (text: string): Promise<void> => new Promise((resolve, reject) => { socket.send(text, (error) => { if (error == null) resolve(); else reject(error) }) })
      server.connect({ ...opened, send }, { context: request.headers.authorization ?? '' })
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    host: `127.0.0.1:${(http.address() as AddressInfo).port}/rpc/v0`,
    close: () => {
      for (const socket of sockets.clients) socket.terminate()
      http.close()
      http.closeAllConnections()
    },
  }
}

describe('a client of go-jsonrpc on our server', () => {
  const told = { exact: true, who: 'Bearer token', void: '', fails: 'dagstore not available on this node', missing: "RPC error (-32601): method 'Filecoin.Missing' not found" }

  it('gets over HTTP what it gets from Lotus', async (context) => {
    const { callRpc } = go(context)
    const { host, close } = await serve()
    expect(await callRpc(`http://${host}`, 'token')).toMatchObject({ ...told, streams: false })
    close()
  })
  it('gets over a WebSocket the same, streams, and the end of what it leaves', async (context) => {
    const { callRpc } = go(context)
    const { host, close } = await serve()
    const report = await callRpc(`ws://${host}`, 'token')
    expect(report).toMatchObject({ ...told, streams: true, waited: 'call was cancelled', count: Array.from({ length: 100 }, (_, i) => i + 1) })
    expect(report['ended']).toEqual(expect.arrayContaining(['Wait', 'Count']))
    close()
  })
})

describe('our client on a server of go-jsonrpc', () => {
  it.for(['http', 'ws'])('calls, and leaves streams, over %s', async (kind, context) => {
    const server = await go(context).serveRpc()
    const rpc = createRpcClient({ url: server.url.replace('http', kind), webSocket: (url, headers) => new WebSocket(url, { headers }) as unknown as WebSocketLike })
    try {
      expect(await rpc.call('Filecoin.Echo', [18446744073709551615n])).toBe(18446744073709551615n)
      expect(await rpc.call('Filecoin.Void') ?? null).toBeNull()
      await expect(rpc.call('Filecoin.Fails')).rejects.toMatchObject({ code: 'RPC_FAILED', number: 1, message: 'no such shard' })
      await expect(rpc.call('Filecoin.Nope')).rejects.toMatchObject({ code: 'RPC_UNKNOWN_METHOD' })
      await expect(rpc.call('Filecoin.Echo')).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
      const values: unknown[] = []
      for await (const value of rpc.stream('Filecoin.Count', [50])) values.push(value)
      expect(values).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
      for await (const value of rpc.stream('Filecoin.Count', [2 ** 40])) if (value === 5) break
      while (await rpc.call('Filecoin.Left') !== 1) await turn()
    } finally {
      await rpc.close()
      server.stop()
    }
  })
})
