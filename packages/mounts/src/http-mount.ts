/** Resources of web servers: read by ranges where the server has them, else copied in order. */
import { type Awaitable, IoError } from '@dagstore/io'
import { openHttpSource } from '@dagstore/io/http'
import type { BlockCache } from './block-cache.ts'
import { MountError, toMountError } from './errors.ts'
import { guardedFetch } from './guarded-fetch.ts'
import type { HostGuard } from './host-guard.ts'
import { openHttpStream } from './http-stream.ts'
import { absent, type Mount, type MountBytes, type MountFactory, type MountStat } from './mount.ts'
import { schemeOf } from './url-scheme.ts'

export interface HttpMountOptions {
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch | undefined
  /**
   * Headers by host, as a URL has it (`example.com`, `localhost:8080`, in lower case): where credentials stand, so that no URL
   * holds one. Sent to that host alone; at a redirect to another one `fetch` drops `Authorization` and keeps the others.
   *
   * @default none
   */
  readonly headers?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined
  /**
   * The same, asked for at each opening: for credentials that change. Its headers win over those of `headers`.
   *
   * @default none
   */
  readonly headersFor?: ((host: string) => Awaitable<Readonly<Record<string, string>>>) | undefined
  /** Checks the host of every request, redirects included. `nodeGuardedFetch` checks addresses too. @default every host may be asked */
  readonly guard?: HostGuard | undefined
  /** Keeps what is read by ranges. @default nothing is kept */
  readonly cache?: BlockCache | undefined
}

/** The schemes `http` and `https`. With a strong ETag the identity is of kind `version`. */
export const httpMounts = (options: HttpMountOptions = {}): readonly MountFactory[] => {
  const headers = new Map(Object.entries(options.headers ?? {}))
  const headersFor = async (host: string): Promise<Readonly<Record<string, string>>> => ({ ...headers.get(host), ...await options.headersFor?.(host) })
  const plain = options.fetch ?? globalThis.fetch.bind(globalThis)
  const fetch = options.guard === undefined ? plain : guardedFetch(options.guard, { fetch: plain, headersFor })
  return ['http', 'https'].map((scheme) => ({
    scheme,
    mount: (url) => {
      const parsed = parseHttpUrl(url, scheme)
      options.guard?.checkUrl(parsed.href)
      return mountHttp(parsed.href, { fetch, headersOf: () => headersFor(parsed.host), cache: options.cache })
    },
  }))
}

const parseHttpUrl = (text: string, scheme: string): URL => {
  if (schemeOf(text) !== scheme) throw new MountError('MOUNT_BAD_URL', `URL of another scheme; want=${scheme}`)
  let url: URL
  try {
    url = new URL(text)
  } catch {
    // no cause: its message repeats the URL
    throw new MountError('MOUNT_BAD_URL', `not a URL; scheme=${scheme}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new MountError('MOUNT_BAD_URL', `URL with credentials; mount URLs are stored and shown, pass them as headers by host instead (headers, headersFor); host=${url.host}`)
  }
  if (url.hash !== '' || text.includes('#')) throw new MountError('MOUNT_BAD_URL', `URL with a fragment; host=${url.host}`)
  return url
}

interface Access {
  readonly fetch: typeof fetch
  readonly headersOf: () => Promise<Readonly<Record<string, string>>>
  readonly cache: BlockCache | undefined
}

interface Opened {
  readonly bytes: MountBytes
  readonly sizeBytes: number | undefined
}

const mountHttp = (url: string, access: Access): Mount => ({
  url,
  stat: async ({ signal } = {}) => {
    const { stat, bytes } = await openStat(url, access, signal)
    if (bytes?.access === 'random') await bytes.source.close()
    return stat
  },
  openStat: ({ signal } = {}) => openStat(url, access, signal),
  open: async ({ signal } = {}) => (await openHttp(url, access, signal)).bytes,
})

const openStat = async (url: string, access: Access, signal: AbortSignal | undefined): Promise<{ readonly stat: MountStat, readonly bytes: MountBytes | undefined }> => {
  try {
    const { bytes, sizeBytes } = await openHttp(url, access, signal)
    return { stat: { exists: true, sizeBytes, ready: true, access: bytes.access }, bytes }
  } catch (error) {
    if (error instanceof MountError && error.code === 'MOUNT_MISSING') return { stat: absent('random'), bytes: undefined }
    throw error
  }
}

/** One request where the server has ranges, two where it has none. */
const openHttp = async (url: string, { fetch, headersOf, cache }: Access, signal: AbortSignal | undefined): Promise<Opened> => {
  signal?.throwIfAborted()
  const access = { fetch, headers: await headersOf() }
  try {
    const source = await openHttpSource(url, { ...access, signal })
    return { bytes: { access: 'random', source: cache?.over(source, url) ?? source }, sizeBytes: source.sizeBytes }
  } catch (error) {
    signal?.throwIfAborted()
    refused(error)
    if (!(error instanceof IoError) || error.code !== 'IO_FAILED' || error.retry === 'later') throw toMountError(error, 'opening over HTTP')
  }
  try {
    return await openHttpStream(url, access, signal)
  } catch (error) {
    signal?.throwIfAborted()
    refused(error)
    throw toMountError(error, 'opening over HTTP')
  }
}

/** What the guard has refused is told as it is. */
const refused = (error: unknown): void => {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) if (at instanceof MountError) throw at
}
