/**
 * What the worker uses of the platform, so that nothing has to be installed to check its types.
 *
 * Source: Cloudflare Workers, R2 API, Cache API and Rate Limiting API.
 */

export interface R2Object {
  /** Of the whole object, whatever part was asked for. */
  readonly size: number
  /** Without quotes. */
  readonly etag: string
}

export interface R2ObjectBody extends R2Object {
  readonly body: ReadableStream<Uint8Array>
  arrayBuffer(): Promise<ArrayBuffer>
}

export interface R2GetOptions {
  readonly range?: { readonly offset: number, readonly length: number } | { readonly suffix: number }
  readonly onlyIf?: { readonly etagMatches: string }
}

export interface R2Bucket {
  /** `null`: no such object. Without a body: the condition does not hold. */
  get(key: string, options?: R2GetOptions): Promise<R2ObjectBody | R2Object | null>
}

export interface RateLimiter {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>
}

export interface BlockCache {
  match(key: string): Promise<Response | undefined>
  put(key: string, response: Response): Promise<void>
}

export interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}

export interface Env {
  /** Where objects are. */
  readonly BUCKET?: R2Bucket
  /** The same as files of a web server: an absolute URL. */
  readonly ORIGIN?: string
  /** Key of what `publish.mjs` wrote. @default collection.idx */
  readonly COLLECTION?: string
  /** Key of a compact denylist. @default none */
  readonly DENYLIST?: string
  /** Requests that one request may make. @default 40 */
  readonly MAX_SUBREQUESTS?: string
  /** Of one read of a CAR, at most. @default 2 */
  readonly READ_AHEAD_MIB?: string
  /** For how long the collection and the denylist count as they were read. @default 60 */
  readonly REFRESH_S?: string
  /** Asked with the address of the client before storage is read. @default no limit */
  readonly LIMITER?: RateLimiter
}
