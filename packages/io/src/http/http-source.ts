/// <reference lib="esnext.disposable" preserve="true" />
/** A resource of a web server as a source, read by ranges. */
import type { ByteSource } from '../byte-source.ts'
import type { CallOptions } from '../calls.ts'
import { IoError } from '../errors.ts'
import type { SourceIdentity } from '../identity.ts'
import { checkRange, memoryInode } from '../memory.ts'
import { createMergedReads } from '../merge-reads.ts'
import { createReadsUnderWay } from '../reads-under-way.ts'
import { askRange, discard, type Endpoint, isStrong, readBody, type Version } from './answer.ts'

/** About what arrives while one more request is on its way. */
const SEEK_BYTES = 256 * 1024
/** Reads are merged into requests up to this length. */
const MERGED_BYTES = 4 << 20
/** Brought by the first request. */
const FIRST_BYTES = 4096

export interface HttpSourceOptions extends CallOptions {
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch
  /** Sent with every request: credentials stand here, never in the URL. @default none */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * What the first request brings, at most; it is kept, and reads of it ask for nothing. Whoever begins at the end, as with an
   * index, says so here. @default the first 4096 bytes
   */
  readonly first?: { readonly from: 'start' | 'end', readonly bytes: number }
  /**
   * What is known from elsewhere, so that opening asks for nothing. An answer of another length, or with another tag, means that
   * the resource has changed; where no tag is known, that of the first answer is the one to keep to. @default asked for
   */
  readonly known?: { readonly sizeBytes: number, readonly etag?: string | undefined } | undefined
}

/**
 * Open what a web server has at `url`, which must be served by ranges. One small request, whose bytes are kept, unless it is
 * `known`; no connection is. Reads at the same time become one request where they overlap or lie close together; nothing is asked for twice after a
 * failure, since callers know better whether and when (`retry`, `retryAfterMs` of the error).
 *
 * With a strong `ETag` the identity is of kind `version` and every read asks for that version (`If-Match`). Without one no
 * two openings have equal identities, and a change is noticed by the length, a weak `ETag` or `Last-Modified` of an answer.
 *
 * @param options.signal - ends the opening; each read has its own
 * @throws {TypeError} no URL of http or https, or one with credentials in it; `first` of what is `known`
 * @throws {IoError} `IO_NOT_FOUND` (404, 410), `IO_FORBIDDEN` (401, 403, 451), `IO_FAILED` (no ranges, no length, no answer)
 */
export const openHttpSource = async (url: string | URL, options: HttpSourceOptions = {}): Promise<ByteSource> => {
  const endpoint = endpointOf(url, options)
  const { known } = options
  if (known !== undefined) {
    if (options.first !== undefined) throw new TypeError('a resource that is known is opened without a request; got=first')
    if (!Number.isSafeInteger(known.sizeBytes) || known.sizeBytes < 0) throw new RangeError(`known length; want=whole number from 0 got=${known.sizeBytes}`)
    return createHttpSource(endpoint, { sizeBytes: known.sizeBytes, etag: known.etag, lastModified: undefined }, { at: 0, bytes: new Uint8Array(0) })
  }
  const { from, bytes } = options.first ?? { from: 'start', bytes: FIRST_BYTES }
  if (!Number.isSafeInteger(bytes) || bytes < 1) throw new RangeError(`first bytes; want=whole number from 1 got=${bytes}`)
  const atEnd = from === 'end' ? await askRange(endpoint, { last: bytes }, undefined, options.signal) : undefined
  // some serve only ranges that are told from the start
  const noSuffix = atEnd?.kind === 'refused' ? atEnd.status === 200 || atEnd.status === 416 : atEnd?.kind === 'behind' && atEnd.version.sizeBytes > 0
  const answer = atEnd === undefined || noSuffix ? await askRange(endpoint, { start: 0, end: noSuffix ? 1 : bytes }, undefined, options.signal) : atEnd
  switch (answer.kind) {
    case 'part': {
      const { start, end, version, response } = answer
      const { sizeBytes } = version
      const length = Math.min(noSuffix ? 1 : bytes, sizeBytes)
      if (end - start !== length || (from === 'end' && !noSuffix ? end !== sizeBytes : start !== 0)) {
        await discard(response)
        throw new IoError('IO_FAILED', `another range than asked; url=${endpoint.label}`)
      }
      return createHttpSource(endpoint, version, { at: start, bytes: await readBody(response, length, start, endpoint.label, options.signal) })
    }
    case 'behind':
      if (answer.version.sizeBytes === 0) return createHttpSource(endpoint, answer.version, { at: 0, bytes: new Uint8Array(0) })
      throw new IoError('IO_FAILED', `the server serves no ranges; url=${endpoint.label}`)
    case 'changed':
      throw new IoError('IO_FAILED', `refused; url=${endpoint.label} status=412`)
    case 'refused': {
      const { status, why, retry, retryAfterMs, cause } = answer
      const code = status === 404 || status === 410 ? 'IO_NOT_FOUND' : status === 401 || status === 403 || status === 451 ? 'IO_FORBIDDEN' : 'IO_FAILED'
      throw new IoError(code, `${why}; url=${endpoint.label} status=${status}`, { cause, retry, retryAfterMs })
    }
  }
}

