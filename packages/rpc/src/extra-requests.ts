/** What else is answered on the port of a server: paths that are neither calls, health nor metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { onAbort } from '@dagstore/io'
import type { Permission } from '@dagstore/lotus-api'
import { hasBody } from './body.ts'

export interface ExtraContext {
  /** Address of the caller: one of IPv4, or a network of 64 bits in IPv6. */
  readonly client: string
  /** What the token of the caller allows; behind another door than `gate`: to read. */
  readonly permissions: readonly Permission[]
  /** Aborted when the peer leaves, or the server ends what is under way. */
  readonly signal: AbortSignal
}

/**
 * `true`: it answers, or has answered; `false`: it has not touched the response, and nobody knows the path. It is asked for every
 * method, so that it can say 405 and answer preflights. A rejection is answered with 500, or ends an answer that has begun.
 * A request with a body is the last one of its connection. How long a body may take to come is up to whoever reads it: one that
 * moves is not cut off, and one that does not has no limit but the handler's.
 */
export type ExtraHandler = (request: IncomingMessage, response: ServerResponse, context: ExtraContext) => boolean | Promise<boolean>

/**
 * `gate`: host and origin are looked at, and the token as for reading; `loopback`: host and origin are, and the caller has to be on this
 * machine; `everywhere`: whoever asks.
 */
export type ExtraAccess = 'gate' | 'loopback' | 'everywhere'

interface ExtraParts extends ExtraContext {
  /** The connection is. */
  readonly gone: AbortSignal
  readonly stalledMs: number
}

/** Resolves when the answer is out, or its peer is gone; with `false` where there was none. */
export const askExtra = async (extra: ExtraHandler, request: IncomingMessage, response: ServerResponse, { gone, stalledMs, ...context }: ExtraParts): Promise<boolean> => {
  // what is left of a body is not read
  if (hasBody(request)) response.shouldKeepAlive = false
  endWhereStalled(response, stalledMs)
  const before = new Set(response.getHeaderNames())
  try {
    if (await extra(request, response, context)) {
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
