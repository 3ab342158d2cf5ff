/** A guarded `fetch` of Node that connects to the very addresses which were checked. */
import { lookup as lookUp } from 'node:dns/promises'
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIPv6 } from 'node:net'
import { Readable } from 'node:stream'
import { guardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts'
import type { HostGuard } from './host-guard.ts'

export interface NodeGuardedFetchOptions extends Pick<GuardedFetchOptions, 'headersFor'> {
  /** The addresses of a host name. @default those of the system */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

/** For requests that read, without a body: what `httpMounts({ fetch })` needs. */
export const nodeGuardedFetch = (guard: HostGuard, { resolve = systemAddresses, ...options }: NodeGuardedFetchOptions = {}): typeof fetch => {
  const lookup = (host: string, { all }: { readonly all?: boolean }, done: (error: Error | null, address?: unknown, family?: number) => void): void => {
    resolve(host).then((addresses) => {
      guard.checkAddresses(host, addresses)
      const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
      if (all === true) done(null, found)
      else done(null, found[0]?.address, found[0]?.family)
    }).catch((error: Error) => { done(error) })
  }
  return guardedFetch(guard, {
    ...options,
    fetch: (input, init = {}) => new Promise((done, fail) => {
      const url = new URL(input as string)
      const request: ClientRequest = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
        method: init.method ?? 'GET', headers: Object.fromEntries(new Headers(init.headers)), lookup: lookup as never, ...(init.signal == null ? {} : { signal: init.signal }),
      })
      request.on('response', (response) => { done(responseOf(response)) })
      request.on('error', fail)
      request.end()
    }),
  })
}

const systemAddresses = async (host: string): Promise<readonly string[]> => (await lookUp(host, { all: true })).map(({ address }) => address)

const responseOf = (message: IncomingMessage): Response => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headersDistinct)) for (const each of value ?? []) headers.append(name, each)
  const status = message.statusCode ?? 500
  // of these a Response has no body
  const bare = status === 204 || status === 205 || status === 304
  if (bare) message.resume()
  return new Response(bare ? null : Readable.toWeb(message) as ReadableStream, { status, headers })
}
