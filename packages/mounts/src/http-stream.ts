/** A resource of a server without ranges: its bytes in order, and nothing else. */
import { IoError, type SourceIdentity } from '@dagstore/io'
import type { SequentialBytes } from './mount.ts'

interface Access {
  readonly fetch: typeof fetch
  readonly headers: Readonly<Record<string, string>>
}

/** The server, or somebody on the way to it, may answer another time. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])

/** Encodings that every `fetch` undoes; of others the bytes would come as they are. */
const DECODED = new Set(['identity', 'gzip', 'x-gzip', 'deflate', 'br'])

/**
 * Ask for the whole resource, look at the head of the answer, and let its body go.
 *
 * @throws {IoError} `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED`; the signal's reason
 */
export const openHttpStream = async (url: string, access: Access, signal: AbortSignal | undefined): Promise<{ readonly bytes: SequentialBytes, readonly sizeBytes: number | undefined }> => {
  const response = await request(url, access, signal)
  await discard(response)
  const opened = headOf(response)
  const bytes: SequentialBytes = {
    access: 'sequential',
    identity: opened.identity,
    resumable: false,
    stream: (from, options = {}) => {
      if (from !== 0) throw new RangeError(`the server serves no ranges; from=${from}`)
      return stream(url, access, opened, options.signal)
    },
  }
  return { bytes, sizeBytes: opened.sizeBytes }
}

interface Head {
  readonly identity: SourceIdentity | undefined
  readonly etag: string | undefined
  readonly sizeBytes: number | undefined
}

async function * stream (url: string, access: Access, opened: Head, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await request(url, access, signal)
  const found = headOf(response)
  if (found.etag !== opened.etag || found.sizeBytes !== opened.sizeBytes) {
    await discard(response)
    throw new IoError('IO_SOURCE_CHANGED', 'the resource changed', { retry: 'later' })
  }
  let done = 0
  const reader = response.body?.getReader()
  try {
    for (let chunk = await reader?.read(); chunk !== undefined && !chunk.done; chunk = await reader?.read()) {
      signal?.throwIfAborted()
      done += chunk.value.byteLength
      yield chunk.value
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw new IoError('IO_SOURCE_LOST', `the connection broke; got=${done}`, { cause, retry: 'later', offset: done })
  } finally {
    // reached early when the consumer stops
    await reader?.cancel().catch(() => {})
  }
  const { sizeBytes } = opened
  if (sizeBytes !== undefined && done < sizeBytes) throw new IoError('IO_TRUNCATED', `the answer ended early; want=${sizeBytes} got=${done}`, { retry: 'later', offset: done })
}

const request = async (url: string, { fetch, headers }: Access, signal: AbortSignal | undefined): Promise<Response> => {
  signal?.throwIfAborted()
  let response: Response
  try {
    response = await fetch(url, { headers: { ...headers, 'accept-encoding': 'identity' }, ...(signal === undefined ? {} : { signal }) })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new IoError('IO_FAILED', 'no answer', { cause, retry: 'later' })
  }
  const { status } = response
  if (status === 200 && DECODED.has(encodingOf(response))) return response
  await discard(response)
  if (status === 200) throw new IoError('IO_FAILED', `the bytes are encoded; encoding=${encodingOf(response)}`)
  const code = status === 404 || status === 410 ? 'IO_NOT_FOUND' : status === 401 || status === 403 ? 'IO_FORBIDDEN' : 'IO_FAILED'
  throw new IoError(code, `refused; status=${status}`, { retry: PASSING.has(status) ? 'later' : 'never' })
}

/** Of an encoded answer the length is not that of the bytes, and its tag may be that of the encoded form. */
const headOf = ({ headers }: Response): Head => {
  const tag = headers.get('etag') ?? undefined
  const plain = encodingOf({ headers }) === 'identity'
  const length = headers.get('content-length')
  const sizeBytes = plain && length !== null && /^\d{1,16}$/u.test(length) && Number.isSafeInteger(Number(length)) ? Number(length) : undefined
  const strong = tag !== undefined && /^"[^"]*"$/u.test(tag)
  return { identity: strong && sizeBytes !== undefined ? { kind: 'version', tag, sizeBytes } : undefined, etag: tag, sizeBytes }
}

const encodingOf = ({ headers }: Pick<Response, 'headers'>): string => (headers.get('content-encoding') ?? 'identity').trim().toLowerCase()

const discard = async (response: Response): Promise<void> => {
  await response.body?.cancel().catch(() => {}) // it may have ended by itself
}
