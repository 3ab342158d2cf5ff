/** Who is at the other end of a connection, as far as its address says. */

/** One client: an IPv4 address, however it is written, or the first 64 bits of an IPv6 address. */
export const clientOf = (address: string | undefined): string => {
  const plain = plainAddress(address)
  if (!plain.includes(':')) return plain
  return `${networkOf(plain)}::/64`
}

/** Without the form that IPv4 addresses have in IPv6, and without a zone. */
export const plainAddress = (address: string | undefined): string => (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')

const networkOf = (address: string): string => {
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - last.length) }, () => '0')
  return [...groups, ...zeros, ...last].slice(0, 4).map((group) => group.toLowerCase()).join(':')
}

export const isLoopback = (address: string | undefined): boolean => {
  const plain = plainAddress(address)
  return plain === '::1' || /^127(\.\d{1,3}){3}$/.test(plain)
}

/** Whoever passes requests on says so; what comes from this machine then need not begin here. */
const FORWARDED = /^(?:forwarded|x-forwarded.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip|via)$/

/** Of this machine, and not passed on by a program that runs on it. */
export const isFromHere = ({ socket, headers }: { readonly headers: object, readonly socket: { readonly remoteAddress?: string | undefined } }): boolean =>
  isLoopback(socket.remoteAddress) && !Object.keys(headers).some((name) => FORWARDED.test(name))
