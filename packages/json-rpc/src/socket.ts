/** A WebSocket as the two ends see it. */

export interface SocketListener {
  message (text: string): void
  /** Once, after which nothing comes. */
  closed (reason: string): void
}

/** Whole messages, both ways, in order. */
export interface RpcSocket {
  /** Resolves when the text was handed over to the network; a peer that does not read holds it up. Rejects when the socket is closed. */
  send (text: string): Promise<void>
  /** Idempotent. */
  close (code: number, reason: string): void
  /** Called once; messages that come before are kept. */
  listen (listener: SocketListener): void
}

/** What is used of a `WebSocket` of browsers, of Node 22 and later, and of the package `ws`. */
export interface WebSocketLike {
  binaryType: string
  readonly readyState: number
  send (text: string): void
  close (code?: number, reason?: string): void
  /** Each platform has event types of its own. */
  addEventListener (type: 'open' | 'message' | 'close' | 'error', listener: (event: any) => void): void
}

const OPEN = 1
const CONNECTING = 0

interface MessageLike { readonly data: unknown }
interface CloseLike { readonly code?: number, readonly reason?: string }

const decoder = new TextDecoder()

/** Go takes binary messages for text too. */
const textOf = (data: unknown): string => (typeof data === 'string' ? data : decoder.decode(data as ArrayBuffer))

/**
 * For the calling side: what is sent is handed over at once. A serving side, whose streams a slow peer is to hold up, puts a `send`
 * of its own in place.
 *
 * @returns once it is open. A socket that does not open rejects with what it says of that, if anything
 */
export const openSocket = (socket: WebSocketLike): Promise<RpcSocket> => new Promise((resolve, reject) => {
  let listener: SocketListener | undefined
  const early: string[] = []
  let ended: string | undefined
  let failure: unknown
  socket.binaryType = 'arraybuffer'
  const rpc: RpcSocket = {
    send: async (text) => {
      if (socket.readyState !== OPEN) throw new Error('socket is closed')
      socket.send(text)
    },
    close: (code, reason) => { if (socket.readyState <= OPEN) socket.close(code, reason) },
    listen: (given) => {
      listener = given
      for (const text of early.splice(0)) given.message(text)
      if (ended !== undefined) given.closed(ended)
    },
  }
  socket.addEventListener('open', () => { resolve(rpc) })
  socket.addEventListener('message', ({ data }: MessageLike) => {
    const text = textOf(data)
    if (listener === undefined) early.push(text)
    else listener.message(text)
  })
  // what it says is seldom more than that it failed; `close` follows
  socket.addEventListener('error', (event: object) => { failure = 'error' in event ? event.error : 'message' in event ? new Error(String(event.message)) : undefined })
  socket.addEventListener('close', ({ code, reason }: CloseLike) => {
    ended = reason !== undefined && reason !== '' ? reason : `closed; code=${code ?? 0}`
    reject(failure ?? new Error(ended))
    listener?.closed(ended)
  })
  if (socket.readyState === OPEN) resolve(rpc)
  else if (socket.readyState !== CONNECTING) reject(new Error('socket is closed'))
})
