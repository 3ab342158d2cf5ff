/**
 * Which version of HTTP begins on a connection without TLS: that of prior knowledge (h2c) opens with the client preface, which no
 * request of HTTP/1.1 resembles beyond its third byte.
 *
 * Source: RFC 9113, sections 3.3 and 3.4.
 */
import type { Socket } from 'node:net'

const OPENING = Buffer.from('PRI ')

/** @returns `undefined` while the bytes do not say. */
export const protocolOf = (bytes: Uint8Array): 'http1' | 'http2' | undefined => {
  const known = Math.min(bytes.byteLength, OPENING.byteLength)
  if (!OPENING.subarray(0, known).equals(bytes.subarray(0, known))) return 'http1'
  return known === OPENING.byteLength ? 'http2' : undefined
}

/**
 * Hands the connection on, once, with all of its bytes still to be read. One that says nothing in time, or leaves, is destroyed.
 *
 * @param waitMs - for the first bytes, in all
 */
export const tellProtocol = (socket: Socket, waitMs: number, take: (protocol: 'http1' | 'http2') => void): void => {
  let seen: Buffer | undefined
  const stop = (): void => {
    socket.off('readable', look)
    socket.off('end', leave)
    socket.off('timeout', leave)
    socket.off('error', ignore)
    socket.setTimeout(0)
  }
  const leave = (): void => {
    stop()
    socket.destroy()
  }
  const look = (): void => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    seen = seen === undefined ? chunk : Buffer.concat([seen, chunk])
    const protocol = protocolOf(seen)
    if (protocol === undefined) return
    stop()
    socket.unshift(seen)
    take(protocol)
  }
  socket.setTimeout(waitMs)
  socket.on('readable', look)
  socket.on('end', leave)
  socket.on('timeout', leave)
  socket.on('error', ignore)
}

/** It closes. */
const ignore = (): void => {}
