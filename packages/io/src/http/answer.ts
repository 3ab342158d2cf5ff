/** One ranged request and what may come back. */
import { systemClock } from '../clock.ts'
import { IoError, type Retry } from '../errors.ts'
import { parseContentRange } from './content-range.ts'

/** Where to ask; `label` is for messages and holds no secret. */
export interface Endpoint {
  readonly url: string
  readonly label: string
  readonly fetch: typeof fetch
  readonly headers: Readonly<Record<string, string>>
}

/** What tells one version of the resource from another, as far as its server does. */
export interface Version {
  readonly sizeBytes: number
  /** `undefined`: none was given. */
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

export type Answer =
  | { readonly kind: 'part', readonly start: number, readonly end: number, readonly version: Version, readonly response: Response }
  /** The range lies behind the end. */
  | { readonly kind: 'behind', readonly version: Version }
  | { readonly kind: 'changed' }
  /** Not a range, or no answer at all; `status` 0 when the server was not reached. */
  | { readonly kind: 'refused', readonly status: number, readonly why: string, readonly retry: Retry, readonly retryAfterMs?: number | undefined, readonly cause?: unknown }

/** The server, or somebody on the way to it, may answer another time. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])

/** A strong validator stands for equal bytes; a weak one only for equal meaning. */
export const isStrong = (etag: string | undefined): etag is string => etag !== undefined && /^"[^"]*"$/u.test(etag)

/** The bytes [start, end), or so many at the end. */
export type Wanted = { readonly start: number, readonly end: number } | { readonly last: number }

/** Ask for bytes. Rejects with nothing but the signal's reason. */
export const askRange = async (endpoint: Endpoint, wanted: Wanted, ifMatch: string | undefined, signal: AbortSignal | undefined): Promise<Answer> => {
  signal?.throwIfAborted()
  let response: Response
  try {
    response = await endpoint.fetch(endpoint.url, {
      // encoded bytes have other positions
      headers: { ...endpoint.headers, range: 'last' in wanted ? `bytes=-${wanted.last}` : `bytes=${wanted.start}-${wanted.end - 1}`, 'accept-encoding': 'identity', ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (cause) {
    signal?.throwIfAborted()
    return { kind: 'refused', status: 0, why: 'no answer', retry: 'later', cause }
  }
  const answer = understand(response)
  if (answer.kind !== 'part') await discard(response)
  return answer
}

const understand = (response: Response): Answer => {
  const { status, headers } = response
  const content = parseContentRange(headers.get('content-range'))
  const version: Version = { sizeBytes: content?.sizeBytes ?? 0, etag: headers.get('etag') ?? undefined, lastModified: headers.get('last-modified') ?? undefined }
  const refused = (why: string, retry: Retry = 'never'): Answer => ({ kind: 'refused', status, why, retry, retryAfterMs: retry === 'later' ? retryAfter(headers) : undefined })
  if (status === 412) return { kind: 'changed' }
  if (status === 416) return content === undefined ? refused('no length') : { kind: 'behind', version }
  // of an empty resource there is no range, and some servers then give it whole
  if (status === 200 && headers.get('content-length') === '0') return { kind: 'behind', version }
  if (status === 200) return refused('the server serves no ranges')
  if (status !== 206) return refused('refused', PASSING.has(status) ? 'later' : 'never')
  if (content?.range === undefined) return refused('no usable content-range')
  if ((headers.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity') return refused('the bytes are encoded')
  return { kind: 'part', ...content.range, version, response }
}

/** Source: RFC 9110, section 10.2.3: seconds, or a date, which is compared with the server's own where it says that. */
const retryAfter = (headers: Headers): number | undefined => {
  const value = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/u.test(value)) return Number(value) * 1000
  const until = Date.parse(value)
  const now = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(until) ? undefined : Math.max(0, until - (Number.isNaN(now) ? systemClock.now() : now))
}

/** End the transfer of a body that nobody wants. */
export const discard = async (response: Response): Promise<void> => {
  await response.body?.cancel().catch(() => {}) // it may have ended by itself
}

/**
 * The body, which must be `length` bytes, in memory of its own; never holds more.
 *
 * @throws {IoError} `IO_TRUNCATED`: shorter. `IO_SOURCE_LOST`: longer, or the connection broke
 */
export const readBody = async (response: Response, length: number, at: number, label: string, signal: AbortSignal | undefined): Promise<Uint8Array> => {
  const bytes = new Uint8Array(length)
  let done = 0
  const lost = (what: string, retry: Retry, cause?: unknown): IoError =>
    new IoError('IO_SOURCE_LOST', `${what}; url=${label} at=${at} want=${length} got=${done}`, { cause, retry, offset: at + done })
  const reader = response.body?.getReader()
  try {
    for (let chunk = await reader?.read(); chunk !== undefined && !chunk.done; chunk = await reader?.read()) {
      if (done + chunk.value.byteLength > length) throw lost('the answer is longer than asked', 'never')
      bytes.set(chunk.value, done)
      done += chunk.value.byteLength
      signal?.throwIfAborted()
    }
  } catch (error) {
    reader?.cancel().catch(() => {})
    signal?.throwIfAborted()
    throw error instanceof IoError ? error : lost('the connection broke', 'later', error)
  }
  if (done === length) return bytes
  throw new IoError('IO_TRUNCATED', `the answer ended early; url=${label} at=${at} want=${length} got=${done}`, { retry: 'later', offset: at + done })
}
