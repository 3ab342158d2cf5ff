/**
 * Whether a connection is gone. Answers that wait behind others on the same connection hear nothing of it from Node: they have no
 * socket yet, so they would wait for ever.
 */
import type { Socket } from 'node:net'

export interface Departures {
  /** Once, when it comes. */
  watch (socket: Socket): void
  /** Aborted when the connection is gone. */
  of (socket: Socket): AbortSignal
}

export const createDepartures = (): Departures => {
  const signals = new WeakMap<Socket, AbortSignal>()
  const watch = (socket: Socket): AbortSignal => {
    const left = new AbortController()
    signals.set(socket, left.signal)
    socket.once('close', () => { left.abort(new Error('the caller has left')) })
    return left.signal
  }
  return { watch, of: (socket) => signals.get(socket) ?? watch(socket) }
}