const endpointOf = (given: string | URL, options: HttpSourceOptions): Endpoint => {
  const url = new URL(given)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError(`not a URL of http; scheme=${url.protocol}`)
  if (url.username !== '' || url.password !== '') throw new TypeError('credentials in a URL; give them as headers')
  url.hash = ''
  // a query may hold a signature
  return { url: url.href, label: `${url.origin}${url.pathname}`, fetch: options.fetch ?? globalThis.fetch.bind(globalThis), headers: options.headers ?? {} }
}

const createHttpSource = (endpoint: Endpoint, opened: Version, first: { readonly at: number, readonly bytes: Uint8Array }): ByteSource => {
  const { sizeBytes } = opened
  const { label } = endpoint
  const identity: SourceIdentity = isStrong(opened.etag)
    ? { kind: 'version', tag: opened.etag, sizeBytes }
    : { kind: 'file', sizeBytes, mtimeNs: 0n, inode: memoryInode() }
  /** Of one that was known without a tag, from the first answer on that of this answer. */
  let version = opened
  const underWay = createReadsUnderWay()
  let closed = false

  const check = (at: number, length: number): void => {
    if (closed) throw new IoError('IO_CLOSED', `source is closed; url=${label}`)
    checkRange(at, length, sizeBytes)
  }
  const changed = (at: number): IoError => new IoError('IO_SOURCE_CHANGED', `the resource changed; url=${label}`, { offset: at })
  const isSame = (found: Version): boolean => {
    const { etag, lastModified } = version
    return found.sizeBytes === sizeBytes && (etag === undefined || found.etag === undefined || found.etag === etag) &&
      (isStrong(etag) || lastModified === undefined || found.lastModified === undefined || found.lastModified === lastModified)
  }

  const fetchRange = async (at: number, length: number, signal: AbortSignal): Promise<Uint8Array> => {
    const answer = await askRange(endpoint, { start: at, end: at + length }, isStrong(version.etag) ? version.etag : undefined, signal)
    switch (answer.kind) {
      case 'changed':
      case 'behind': // what was inside is so no longer
        throw changed(at)
      case 'refused':
        throw new IoError('IO_SOURCE_LOST', `${answer.why}; url=${label} at=${at} status=${answer.status}`, { cause: answer.cause, retry: answer.retry, retryAfterMs: answer.retryAfterMs, offset: at })
      case 'part': {
        const { response, start, end, version: found } = answer
        if (isSame(found) && start === at && end === at + length) {
          if (version.etag === undefined && version.lastModified === undefined) version = found
          return readBody(response, length, at, label, signal)
        }
        await discard(response)
        if (!isSame(found)) throw changed(at)
        throw new IoError('IO_SOURCE_LOST', `another range than asked; url=${label} at=${at}`, { offset: at })
      }
    }
  }
  const merged = createMergedReads({ read: fetchRange, gapBytes: SEEK_BYTES, maxBytes: MERGED_BYTES, splitOnFailure: false })
  const kept = (at: number, length: number): Uint8Array | undefined =>
    at >= first.at && at + length <= first.at + first.bytes.byteLength ? first.bytes.subarray(at - first.at, at - first.at + length) : undefined
  const close = async (): Promise<void> => {
    closed = true
    await underWay.ended()
  }
  return {
    sizeBytes,
    identity,
    cost: { kind: 'remote', seekBytes: SEEK_BYTES },
    read: async (at, length, { signal } = {}) => {
      signal?.throwIfAborted()
      check(at, length)
      const here = kept(at, length)
      if (here !== undefined || length === 0) return here?.slice() ?? new Uint8Array(0)
      return underWay.add(merged(at, length, signal))
    },
    peek: (at, length) => {
      check(at, length)
      return kept(at, length)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
