/** Where a node answers, as Lotus writes it: a multiaddr or a URL, with a token in front or without. */

export interface ApiAddress {
  /** `http://host:port` or `https://…`, without a path unless one was given. Calls go to `/rpc/v0` below it. */
  readonly url: string
  /** Bearer token; `undefined`: none, which allows what the server allows anybody. */
  readonly token: string | undefined
}

/** Source: lotus cli/util/apiinfo.go `infoWithToken`: three base64url parts, and what follows the first colon behind them. */
const WITH_TOKEN = /^([\w-]+\.[\w-]+\.[\w-]*):(.+)$/su

/**
 * What `--api-info`, `DAGSTORE_API_INFO` and Lotus's `MINER_API_INFO` hold: `TOKEN:/ip4/127.0.0.1/tcp/2345/http`,
 * `TOKEN:http://host:2345`, or either without the token.
 *
 * @throws {SyntaxError} neither; the message does not repeat it, since it may hold a token
 */
export const parseApiInfo = (text: string): ApiAddress => {
  const found = WITH_TOKEN.exec(text.trim())
  return { url: parseAddress(found?.[2] ?? text.trim()), token: found?.[1] }
}

export const isApiInfo = (text: string): boolean => {
  try {
    parseApiInfo(text)
    return true
  } catch {
    return false
  }
}

/** @returns an `http:` or `https:` URL without a slash at its end @throws {SyntaxError} no multiaddr of TCP, and no URL of HTTP or WebSocket */
export const parseAddress = (text: string): string => text.startsWith('/') ? multiaddrUrl(text) : plainUrl(text)

const HOSTS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])
const SCHEMES: Readonly<Record<string, string>> = { '': 'http', http: 'http', ws: 'http', https: 'https', wss: 'https', 'tls/http': 'https', 'tls/ws': 'https' }

const multiaddrUrl = (text: string): string => {
  const [, kind = '', host = '', tcp, port = '', ...rest] = text.split('/')
  const scheme = SCHEMES[rest.join('/')]
  if (!HOSTS.has(kind) || host === '' || tcp !== 'tcp' || !/^\d{1,5}$/.test(port) || scheme === undefined) throw new SyntaxError('no multiaddr such as /ip4/127.0.0.1/tcp/2350/http')
  return plainUrl(`${scheme}://${kind === 'ip6' ? `[${host}]` : host}:${port}`)
}

const plainUrl = (text: string): string => {
  if (!URL.canParse(text)) throw new SyntaxError('no URL such as http://127.0.0.1:2350')
  const { protocol, host, pathname, username, password, search, hash } = new URL(text)
  const scheme = { 'http:': 'http', 'ws:': 'http', 'https:': 'https', 'wss:': 'https' }[protocol]
  if (scheme === undefined || host === '' || [username, password, search, hash].some((part) => part !== '')) throw new SyntaxError('no URL such as http://127.0.0.1:2350')
  return `${scheme}://${host}${pathname.replace(/\/+$/, '')}`
}

/** `http://127.0.0.1:2350` as `/ip4/127.0.0.1/tcp/2350/http`. @throws {TypeError} a URL with a path, or none of HTTP */
export const multiaddrOf = (url: string): string => {
  const { protocol, hostname, port, pathname } = new URL(url)
  if ((protocol !== 'http:' && protocol !== 'https:') || pathname !== '/') throw new TypeError('a multiaddr is made of http://host:port')
  const scheme = protocol.slice(0, -1)
  const isV6 = hostname.startsWith('[')
  const host = isV6 ? hostname.slice(1, -1) : hostname
  const kind = isV6 ? 'ip6' : /^\d+\.\d+\.\d+\.\d+$/.test(host) ? 'ip4' : 'dns'
  return `/${kind}/${host}/tcp/${port === '' ? (scheme === 'https' ? '443' : '80') : port}/${scheme}`
}
