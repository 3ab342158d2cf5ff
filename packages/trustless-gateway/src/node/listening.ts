/** The listening socket: with or without TLS, and which version of HTTP each connection speaks. */
import { createServer as createHttpServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { GatewayServerError } from './errors.ts'
import { tellProtocol } from './protocol.ts'
import type { CheckedServerLimits } from './server-limits.ts'
import type { TlsPair } from './tls-files.ts'

export interface ListenOptions {
  /** Asked about each connection before anything is read from it; `false`: it has been destroyed. */
  readonly admit: (socket: Socket) => boolean
  readonly limits: CheckedServerLimits
  /** Told of each connection when it is about to speak HTTP: after the handshake of TLS, where there is one. */
  readonly opened: (socket: Socket) => void
  /** `undefined`: without TLS. */
  readonly tls: TlsPair | undefined
  /** Takes a connection of HTTP/2; `undefined`: there is none. */
  readonly http2: ((socket: Socket) => void) | undefined
}

export interface Listening {
  /** Gives `request`, `clientError`, `timeout`. */
  readonly server: Server
  setTls (pair: TlsPair): void
  listen (host: string, port: number): Promise<ServerAddress>
  /** Takes no more connections; resolves when the last one is gone. */
  end (): Promise<void>
}

export interface ServerAddress { readonly host: string, readonly port: number, readonly url: string }

const MIN_TLS = 'TLSv1.2'

export const createListening = ({ admit, opened, limits, tls, http2 }: ListenOptions): Listening => {
  const options: ServerOptions = {
    headersTimeout: limits.headersMs,
    // a body is not read, so there is nothing to wait for
    requestTimeout: limits.headersMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(5000, Math.ceil(limits.headersMs / 2)),
    maxHeaderSize: limits.maxHeaderBytes,
    // a peer that is gone without a word
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    noDelay: true,
  }
  const secure = tls === undefined ? undefined : createHttpsServer({
    ...options, ...bytesOf(tls), minVersion: MIN_TLS, handshakeTimeout: limits.headersMs, ALPNProtocols: http2 === undefined ? ['http/1.1'] : ['h2', 'http/1.1'],
  })
  const server: Server = secure ?? createHttpServer(options)
  server.timeout = limits.stalledMs
  const choose = (socket: Socket, http1: Take): void => {
    opened(socket)
    if (http2 === undefined) http1(socket)
    else if (secure !== undefined) ((socket as TLSSocket).alpnProtocol === 'h2' ? http2 : http1)(socket)
    else tellProtocol(socket, limits.headersMs, (protocol) => { (protocol === 'http2' ? http2 : http1)(socket) })
  }
  if (secure !== undefined) divert(server, 'secureConnection', choose)
  divert(server, 'connection', (socket, go) => {
    if (!admit(socket)) return
    if (secure === undefined) choose(socket, go)
    else go(socket)
  })
  return {
    server,
    setTls: (pair) => { secure?.setSecureContext({ ...bytesOf(pair), minVersion: MIN_TLS }) },
    listen: (host, port) => listen(server, host, port, secure === undefined ? 'http' : 'https'),
    end: () => new Promise((resolve) => {
      // `close` of HTTP would destroy connections whose last answer is still on its way
      NetServer.prototype.close.call(server, () => {
        server.close() // ends its timer
        resolve()
      })
    }),
  }
}

type Take = (socket: Socket) => void

/** What the server does with a new connection is done to those that are chosen. */
const divert = (server: Server, event: 'connection' | 'secureConnection', choose: (socket: Socket, own: Take) => void): void => {
  const own = server.listeners(event) as ((this: Server, socket: Socket) => void)[]
  server.removeAllListeners(event)
  server.on(event, (socket: Socket) => { choose(socket, (chosen) => { for (const listener of own) listener.call(server, chosen) }) })
}

const bytesOf = ({ cert, key }: TlsPair): { readonly cert: Buffer, readonly key: Buffer } => ({ cert: Buffer.from(cert), key: Buffer.from(key) })

const listen = (server: Server, host: string, port: number, scheme: 'http' | 'https'): Promise<ServerAddress> => new Promise((resolve, reject) => {
  const refuse = (cause: NodeJS.ErrnoException): void => {
    reject(cause.code === 'EADDRINUSE'
      ? new GatewayServerError('GATEWAY_ADDRESS_IN_USE', `another program listens there; host=${host} port=${port}`, { cause })
      : new GatewayServerError('GATEWAY_CANNOT_LISTEN', `cannot listen; host=${host} port=${port}`, { cause }))
  }
  server.once('error', refuse)
  server.listen({ host, port }, () => {
    server.off('error', refuse)
    const at = server.address() as AddressInfo
    resolve({ host: at.address, port: at.port, url: `${scheme}://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}` })
  })
})
