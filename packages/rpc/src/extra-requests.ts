/** What else is answered on the port of a server: paths that are neither calls, health nor metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { onAbort } from '@dagstore/io'

export interface ExtraContext {
  /** Address of the caller: one of IPv4, or a network of 64 bits in IPv6. */
  readonly client: string
  /** Aborted when the peer leaves, or the server ends what is under way. */
  readonly signal: AbortSignal
}

/**
 * `true`: it answers, or has answered; `false`: it has not touched the response, and nobody knows the path. It is asked for every
 * method, so that it can say 405 and answer preflights. A rejection is answered with 500, or ends an answer that has begun.
 * A request with a body is the last one of its connection.
 */
export type ExtraHandler = (request: IncomingMessage, response: ServerResponse, context: ExtraContext) => boolean | Promise<boolean>

/** `gate`: host and origin are looked at, and the token as for reading; `everywhere`: whoever asks. */
export type ExtraAccess = 'gate' | 'everywhere'

interface ExtraParts {
  readonly client: string
  readonly signal: AbortSignal
  /** The connection is. */
  readonly gone: AbortSignal
  readonly stalledMs: number
}

/** Resolves when the answer is out, or its peer is gone; with `false` where there was none. */
export const askExtra = async (extra: ExtraHandler, request: IncomingMessage, response: ServerResponse, { client, signal, gone, stalledMs }: ExtraParts): Promise<boolean> => {
  // what is left of a body is not read
  if (hasBody(request)) response.shouldKeepAlive = false
  endWhereStalled(response, stalledMs)
  const before = new Set(response.getHeaderNames())
  try {
    if (await extra(request, response, { client, signal })) {
      await closed(response, gone)
      return true
    }
  } catch (error) {
    forgetHeaders(response, before)
    throw error
  }
  if (response.headersSent) throw new Error('an answer was begun by whoever said that it was not theirs')
  forgetHeaders(response, before)
  return false
}

const hasBody = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** What waits for its own bytes is left alone; so is what waits behind another answer. */
const endWhereStalled = (response: ServerResponse, ms: number): void => {
  response.setTimeout(ms, () => {
    const { socket } = response
    if (socket !== null && socket.writableLength + response.writableLength > 0) socket.destroy()
  })
}

const forgetHeaders = (response: ServerResponse, but: ReadonlySet<string>): void => {
  if (response.headersSent) return
  for (const name of response.getHeaderNames()) if (!but.has(name)) response.removeHeader(name)
}

const closed = (response: ServerResponse, gone: AbortSignal): Promise<void> => new Promise((resolve) => {
  if (response.closed || gone.aborted) return resolve()
  const unwatch = onAbort(gone, () => { resolve() })
  response.once('close', () => {
    unwatch()
    resolve()
  })
})
