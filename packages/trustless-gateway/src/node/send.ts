/** The way of an answer to the network, the same for both versions of HTTP. */
import type { Writable } from 'node:stream'
import { onAbort } from '@dagstore/io'
import type { GatewayAnswer } from '../exchange.ts'

/** Where one answer goes. */
export interface Outgoing {
  /** Takes the body; `close` says that all has gone out, or that nothing more will. */
  readonly stream: Writable
  /** Nobody takes it any more. */
  readonly gone: AbortSignal
  /** Whether the stream is sure to say that it is closed, so that nobody has to listen to `gone` for that. */
  readonly closes: boolean
  /** Whether all of the answer has reached the network, once the stream is closed. */
  isOut (): boolean
  /** What is sent before a body that comes in parts. */
  begin (status: number, headers: Readonly<Record<string, string>>): void
  /** Head and body at once. */
  whole (status: number, headers: Readonly<Record<string, string>>, body: Uint8Array | undefined): void
  /** Ends an answer that has begun so that it cannot be taken for whole. */
  breakOff (): void
}

export interface Sent {
  /** Of the body, as far as they were handed to the network. */
  readonly bytes: number
  /** Why it was broken off; `undefined`: it was not, or the peer left. */
  readonly error: unknown
}

/** Resolves when the answer is out, or its peer is gone; never rejects. */
export const sendAnswer = async (out: Outgoing, { status, headers, body }: GatewayAnswer, withBody: boolean, maxWaitingBytes: number): Promise<Sent> => {
  const closed = closedOf(out)
  if (!isStream(body)) {
    const error = sendWhole(out, status, headers, withBody ? body : undefined)
    await closed
    return { bytes: withBody && error === undefined ? body?.byteLength ?? 0 : 0, error }
  }
  const sent = await sendStream(out, status, headers, withBody, body, maxWaitingBytes)
  await closed
  return sent
}

/** @returns why nothing was sent: headers that are none, say */
const sendWhole = (out: Outgoing, status: number, headers: GatewayAnswer['headers'], body: Uint8Array | undefined): unknown => {
  if (out.gone.aborted || out.stream.destroyed) return undefined
  try {
    out.whole(status, headers, body)
    return undefined
  } catch (error) {
    out.breakOff()
    return error
  }
}

const sendStream = async (out: Outgoing, status: number, headers: GatewayAnswer['headers'], withBody: boolean, body: AsyncGenerator<Uint8Array, void, undefined>, maxWaitingBytes: number): Promise<Sent> => {
  const { stream, gone } = out
  let bytes = 0
  try {
    if (gone.aborted) return { bytes, error: undefined }
    if (!withBody) {
      out.whole(status, headers, undefined)
      return { bytes, error: undefined }
    }
    out.begin(status, headers)
    for (;;) {
      const { done, value } = await body.next()
      if (gone.aborted || stream.destroyed) return { bytes, error: undefined }
      if (done === true) break
      bytes += value.byteLength
      // what is below the mark goes out while the next part is made
      if (!stream.write(value) && stream.writableLength > maxWaitingBytes) await drained(stream, gone)
    }
    stream.end()
    return { bytes, error: undefined }
  } catch (error) {
    if (gone.aborted || stream.destroyed) return { bytes, error: undefined }
    out.breakOff()
    return { bytes, error }
  } finally {
    await body.return().catch(() => {}) // it has ended, or told why it has not
  }
}

export const isStream = (body: GatewayAnswer['body']): body is AsyncGenerator<Uint8Array, void, undefined> => body !== undefined && !(body instanceof Uint8Array)

const drained = (stream: Writable, gone: AbortSignal): Promise<void> => firstOf(stream, ['drain', 'close'], gone)

const closedOf = ({ stream, gone, closes }: Outgoing): Promise<void> => {
  if (stream.closed) return Promise.resolve()
  // what every answer waits for is kept cheap
  return closes ? new Promise((resolve) => { stream.once('close', resolve) }) : firstOf(stream, ['close'], gone)
}

const firstOf = (stream: Writable, events: readonly string[], gone: AbortSignal): Promise<void> => new Promise((resolve) => {
  if (gone.aborted) return resolve()
  const done = (): void => {
    for (const event of events) stream.off(event, done)
    unwatch()
    resolve()
  }
  for (const event of events) stream.on(event, done)
  const unwatch = onAbort(gone, done)
})
