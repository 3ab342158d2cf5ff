/** Requests to a Kubo node's RPC, and what it answers. */
import { type Clock, createFairSlots, createLane, joinBytes, onAbort, withdrawable } from '@dagstore/io'
import { IpfsError } from '../errors.ts'
import { type Secrets, withoutCredentials } from './secrets.ts'

export interface ApiOptions {
  readonly url: string | URL
  readonly fetch: typeof fetch
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  /** How long an answer may be waited for, and each further part of it. */
  readonly timeoutMs: number
  readonly maxRequests: number
}

export type Query = Readonly<Record<string, string | number | boolean>>

export interface Request {
  readonly command: string
  readonly query: Query
  readonly body?: FormData | undefined
  readonly signal?: AbortSignal | undefined
}

/** Fails with {@link IpfsError}, or with the reason of the signal. */
export interface KuboApi {
  readonly host: string
  /** @throws {IpfsError} `IPFS_BAD_ANSWER`: longer than `maxBytes` */
  bytes(request: Request, maxBytes: number): Promise<Uint8Array>
  /** The JSON values of an answer, one a line. */
  values(request: Request): AsyncGenerator<Record<string, unknown>, void, undefined>
  /** The same, all of a short answer. */
  all(request: Request): Promise<readonly Record<string, unknown>[]>
}

const ERROR_BYTES = 64 << 10
const LINE_BYTES = 64 << 10
const SHORT_BYTES = 1 << 20

/** An answer that has begun. */
interface Answer {
  /** The next part; `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>
  /** Lets the connection go, at whatever place. */
  end(): void
}

/** @throws {TypeError} no URL of http or https, or headers that cannot be sent; without saying what they hold */
export const createApi = (options: ApiOptions): KuboApi => {
  const { base, secrets, headers } = withoutCredentials(options.url, options.headers)
  const slots = createFairSlots(options.maxRequests)
  const lane = createLane()
  const call = (request: Request): Promise<Answer> => open({ ...options, headers }, base, secrets, request)

  const whole = async (request: Request, maxBytes: number): Promise<Uint8Array> => {
    await slots.enter(lane, { signal: request.signal })
    try {
      const answer = await call(request)
      try {
        return await joined(answer, maxBytes, request.command)
      } finally {
        answer.end()
      }
    } finally {
      slots.leave()
    }
  }
  return {
    host: base.host,
    bytes: whole,
    all: async (request) => {
      const text = new TextDecoder().decode(await whole(request, SHORT_BYTES))
      return text.split('\n').filter((line) => line.trim() !== '').map((line) => parseLine(line, request.command))
    },
    // holds no place: whoever reads it may ask for blocks meanwhile
    values: async function * (request) {
      const answer = await call(request)
      try {
        const decoder = new TextDecoder()
        let rest = ''
        for (;;) {
          const part = await answer.read()
          const lines = (rest + decoder.decode(part, { stream: part !== undefined })).split('\n')
          rest = part === undefined ? '' : lines.pop() ?? ''
          if (rest.length > LINE_BYTES) throw new IpfsError('IPFS_BAD_ANSWER', `line is too long; command=${request.command} most=${LINE_BYTES}`)
          for (const line of lines) {
            request.signal?.throwIfAborted()
            if (line.trim() !== '') yield parseLine(line, request.command)
          }
          if (part === undefined) return
        }
      } finally {
        answer.end()
      }
    },
  }
}

const open = async ({ fetch, headers, clock, timeoutMs }: ApiOptions, base: URL, secrets: Secrets, { command, query, body, signal }: Request): Promise<Answer> => {
  signal?.throwIfAborted()
  const ended = new AbortController()
  const unwatch = signal === undefined ? () => {} : onAbort(signal, () => { ended.abort(signal.reason) })
  const end = (): void => {
    unwatch()
    ended.abort()
  }
  const url = new URL(`api/v0/${command}`, base)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))

  /** Wait, but not for ever, and say what went wrong. */
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const over = new AbortController()
    let late = false
    clock.sleep(timeoutMs, { signal: over.signal }).then(() => {
      late = true
      ended.abort()
    }, () => {}) // the wait ended in time
    try {
      return await withdrawable(work, ended.signal)
    } catch (cause) {
      end()
      signal?.throwIfAborted()
      if (late) throw new IpfsError('IPFS_TIMEOUT', `no answer in time; command=${command} host=${base.host} ms=${timeoutMs}`)
      throw new IpfsError('IPFS_UNREACHABLE', `node cannot be reached; command=${command} host=${base.host} cause=${secrets.hide(messageOf(cause))}`, { cause: secrets.clean(cause) })
    } finally {
      over.abort()
    }
  }
  const form = body === undefined ? { headers } : await encoded(body, headers)
  const response = await timed(fetch(url, { method: 'POST', ...form, signal: ended.signal, redirect: 'manual' }))
  const reader = response.body?.getReader()
  const answer: Answer = {
    read: async () => reader === undefined ? undefined : (await timed(reader.read())).value,
    end,
  }
  if (response.status === 200) return answer
  try {
    throw await failureOf(response.status, answer, command, secrets)
  } finally {
    answer.end()
  }
}

/**
 * A form as bytes. `fetch` of Node reads one piece by piece, and when the connection breaks between two of them, hands the next to a
 * stream that is closed: a rejection that nobody can handle.
 */
const encoded = async (form: FormData, headers: ApiOptions['headers']): Promise<{ readonly body: Uint8Array<ArrayBuffer>, readonly headers: Headers }> => {
  const whole = new Response(form)
  const all = new Headers(headers)
  all.set('content-type', whole.headers.get('content-type') ?? '')
  return { body: new Uint8Array(await whole.arrayBuffer()), headers: all }
}

/** Kubo's errors are JSON; what stands before its commands answers in plain text. */
const failureOf = async (status: number, answer: Answer, command: string, secrets: Secrets): Promise<IpfsError> => {
  const text = new TextDecoder().decode(await joined(answer, ERROR_BYTES, command))
  const said = saidIn(text)
  const where = `command=${command} status=${status}`
  if (said !== undefined) return new IpfsError('IPFS_REFUSED', `node refuses; ${where} said=${secrets.hide(said)}`, { status, said: secrets.hide(said) })
  const plain = secrets.hide(text.trim().slice(0, 200))
  if (status === 401 || status === 403) return new IpfsError('IPFS_REFUSED', `node does not let us in; ${where} said=${plain}`, { status })
  return new IpfsError('IPFS_BAD_ANSWER', `not the answer of an IPFS node; ${where} said=${plain}`, { status })
}

/** `{"Message":"…","Code":0,"Type":"error"}` */
const saidIn = (text: string): string | undefined => {
  try {
    const error: unknown = JSON.parse(text)
    if (typeof error !== 'object' || error === null || !('Type' in error) || error.Type !== 'error') return undefined
    return 'Message' in error && typeof error.Message === 'string' ? error.Message.slice(0, 1000) : undefined
  } catch {
    return undefined
  }
}

const joined = async (answer: Answer, maxBytes: number, command: string): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  let length = 0
  for (let part = await answer.read(); part !== undefined; part = await answer.read()) {
    length += part.byteLength
    if (length > maxBytes) throw new IpfsError('IPFS_BAD_ANSWER', `answer is too long; command=${command} most=${maxBytes}`)
    parts.push(part)
  }
  return joinBytes(parts, length)
}

const parseLine = (line: string, command: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // told below: what JSON.parse says quotes the line
  }
  throw new IpfsError('IPFS_BAD_ANSWER', `not a line of JSON; command=${command}`)
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
