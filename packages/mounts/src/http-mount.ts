/** Resources of web servers: read by ranges where the server has them, else copied in order. */
import { IoError } from '@dagstore/io'
import { openHttpSource } from '@dagstore/io/http'
import { MountError, toMountError } from './errors.ts'
import { openHttpStream } from './http-stream.ts'
import { absent, type Mount, type MountBytes, type MountFactory } from './mount.ts'
import { schemeOf } from './registry.ts'

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
}

/** The schemes `http` and `https`. With a strong ETag the identity is of kind `version`. */
export const httpMounts = (options: HttpMountOptions = {}): readonly MountFactory[] => {
  const headers = new Map(Object.entries(options.headers ?? {}))
  return ['http', 'https'].map((scheme) => ({
    scheme,
    mount: (url) => {
      const parsed = parseHttpUrl(url, scheme)
      return mountHttp(parsed.href, { fetch: options.fetch ?? globalThis.fetch.bind(globalThis), headers: headers.get(parsed.host) ?? {} })
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
    throw new MountError('MOUNT_BAD_URL', `URL with credentials; mount URLs are stored and shown, pass them as headers by host instead; host=${url.host}`)
  }
  if (url.hash !== '' || text.includes('#')) throw new MountError('MOUNT_BAD_URL', `URL with a fragment; host=${url.host}`)
  return url
}

interface Access {
  readonly fetch: typeof fetch
  readonly headers: Readonly<Record<string, string>>
}

interface Opened {
  readonly bytes: MountBytes
  readonly sizeBytes: number | undefined
}

const mountHttp = (url: string, access: Access): Mount => ({
  url,
  stat: async ({ signal } = {}) => {
    try {
      const { bytes, sizeBytes } = await openHttp(url, access, signal)
      if (bytes.access === 'random') await bytes.source.close()
      return { exists: true, sizeBytes, ready: true, access: bytes.access }
    } catch (error) {
      if (error instanceof MountError && error.code === 'MOUNT_MISSING') return absent('random')
      throw error
    }
  },
  open: async ({ signal } = {}) => (await openHttp(url, access, signal)).bytes,
})

/** One request where the server has ranges, two where it has none. */
const openHttp = async (url: string, access: Access, signal: AbortSignal | undefined): Promise<Opened> => {
  signal?.throwIfAborted()
  try {
    const source = await openHttpSource(url, { ...access, signal })
    return { bytes: { access: 'random', source }, sizeBytes: source.sizeBytes }
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof IoError) || error.code !== 'IO_FAILED' || error.retry === 'later') throw toMountError(error, 'opening over HTTP')
  }
  try {
    return await openHttpStream(url, access, signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw toMountError(error, 'opening over HTTP')
  }
}
