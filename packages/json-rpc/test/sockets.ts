/** Sockets for tests: one whose other end is the test itself, and real ones on this machine. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import WebSocket, { WebSocketServer } from 'ws'
import { openSocket, parseJson, type RpcConnection, type RpcServer, type RpcSocket, type SocketListener, type WebSocketLike } from '../src/index.ts'

export interface FakeSocket extends RpcSocket {
  /** What was sent, read. */
  readonly sent: unknown[]
  readonly closings: { readonly code: number, readonly reason: string }[]
  /** From the other end. */
  receive (message: unknown): void
  leave (reason?: string): void
  /** While it is set, what is sent waits for it. */
  held: Promise<void> | undefined
}

export const fakeSocket = (): FakeSocket => {
  let listener: SocketListener | undefined
  const socket: FakeSocket = {
    sent: [],
    closings: [],
    held: undefined,
    send: async (text) => {
      await turn() // a real one takes its time
      await socket.held
      socket.sent.push(parseJson(text))
    },
    close: (code, reason) => { socket.closings.push({ code, reason }) },
    listen: (given) => { listener = given },
    receive: (message) => { listener?.message(typeof message === 'string' ? message : JSON.stringify(message)) },
    leave: (reason = 'gone') => { listener?.closed(reason) },
  }
  return socket
}

export interface Place {
  readonly http: string
  readonly ws: string
  readonly connections: RpcConnection[]
  /** Drop every socket, without a word. */
  drop (): void
  close (): Promise<void>
}

/** The server behind HTTP and WebSocket on this machine; the context is the header or parameter with the token. */
export const serve = async (server: RpcServer<string>): Promise<Place> => {
  const connections: RpcConnection[] = []
  const tokenOf = (headers: { readonly authorization?: string | undefined }, url = ''): string => headers.authorization ?? new URL(url, 'http://x').searchParams.get('token') ?? ''
  const http = createServer((request, response) => {
    void (async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk as Uint8Array)
      const context = tokenOf(request.headers, request.url)
      if (context === 'Bearer bad') { response.writeHead(401).end(); return }
      const { status, body } = await server.answer(Buffer.concat(chunks).toString(), { context })
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })()
  })
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', (socket, request) => {
    void served(socket).then((opened) => { connections.push(server.connect(opened, { context: tokenOf(request.headers, request.url) })) })
  })
  await new Promise<void>((resolve) => { http.listen(0, '127.0.0.1', resolve) })
  const { port } = http.address() as AddressInfo
  return {
    http: `http://127.0.0.1:${port}/rpc/v0`,
    ws: `ws://127.0.0.1:${port}/rpc/v0`,
    connections,
    drop: () => { for (const socket of sockets.clients) socket.terminate() },
    close: async () => {
      for (const connection of connections) await connection.close()
      for (const socket of sockets.clients) socket.terminate()
      await new Promise((resolve) => { http.close(resolve); http.closeAllConnections() })
    },
  }
}

/** What is sent is handed over when the system has it. */
const served = async (socket: WebSocket): Promise<RpcSocket> => ({
  ...await openSocket(socket as unknown as WebSocketLike),
  send: (text) => new Promise((resolve, reject) => { socket.send(text, (error) => { if (error == null) resolve(); else reject(error) }) }),
})

export const withHeaders = (url: string, headers: Readonly<Record<string, string>>): WebSocketLike => new WebSocket(url, { headers }) as unknown as WebSocketLike
