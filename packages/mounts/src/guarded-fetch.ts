/** A `fetch` that asks allowed hosts only, at every step of the way. */
import { MountError } from './errors.ts'
import type { HostGuard } from './host-guard.ts'

export interface GuardedFetchOptions {
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch | undefined
  /**
   * The addresses of a host. Whoever can connect to an address that was checked does so in his `fetch`: between this look and
   * the next one a name may come to mean something else. @default none: names are taken by their text
   */
  readonly resolve?: ((host: string, options: { readonly signal?: AbortSignal | undefined }) => Promise<readonly string[]>) | undefined
  /** Headers for a host that a redirect leads to, in place of those of the first one. @default none are passed on */
  readonly headersFor?: ((host: string) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>) | undefined
}

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** What belongs to the request, whoever answers it. */
const KEPT = new Set(['range', 'if-match', 'accept-encoding', 'accept'])

/**
 * For requests that read. Redirects are followed here, each checked like the first URL; so where `fetch` shows no redirects, as
 * in browsers, there are none; nor with `redirect: 'manual'`, where the answer is given as it came.
 *
 * The function that is returned rejects with {@link MountError} `MOUNT_FORBIDDEN`.
 */
export const guardedFetch = (guard: HostGuard, { fetch: given, resolve, headersFor }: GuardedFetchOptions = {}): typeof fetch => {
  const ask = given ?? globalThis.fetch.bind(globalThis)
  return async (input, init = {}) => {
    const signal = init.signal ?? undefined
    let url = new URL(typeof input === 'string' ? input : input instanceof URL ? input.href : input.url)
    let headers = new Headers(init.headers)
    for (let redirects = 0; ; redirects++) {
      guard.checkUrl(url.href)
      if (resolve !== undefined) guard.checkAddresses(url.hostname, await resolve(url.hostname.replace(/^\[(.*)\]$/u, '$1'), { signal }))
      const response = await ask(url.href, { ...init, headers, redirect: 'manual' })
      if (init.redirect === 'manual') return response
      const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null
      if (location === null) return response
      await response.body?.cancel().catch(() => {}) // it may have ended by itself
      if (redirects === MAX_REDIRECTS) throw new MountError('MOUNT_UNREACHABLE', `too many redirects; max=${MAX_REDIRECTS}`)
      const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined
      if (next === undefined) throw new MountError('MOUNT_UNREACHABLE', 'a redirect to nowhere')
      if (url.protocol === 'https:' && next.protocol === 'http:') throw new MountError('MOUNT_FORBIDDEN', `a redirect from https to http; host=${next.host}`)
      if (next.host !== url.host) {
        const kept = [...headers].filter(([name]) => KEPT.has(name))
        headers = new Headers(await headersFor?.(next.host) ?? {})
        for (const [name, value] of kept) headers.set(name, value)
      }
      url = next
    }
  }
}
