/**
 * Which hosts may be asked for bytes on behalf of somebody who is not trusted: without it, a URL that arrives from outside makes
 * this process ask whatever it can reach inside (server-side request forgery).
 */
import { MountError } from './errors.ts'
import { decodeFirstOf, FIRST_OF_SCHEME } from './first-of-url.ts'
import { isV4, parseAddress, parseWritten } from './ip-address.ts'
import { schemeOf } from './url-scheme.ts'

export interface HostGuardOptions {
  /** Hosts that may be asked whatever they are: a name, `*.` and a domain, an address, or a range such as `10.1.0.0/16`. @default none */
  readonly allow?: readonly string[]
  /** Hosts that may not, in the same forms; stronger than `allow`. @default none */
  readonly deny?: readonly string[]
  /** Private, loopback and other addresses that are not of the public network. @default false */
  readonly allowPrivate?: boolean
  /** Schemes of URLs, lower case; of a `first-of` each URL in it is checked. @default http, https, lotus, first-of */
  readonly schemes?: readonly string[]
}

export interface HostGuard {
  /**
   * What its text says: scheme, and the host where it has one; a name that is no address has to be resolved and checked by
   * {@link checkAddresses}.
   *
   * @throws {MountError} `MOUNT_FORBIDDEN`; the message names the host at most
   */
  checkUrl (url: string): void
  /**
   * What a host name stands for: all addresses have to be allowed.
   *
   * @param host - as a URL has it
   * @throws {MountError} `MOUNT_FORBIDDEN`
   */
  checkAddresses (host: string, addresses: readonly string[]): void
}

export const GUARDED_SCHEMES: readonly string[] = Object.freeze(['http', 'https', 'lotus', FIRST_OF_SCHEME])

/** @throws {TypeError} an entry of `allow` or `deny` that is none of the forms */
export const createHostGuard = ({ allow = [], deny = [], allowPrivate = false, schemes = GUARDED_SCHEMES }: HostGuardOptions = {}): HostGuard => {
  const allowed = allow.map(parseRule)
  const denied = deny.map(parseRule)
  const known = new Set(schemes)
  const matches = (rules: readonly Rule[], host: string, address: bigint | undefined): boolean => rules.some((rule) =>
    rule.kind === 'name' ? rule.name === host : rule.kind === 'domain' ? host.endsWith(rule.end) : address !== undefined && inRange(address, rule))
  const refuse = (host: string, why: string): never => { throw new MountError('MOUNT_FORBIDDEN', `${why}; host=${host}`) }

  const checkAddress = (host: string, address: bigint): void => {
    if (matches(denied, host, address)) refuse(host, 'host is denied')
    if (allowPrivate || matches(allowed, host, address)) return
    const special = SPECIAL.find((range) => inRange(address, range))?.what ?? (isV4(address) || inRange(address, GLOBAL) ? undefined : 'not global unicast')
    if (special !== undefined) refuse(host, `not an address of the public network (${special})`)
  }
  const guard: HostGuard = {
    checkUrl: (url) => {
      const scheme = schemeOf(url)
      if (!known.has(scheme)) throw new MountError('MOUNT_FORBIDDEN', `scheme is not allowed here; scheme=${scheme}`)
      if (scheme === FIRST_OF_SCHEME) for (const inner of decodeFirstOf(url)) guard.checkUrl(inner)
      if (scheme !== 'http' && scheme !== 'https') return
      let parsed: URL
      try {
        parsed = new URL(url)
      } catch {
        throw new MountError('MOUNT_BAD_URL', `not a URL; scheme=${scheme}`)
      }
      if (parsed.username !== '' || parsed.password !== '') throw new MountError('MOUNT_BAD_URL', `URL with credentials; host=${parsed.host}`)
      // the parser has turned decimal, octal, hexadecimal and short forms into four numbers
      const host = hostOf(parsed.hostname)
      const address = parseAddress(host)
      if (address !== undefined) return checkAddress(host, address)
      if (matches(denied, host, undefined)) refuse(host, 'host is denied')
      if (!allowPrivate && !matches(allowed, host, undefined) && isLocalName(host)) refuse(host, 'a name of this machine or network')
    },
    checkAddresses: (name, addresses) => {
      const host = hostOf(name)
      if (addresses.length === 0) refuse(host, 'host has no address')
      for (const text of addresses) {
        const address = parseAddress(hostOf(text))
        if (address === undefined) refuse(host, 'host has an address that is none')
        else checkAddress(host, address)
      }
    },
  }
  return guard
}

/** Lower case, without brackets and dots at the end. */
const hostOf = (host: string): string => host.toLowerCase().replace(/^\[(.*)\]$/u, '$1').replace(/\.+$/u, '')

const isLocalName = (host: string): boolean => host === '' || !host.includes('.') || /\.(?:localhost|local|internal|lan|home|intranet|home\.arpa)$/u.test(host)

interface Range { readonly kind: 'range', readonly from: bigint, readonly bits: number }
type Rule = { readonly kind: 'name', readonly name: string } | { readonly kind: 'domain', readonly end: string } | Range

/** IPv4 stands in the middle of IPv6, and a range of that is none of its. */
const inRange = (address: bigint, { from, bits }: Pick<Range, 'from' | 'bits'>): boolean =>
  isV4(address) === (bits >= 96 && isV4(from)) && (address ^ from) >> BigInt(128 - bits) === 0n

const parseRule = (text: string): Rule => {
  const [base = '', length, ...more] = text.split('/')
  const address = parseAddress(hostOf(base))
  if (address !== undefined && address !== parseWritten(hostOf(base))) throw new TypeError(`a range that stands for IPv4 addresses is written as these; got=${JSON.stringify(text)}`)
  if (address !== undefined && more.length === 0) {
    const most = base.includes(':') ? 128 : 32
    const bits = length === undefined ? most : /^\d{1,3}$/u.test(length) ? Number(length) : Number.NaN
    if (bits >= 0 && bits <= most) return { kind: 'range', from: address, bits: bits + 128 - most }
  }
  const host = hostOf(text)
  if (address === undefined && /^\*\.[^*/:]+$/u.test(host)) return { kind: 'domain', end: host.slice(1) }
  if (address === undefined && /^[^*/:]+$/u.test(host)) return { kind: 'name', name: host }
  throw new TypeError(`not a host, domain, address or range; got=${JSON.stringify(text)}`)
}

/** Of IPv6 nothing else is given out. Source: RFC 4291, section 2.4; the IANA registry of IPv6 address space. */
const GLOBAL = parseRule('2000::/3') as Range

/** Sources: the IANA registries of special-purpose IPv4 and IPv6 addresses. */
const SPECIAL: readonly (Range & { readonly what: string })[] = ([
  ['this network', '0.0.0.0/8'], ['private', '10.0.0.0/8'], ['shared', '100.64.0.0/10'], ['loopback', '127.0.0.0/8'], ['link-local', '169.254.0.0/16'],
  ['private', '172.16.0.0/12'], ['protocol assignments', '192.0.0.0/24'], ['documentation', '192.0.2.0/24'], ['relays', '192.88.99.0/24'],
  ['private', '192.168.0.0/16'], ['benchmarks', '198.18.0.0/15'], ['documentation', '198.51.100.0/24'], ['documentation', '203.0.113.0/24'],
  ['multicast', '224.0.0.0/4'], ['reserved', '240.0.0.0/4'],
  ['protocol assignments', '2001::/23'], ['documentation', '2001:db8::/32'], ['documentation', '3fff::/20'],
] as const).map(([what, text]) => ({ ...parseRule(text) as Range, what }))
