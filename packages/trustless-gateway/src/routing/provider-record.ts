/**
 * Who has a block: what a gateway says of itself.
 *
 *     { "Schema": "peer", "ID": "Qm…", "Addrs": ["/dns/gateway.example/tcp/443/https"], "Protocols": ["transport-ipfs-gateway-http"] }
 *
 * Source: IPFS delegated routing V1, "Peer Schema".
 */
import type { Hashes } from '@dagstore/hashes'
import { base58btc } from 'multiformats/bases/base58'
import { peerHash } from './peer-hash.ts'

export interface ProviderRecordOptions {
  /** Of this gateway, as text: `12D3…`, `Qm…`, or a CID of its key. @default derived from its addresses, so that it stays the same */
  readonly peerId?: string | undefined
  /** Multiaddrs by which it is reached. @default made of the origin that it was asked at */
  readonly addresses?: readonly string[] | undefined
}

export interface PeerRecord {
  readonly Schema: 'peer'
  readonly ID: string
  readonly Addrs: readonly string[]
  readonly Protocols: readonly string[]
}

export const GATEWAY_PROTOCOL = 'transport-ipfs-gateway-http'

const SHA2_256 = 0x12

/** What is given, as it is. @throws {TypeError} a peer ID or an address that is none: everybody who asks would stumble over it */
export const checkedProviders = (options: ProviderRecordOptions = {}): ProviderRecordOptions => {
  const { peerId, addresses = [] } = options
  if (peerId !== undefined && peerHash(peerId) === undefined) throw new TypeError(`no peer ID; got=${peerId}`)
  for (const address of addresses) if (!ADDRESS.test(address)) throw new TypeError(`no multiaddr; got=${address}`)
  return options
}

/** Begins with a protocol; whether it is one is for those to know who dial. */
const ADDRESS = /^\/[a-z]\S*$/

/** @param origin - where the gateway was reached: `https://gateway.example` */
export const recordOf = ({ peerId, addresses }: ProviderRecordOptions, origin: string | undefined, hashes: Hashes): PeerRecord => {
  const Addrs = addresses ?? (origin === undefined ? [] : addressesOf(origin))
  return { Schema: 'peer', ID: peerId ?? derivedId(Addrs, hashes), Addrs, Protocols: [GATEWAY_PROTOCOL] }
}

/** Of the form that IDs have which name a key by its hash; no key hashes to it. */
const derivedId = (addresses: readonly string[], hashes: Hashes): string =>
  base58btc.baseEncode(hashes.multihash(SHA2_256, new TextEncoder().encode(`gateway\n${addresses.join('\n')}`)))

const addressesOf = (origin: string): readonly string[] => {
  if (!URL.canParse(origin)) return []
  const { protocol, hostname, port } = new URL(origin)
  const secure = protocol === 'https:'
  if (hostname === '' || (!secure && protocol !== 'http:')) return []
  const host = hostname.startsWith('[') ? `/ip6/${hostname.slice(1, -1)}` : /^\d+(?:\.\d+){3}$/.test(hostname) ? `/ip4/${hostname}` : `/dns/${hostname}`
  return [`${host}/tcp/${port === '' ? (secure ? 443 : 80) : port}/${secure ? 'https' : 'http'}`]
}
