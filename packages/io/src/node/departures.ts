/**
 * Whether a connection is gone. Answers that wait behind others on the same connection hear nothing of it from Node: they have no
 * socket yet, so they would wait for ever.
 */
import { onAbort } from '../on-abort.ts'

/** A socket, as far as it is needed: whoever uses this package need not have the types of Node. */
export interface Connection {
  once (event: 'close', heard: () => void): unknown
}

export interface Departures {
  /** Once, when it comes. */
  watch (socket: Connection): void
  /** Aborted when the connection is gone. */
  of (socket: Connection): AbortSignal
}

export const createDepartures = (): Departures => {
  const signals = new WeakMap<Connection, AbortSignal>()
  const watch = (socket: Connection): AbortSignal => {
    const left = new AbortController()
    signals.set(socket, left.signal)
    // others come and go with each request; while one stays, the signal need not take up and give up its listener for them
    onAbort(left.signal, () => {})
    socket.once('close', () => { left.abort(new Error('the caller has left')) })
    return left.signal
  }
  return { watch, of: (socket) => signals.get(socket) ?? watch(socket) }
}
