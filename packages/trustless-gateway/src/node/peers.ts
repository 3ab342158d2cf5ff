/** Who asks, and where he reached us: of the connection itself, or as a proxy of ours says. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { clientOf, plainAddress } from '@dagstore/io/node'

export interface Peer {
  /** Of the one who asks. */
  readonly address: string
  /** As limits count: the address, of IPv6 its network of 64 bits. */
  readonly client: string
}

export interface Asked extends Peer {
  /** `https://gateway.example`; `undefined`: the request does not say it, or not well. */
  readonly origin: string | undefined
}

export interface Peers {
  isProxy (address: string | undefined): boolean
  /** @param secure - whether the connection itself is by TLS */
  of (peer: Peer, headers: IncomingHttpHeaders, secure: boolean): Asked
}

export const peerOf = (address: string | undefined): Peer => ({ address: plainAddress(address), client: clientOf(address) })

/** @param proxies - addresses whose `X-Forwarded-*` are believed @throws {TypeError} one that is no address */
export const createPeers = (proxies: readonly string[]): Peers => {
  for (const proxy of proxies) if (isIP(proxy) === 0) throw new TypeError(`not an address of a proxy; got=${proxy}`)
  const known = new Set(proxies.map((proxy) => plainAddress(proxy).toLowerCase()))
  const isProxy = (address: string | undefined): boolean => known.size > 0 && known.has(plainAddress(address).toLowerCase())
  return {
    isProxy,
    of: (peer, headers, secure) => {
      const authority = headers[':authority'] ?? headers.host
      if (!isProxy(peer.address)) return { address: peer.address, client: peer.client, get origin () { return originOf(secure ? 'https' : 'http', authority) } }
      const from = lastForeign(headers['x-forwarded-for'], isProxy)
      const proto = last(headers['x-forwarded-proto']) ?? (secure ? 'https' : 'http')
      return { ...(from === undefined ? peer : peerOf(from)), origin: originOf(proto, last(headers['x-forwarded-host']) ?? authority) }
    },
  }
}

/** Each proxy has added the one it was asked by; what stands before the first foreign one from the end, anybody may have written. */
const lastForeign = (header: string | readonly string[] | undefined, isProxy: Peers['isProxy']): string | undefined => {
  for (const entry of partsOf(header).reverse()) {
    if (isIP(entry) === 0) return undefined
    if (!isProxy(entry)) return entry
  }
  return undefined
}

const last = (header: string | readonly string[] | undefined): string | undefined => partsOf(header).at(-1)

const partsOf = (header: string | readonly string[] | undefined): string[] => String(header ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '')

const originOf = (proto: string, authority: string | readonly string[] | undefined): string | undefined =>
  typeof authority === 'string' && /^https?$/.test(proto) && /^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(authority) ? `${proto}://${authority}` : undefined
