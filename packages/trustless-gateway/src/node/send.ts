/** The way of an answer to the network, the same for both versions of HTTP. */
import type { Writable } from 'node:stream'
import { type Awaitable, onAbort } from '@dagstore/io'
import type { ReusedMemory } from '@dagstore/io/node'
import type { GatewayAnswer } from '../exchange.ts'

/** Told when the network has taken bytes, so that nobody looks at them any more; not where that is not sure. */
export type Taken = () => void

/** Where one answer goes. */
export interface Outgoing {
  /** Nobody takes it any more. */
  readonly isGone: boolean
  /** What is sent before a body that comes in parts. */
  begin (status: number, headers: GatewayAnswer['headers']): void
  /** Head and body at once. */
  whole (status: number, headers: GatewayAnswer['headers'], body: Uint8Array | undefined, taken?: Taken): void
  /** A part of the body. @returns whether there is room for more */
  write (bytes: Uint8Array, taken?: Taken): boolean
  /** Bytes that wait in memory for the network. */
  readonly waitingBytes: number
  /** Resolves when nothing waits any more, or nobody takes it. */
  drained (): Promise<void>
  /** Behind the last part. */
  end (): void
  /** Ends an answer that has begun so that it cannot be taken for whole. */
  breakOff (): void
  /** Behind the end: resolves when all has gone out, or nothing more will; `undefined`: that is so already. */
  closed (): Promise<void> | undefined
  /** Whether all of the answer has reached the network, once it is closed. */
  isOut (): boolean
}

export interface Sent {
  /** Of the body, as far as they were handed to the network. */
  readonly bytes: number
  /** Why it was broken off; `undefined`: it was not, or the peer left. */
  readonly error: unknown
}

/**
 * When the answer is out, or its peer is gone: no promise where it was handed over whole and the network has taken it at once. Never rejects.
 *
 * @param memory - gets back what of it is in the body, once that is out
 */
export const sendAnswer = (out: Outgoing, { status, headers, body }: GatewayAnswer, withBody: boolean, maxWaitingBytes: number, memory: ReusedMemory | undefined): Awaitable<Sent> => {
  if (isStream(body)) return sendStream(out, status, headers, withBody, body, maxWaitingBytes, memory)
  const error = sendWhole(out, status, headers, withBody ? body : undefined, memory)
  const sent: Sent = { bytes: withBody && error === undefined ? body?.byteLength ?? 0 : 0, error }
  return out.closed()?.then(() => sent) ?? sent
}

/** @returns why nothing was sent: headers that are none, say */
const sendWhole = (out: Outgoing, status: number, headers: GatewayAnswer['headers'], body: Uint8Array | undefined, memory: ReusedMemory | undefined): unknown => {
  if (out.isGone) return undefined
  try {
    out.whole(status, headers, body, takenOf(body, memory))
    return undefined
  } catch (error) {
    out.breakOff()
    return error
  }
}

const sendStream = async (out: Outgoing, status: number, headers: GatewayAnswer['headers'], withBody: boolean, body: AsyncGenerator<Uint8Array, void, undefined>, maxWaitingBytes: number, memory: ReusedMemory | undefined): Promise<Sent> => {
  const sent = await sendParts(out, status, headers, withBody, body, maxWaitingBytes, memory)
  await out.closed()
  return sent
}

const sendParts = async (out: Outgoing, status: number, headers: GatewayAnswer['headers'], withBody: boolean, body: AsyncGenerator<Uint8Array, void, undefined>, maxWaitingBytes: number, memory: ReusedMemory | undefined): Promise<Sent> => {
  let bytes = 0
  try {
    if (out.isGone) return { bytes, error: undefined }
    if (!withBody) {
      out.whole(status, headers, undefined)
      return { bytes, error: undefined }
    }
    out.begin(status, headers)
    for (;;) {
      const { done, value } = await body.next()
      if (out.isGone) return { bytes, error: undefined }
      if (done === true) break
      bytes += value.byteLength
      // what is below the mark goes out while the next part is made
      if (!out.write(value, takenOf(value, memory)) && out.waitingBytes > maxWaitingBytes) await out.drained()
    }
    out.end()
    return { bytes, error: undefined }
  } catch (error) {
    if (out.isGone) return { bytes, error: undefined }
    out.breakOff()
    return { bytes, error }
  } finally {
    await body.return().catch(() => {}) // it has ended, or told why it has not
  }
}

/** What is shorter is none of `memory`. */
const takenOf = (bytes: Uint8Array | undefined, memory: ReusedMemory | undefined): Taken | undefined =>
  bytes === undefined || memory === undefined || bytes.byteLength < memory.minBytes ? undefined : () => { memory.giveBack(bytes) }

const isStream = (body: GatewayAnswer['body']): body is AsyncGenerator<Uint8Array, void, undefined> => body !== undefined && !(body instanceof Uint8Array)

/** What all answers on a stream of Node have in common. */
export class StreamOutgoing {
  readonly #stream: Writable
  readonly #gone: AbortSignal
  readonly #closes: boolean
  readonly #isWell: () => boolean

  /**
   * @param closes - whether the stream is sure to say that it is closed, so that nobody has to listen to `gone` for that
   * @param isWell - whether what it stands on is neither broken nor closed: then only has the network taken what is said to be written
   */
  constructor (stream: Writable, gone: AbortSignal, closes: boolean, isWell: () => boolean) {
    this.#stream = stream
    this.#gone = gone
    this.#closes = closes
    this.#isWell = isWell
  }

  get isGone (): boolean { return this.#gone.aborted || this.#stream.destroyed }

  get waitingBytes (): number { return this.#stream.writableLength }

  write (bytes: Uint8Array, taken?: Taken): boolean { return this.#stream.write(bytes, this.whenTaken(taken)) }

  /** What a write of the stream calls. */
  whenTaken (taken: Taken | undefined): ((error?: Error | null) => void) | undefined {
    if (taken === undefined) return undefined
    return (error) => {
      // an answer that is reset is said to be written by some versions of Node
      if ((error === undefined || error === null) && this.#isWell()) taken()
    }
  }

  end (): void { this.#stream.end() }

  drained (): Promise<void> { return firstOf(this.#stream, ['drain', 'close'], this.#gone) }

  closed (): Promise<void> | undefined {
    if (this.#stream.closed) return undefined
    // what every answer waits for is kept cheap
    return this.#closes ? new Promise((resolve) => { this.#stream.once('close', resolve) }) : firstOf(this.#stream, ['close'], this.#gone)
  }
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
