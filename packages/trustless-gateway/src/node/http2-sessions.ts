/** Connections of HTTP/2: any number of requests on each, within limits, until nobody asks any more. */
import { constants, createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { CheckedServerLimits } from './server-limits.ts'

export interface Http2Sessions {
  readonly size: number
  /** A connection whose first bytes, or whose handshake of TLS, say that it is one. */
  take (socket: Socket): void
  /** Each is told that it ends (GOAWAY), and does when its requests have. */
  leave (): void
}

/** Of answers that wait, for each stream; beyond that of all Node refuses streams. Blocks are up to 2 MiB long nearly everywhere. */
const STREAM_MEGABYTES = 4

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, session: ServerHttp2Session) => Promise<void>

/** @param serve - resolves when the answer is out, or its peer is gone; never rejects */
export const createHttp2Sessions = (limits: CheckedServerLimits, serve: Serve): Http2Sessions => {
  const sessions = new Set<ServerHttp2Session>()
  /** Whose session is about to be told of: that is done before `take` returns. */
  let taken: Socket | undefined
  const server: Http2Server = createServer({
    settings: { maxConcurrentStreams: limits.maxStreams, maxHeaderListSize: limits.maxHeaderBytes, enablePush: false },
    unknownProtocolTimeout: limits.headersMs,
    maxSessionMemory: limits.maxStreams * STREAM_MEGABYTES,
  })
  server.on('session', (session) => {
    sessions.add(session)
    const socket = taken
    let active = 0
    let expired = false
    session.once('close', () => { sessions.delete(session) })
    session.on('error', ignore)
    session.setTimeout(limits.idleMs)
    session.on('timeout', () => {
      expired = active > 0
      if (expired) return
      session.close()
      // the peer may never close its side
      socket?.setTimeout(limits.idleMs, () => { socket.destroy() })
    })
    session.on('stream', (stream, headers) => {
      stream.on('error', ignore)
      if (session.destroyed) return // what came behind the headers has ended it: Node tells of streams a moment later
      active++
      stream.once('close', () => {
        // time that has run out is not counted again by itself
        if (--active === 0 && expired && !session.destroyed) session.setTimeout(limits.idleMs)
      })
      stream.setTimeout(limits.stalledMs)
      stream.on('timeout', () => { if (stream.writableLength > 0 || stream.writableFinished) stream.close(constants.NGHTTP2_CANCEL) })
      if (!stream.endAfterHeaders) passOver(stream)
      void serve(stream, headers, session)
    })
  })
  server.on('sessionError', ignore)
  return {
    get size () { return sessions.size },
    take: (socket) => {
      // as a server of HTTP/1.1 makes them, they would outlive their peers
      socket.allowHalfOpen = false
      taken = socket
      server.emit('connection', socket)
      taken = undefined
    },
    leave: () => { for (const session of sessions) session.close() },
  }
}

/** Of a body that nobody wants. */
const MOST_UNREAD = 1 << 16

/** What a request has besides its headers; with more of it than this its stream ends. */
const passOver = (stream: ServerHttp2Stream): void => {
  let read = 0
  stream.on('data', ({ byteLength }: Uint8Array) => { if ((read += byteLength) > MOST_UNREAD) stream.close(constants.NGHTTP2_CANCEL) })
}

/** It closes. */
const ignore = (): void => {}
