/** A guarded `fetch` of Node that connects to the very addresses which were checked. */
import { lookup as lookUp } from 'node:dns/promises'
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { isIPv6 } from 'node:net'
import { Readable } from 'node:stream'
import { MountError } from './errors.ts'
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
  // connections of its own: those of the rest of the process were made without looking at addresses
  const keeping = { keepAlive: true, scheduling: 'lifo', timeout: IDLE_MS } as const
  const [http, https] = [new HttpAgent(keeping), new HttpsAgent(keeping)]
  return guardedFetch(guard, {
    ...options,
    fetch: (input, init = {}) => new Promise((done, fail) => {
      const url = new URL(input as string)
      const secure = url.protocol === 'https:'
      const request: ClientRequest = (secure ? requestHttps : requestHttp)(url, {
        method: init.method ?? 'GET', headers: Object.fromEntries(new Headers(init.headers)), lookup: lookup as never, agent: secure ? https : http,
        ...(init.signal == null ? {} : { signal: init.signal }),
      })
      request.on('response', (response) => {
        try {
          done(responseOf(response))
        } catch (error) {
          response.destroy()
          fail(error)
        }
      })
      request.on('error', fail)
      request.end()
    }),
  })
}

/** Connections that nobody uses are kept for so long. */
const IDLE_MS = 5000

const systemAddresses = async (host: string): Promise<readonly string[]> => (await lookUp(host, { all: true })).map(({ address }) => address)

/** @throws {MountError} `MOUNT_UNREACHABLE`: no answer of HTTP, or an encoded one, which nobody asked for */
const responseOf = (message: IncomingMessage): Response => {
  const status = message.statusCode ?? 0
  if (status < 200 || status > 599) throw new MountError('MOUNT_UNREACHABLE', `an answer with a status that is none; status=${status}`)
  // a fetch decodes; here it would be taken for the bytes themselves
  if ((message.headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') throw new MountError('MOUNT_UNREACHABLE', 'the bytes are encoded, which was not asked for')
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headersDistinct)) for (const each of value ?? []) headers.append(name, each)
  // of these a Response has no body
  const bare = status === 204 || status === 205 || status === 304
  if (bare) message.resume()
  return new Response(bare ? null : Readable.toWeb(message) as ReadableStream, { status, headers })
}
