/** Where a node's RPC is: an address as IPFS writes it, or a URL. */
import { IpfsError } from './errors.ts'

const HOSTS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])
/** Whoever listens everywhere is reached here. */
const ANYWHERE = new Map([['0.0.0.0', '127.0.0.1'], ['::', '::1']])

/**
 * @param address - `/ip4/127.0.0.1/tcp/5001`, also with `ip6`, `dns`, `dns4`, `dns6`, and with `/http`, `/https` or `/tls/http`
 *   behind it; or `http://…`, `https://…`
 * @throws {IpfsError} `IPFS_BAD_ADDRESS`
 */
export const apiUrl = (address: string): string => {
  const text = address.trim()
  if (/^https?:\/\//u.test(text) && URL.canParse(text)) return text
  const [empty, kind = '', host = '', tcp, port = '', ...rest] = text.replace(/\/$/u, '').split('/')
  const scheme = { '': 'http', http: 'http', https: 'https', 'tls/http': 'https' }[rest.join('/')]
  if (empty === '' && HOSTS.has(kind) && host !== '' && tcp === 'tcp' && isPort(port) && scheme !== undefined) {
    const name = ANYWHERE.get(host) ?? host
    const url = `${scheme}://${kind === 'ip6' ? `[${name}]` : name}:${port}`
    if (URL.canParse(url)) return url
  }
  // what is no address may be a URL with a password in it
  throw new IpfsError('IPFS_BAD_ADDRESS', 'not the address of an RPC over TCP; want=/ip4/127.0.0.1/tcp/5001 or http://127.0.0.1:5001')
}

const isPort = (text: string): boolean => /^\d{1,5}$/u.test(text) && Number(text) > 0 && Number(text) < 65536
