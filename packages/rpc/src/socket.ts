/**
 * A WebSocket as `json-rpc` serves it: messages go out one after another, in parts, each waiting until the one before was handed
 * to the network. So a peer that does not read holds up its own streams and nothing else; what it has asked for meanwhile waits in
 * memory. Beyond a bound nothing more is read from it; beyond a further one, which calls that were begun before may reach, it is dropped.
 */
import type { Clock } from '@dagstore/io'
import type { RpcSocket, SocketListener } from '@dagstore/json-rpc'
import type { RawData, WebSocket } from 'ws'

export interface ServedSocket extends RpcSocket {
  /** When it is closed. */
  readonly gone: Promise<void>
  /** Without a word. */
  drop (): void
}

/** Bytes that go out at once, and bytes that wait before no more is read. */
const PART_BYTES = 1 << 18
const MOST_WAITING_BYTES = 1 << 24

const OPEN = 1

export interface SocketOptions {
  readonly clock: Clock
  readonly heartbeatMs: number
  /** Of messages behind the one that goes out, beside the first of them; with more the socket is dropped. */
  readonly maxWaitingBytes: number
}

export const serveWebSocket = (socket: WebSocket, { clock, heartbeatMs, maxWaitingBytes }: SocketOptions): ServedSocket => {
  const stop = new AbortController()
  let listener: SocketListener | undefined
  let ended: string | undefined
  const early: string[] = []
  let turn: Promise<void> = Promise.resolve()
  let waitingBytes = 0
  /** Of them those of messages that have not begun. */
  let behindBytes = 0
  /** Since the last beat: something came, or a part went out. */
  let alive = true
  let done: () => void = () => {}
  const gone = new Promise<void>((resolve) => { done = resolve })

  const write = (part: Buffer, fin: boolean): Promise<void> => new Promise((resolve, reject) => {
    socket.send(part, { binary: false, fin }, (error) => {
      alive = true
      if (error instanceof Error) reject(error)
      else resolve()
    })
  })

  const sendParts = async (message: Buffer): Promise<void> => {
    behindBytes -= message.byteLength
    try {
      for (let at = 0; at === 0 || at < message.byteLength; at += PART_BYTES) {
        if (socket.readyState !== OPEN) throw new Error('socket is closed')
        await write(message.subarray(at, at + PART_BYTES), at + PART_BYTES >= message.byteLength)
      }
    } finally {
      waitingBytes -= message.byteLength
      if (waitingBytes <= MOST_WAITING_BYTES && socket.readyState === OPEN) socket.resume()
    }
  }

  const beat = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(heartbeatMs, { signal: stop.signal })
      if (!alive) return socket.terminate()
      alive = false
      if (socket.readyState === OPEN) socket.ping()
    }
  }

  socket.on('message', (data: RawData) => {
    alive = true
    const text = String(data as Buffer)
    if (listener === undefined) early.push(text)
    else listener.message(text)
  })
  socket.on('pong', () => { alive = true })
  socket.on('error', () => {}) // `close` follows, and tells
  socket.on('close', (code: number) => {
    ended = `closed; code=${code}`
    stop.abort(new Error(ended))
    listener?.closed(ended)
    done()
  })
  beat().catch(() => {}) // ends with the socket
  return {
    gone,
    send: (text) => {
      if (socket.readyState !== OPEN) return Promise.reject(new Error('socket is closed'))
      const message = Buffer.from(text)
      if (behindBytes > 0 && behindBytes + message.byteLength > maxWaitingBytes) {
        socket.terminate()
        return Promise.reject(new Error('peer takes no answers'))
      }
      behindBytes += message.byteLength
      waitingBytes += message.byteLength
      if (waitingBytes > MOST_WAITING_BYTES) socket.pause()
      const sent = turn.then(() => sendParts(message))
      turn = sent.catch(() => {}) // told to whoever sent it
      return sent
    },
    close: (code, reason) => {
      // behind what was sent before
      void turn.then(() => { if (socket.readyState === OPEN) socket.close(code, reason.slice(0, 100)) })
    },
    listen: (given) => {
      listener = given
      for (const text of early.splice(0)) given.message(text)
      if (ended !== undefined) given.closed(ended)
    },
    drop: () => { socket.terminate() },
  }
}
