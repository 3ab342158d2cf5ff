/** What is between two processes: requests go over it as over a network, which may refuse, cut, stall or lose. */
import { Faults } from '@dagstore-tooling/testkit'

/** One run of a program: gone once its disk or database is, or when it is ended. */
export interface Process {
  readonly faults: Faults
  readonly gone: AbortController
}

export type WebHandler = (request: Request) => Promise<Response | undefined>

/** What becomes of one request. `request`, `answer`: bytes of the body after which the connection ends. */
export interface Fate {
  readonly kind: 'pass' | 'refuse' | 'lose-answer' | 'stall'
  readonly request?: number
  readonly answer?: number
}

export const PASS: Fate = Object.freeze({ kind: 'pass' })

const reset = (): TypeError => new TypeError('fetch failed', { cause: Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' }) })

export const isGone = ({ faults, gone }: Process): boolean => {
  if (faults.crashed && !gone.signal.aborted) gone.abort(reset())
  return gone.signal.aborted
}

/** The bytes of one side for the other, until one of them is gone or so many have passed. */
const passing = (body: ReadableStream<Uint8Array>, most: number, isCut: () => boolean, onCut: () => void): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let rest = most
  const cut = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    onCut()
    controller.error(reset())
    await reader.cancel(reset()).catch(() => {})
  }
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (isCut()) return cut(controller)
      try {
        const { done, value } = await reader.read()
        if (isCut()) return cut(controller)
        if (done) return controller.close()
        if (rest > 0) controller.enqueue(value.slice(0, rest))
        rest -= value.byteLength
        if (rest < 0) await cut(controller)
      } catch (error) {
        controller.error(error)
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 })
}

export interface WireOptions {
  readonly from: Process
  /** Who listens now; `undefined`: nobody. */
  readonly to: (url: URL) => { readonly process: Process, readonly handler: WebHandler } | undefined
  readonly fate: (request: Request) => Fate
}

export const wire = ({ from, to, fate }: WireOptions): typeof fetch => async (input, init = {}) => {
  const { body, ...rest } = init
  const text = typeof body === 'string' ? body : body == null ? undefined : new Uint8Array(await new Response(body).arrayBuffer())
  const server = to(new URL(input instanceof Request ? input.url : input))
  if (isGone(from) || server === undefined || isGone(server.process)) throw reset()
  const plain = new Request(input as string | URL, { ...rest, ...text === undefined ? {} : { body: text } } as RequestInit)
  const what = fate(plain)
  if (what.kind === 'refuse') throw reset()
  const leaving = new AbortController()
  const isCut = (): boolean => isGone(from) || isGone(server.process)
  const signal = AbortSignal.any([leaving.signal, from.gone.signal, server.process.gone.signal, ...init.signal == null ? [] : [init.signal]])
  const cutHere = (): void => { leaving.abort(reset()) }
  if (what.kind === 'stall') return new Promise((_, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error) }, { once: true }) })
  const asked = new Request(plain, {
    signal,
    ...plain.body === null ? {} : { body: passing(plain.body, what.request ?? Infinity, isCut, cutHere), duplex: 'half' },
  } as RequestInit)
  const answering = server.handler(asked).then((response) => response ?? new Response(null, { status: 404 }))
  const ended = new Promise<never>((_, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error) }, { once: true }) })
  ended.catch(() => {}) // told below, if anybody waits
  answering.catch(() => {})
  const response = await Promise.race([answering, ended])
  signal.throwIfAborted()
  if (what.kind === 'lose-answer') {
    await response.body?.cancel()
    throw reset()
  }
  if (isCut()) throw reset()
  if (response.body === null) return response
  return new Response(passing(response.body, what.answer ?? Infinity, isCut, cutHere), { status: response.status, headers: response.headers })
}
