/**
 * Requests of HTTP/1.1 in the order in which they came: those of one connection one by one, so that whoever sends many at once
 * without waiting (pipelining) has no more under way than others.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface Http1Lines {
  /** For each connection, before its first request. */
  enter (socket: Socket): void
  /** It is one of HTTP/2. */
  forget (socket: Socket): void
  /** For each request. */
  take (request: IncomingMessage, response: ServerResponse): void
  /** Whether something is under way there; `undefined`: it has not entered, or is gone. */
  isBusy (socket: Socket): boolean | undefined
  /** From now on connections end behind the request that is under way; idle ones at once. */
  leave (): void
}

/** `ended`: nothing behind the last answer counts. `over`: requests that were not looked at. */
interface Line { busy: boolean, ended: boolean, over: number, readonly waiting: (readonly [IncomingMessage, ServerResponse])[] }

/** So many times as may wait make a connection one that is ended at once. */
const FLOOD = 16

/** @param serve - resolves when the answer is out, or its peer is gone; never rejects */
export const createHttp1Lines = (maxPipelined: number, serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Http1Lines => {
  const lines = new Map<Socket, Line>()
  let leaving = false
  const lineOf = (socket: Socket): Line => {
    const known = lines.get(socket)
    if (known !== undefined) return known
    const line: Line = { busy: false, ended: false, over: 0, waiting: [] }
    lines.set(socket, line)
    socket.once('close', () => {
      lines.delete(socket)
      line.ended = true
      line.waiting.length = 0
    })
    return line
  }
  const passOver = (socket: Socket, line: Line): void => {
    // Node keeps them until the connection ends
    if (++line.over > maxPipelined * FLOOD) socket.destroy()
  }
  const run = async (socket: Socket, line: Line, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    line.busy = true
    for (let next: readonly [IncomingMessage, ServerResponse] | undefined = [request, response]; next !== undefined && !line.ended; next = line.waiting.shift()) {
      if (leaving) next[1].shouldKeepAlive = false
      await serve(next[0], next[1])
      line.ended = !next[1].shouldKeepAlive
    }
    line.busy = false
    // what was answered is on its way
    if (leaving) socket.destroySoon()
  }
  return {
    enter: (socket) => { lineOf(socket) },
    forget: (socket) => { lines.delete(socket) },
    take: (request, response) => {
      const { socket } = request
      const line = lineOf(socket)
      if (line.ended) return passOver(socket, line)
      if (!line.busy) {
        void run(socket, line, request, response)
        return
      }
      const place = line.waiting.length + 1
      // the answer to the last one says that the connection ends; what comes behind it is not looked at
      if (place > maxPipelined) return passOver(socket, line)
      if (place === maxPipelined) response.shouldKeepAlive = false
      line.waiting.push([request, response])
    },
    isBusy: (socket) => lines.get(socket)?.busy,
    leave: () => {
      leaving = true
      for (const [socket, line] of lines) if (!line.busy) socket.destroySoon()
    },
  }
}
