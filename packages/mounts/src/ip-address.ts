/** Addresses of both versions as one number of 128 bits. */

/** IPv4 stands in the block that maps it into IPv6. */
const MAPPED = 0xffffn << 32n

/**
 * `undefined`: not an address. IPv4 in four decimal numbers, as a URL parser writes it; IPv6 in every form. What carries an IPv4
 * address in itself (mapped, 6to4, translated) is read as that one, since that is where the bytes go.
 */
export const parseAddress = (text: string): bigint | undefined => {
  const v6 = parseWritten(text)
  if (v6 === undefined) return undefined
  if (v6 >> 112n === 0x2002n) return MAPPED | ((v6 >> 80n) & 0xffff_ffffn)
  if (v6 >> 32n === 0x0064_ff9bn << 64n) return MAPPED | (v6 & 0xffff_ffffn)
  return v6
}

/** As it is written, what it carries left aside. */
export const parseWritten = (text: string): bigint | undefined => {
  const v4 = parseV4(text)
  return v4 === undefined ? parseV6(text.replace(/%.*$/u, '')) : MAPPED | v4
}

/** Whether the bytes go to an IPv4 address. */
export const isV4 = (address: bigint): boolean => address >> 32n === 0xffffn

const parseV4 = (text: string): bigint | undefined => {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let address = 0n
  for (const part of parts) {
    // a leading zero is octal for some and decimal for others
    if (!/^(?:0|[1-9][0-9]{0,2})$/u.test(part) || Number(part) > 255) return undefined
    address = address << 8n | BigInt(part)
  }
  return address
}

const parseV6 = (text: string): bigint | undefined => {
  if (!text.includes(':')) return undefined
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const front = groupsOf(head)
  const back = tail === undefined ? [] : groupsOf(tail)
  if (front === undefined || back === undefined) return undefined
  const missing = 8 - front.length - back.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  return [...front, ...Array.from({ length: tail === undefined ? 0 : missing }, () => 0n), ...back].reduce((address, group) => address << 16n | group, 0n)
}

const groupsOf = (text: string): bigint[] | undefined => {
  if (text === '') return []
  const groups: bigint[] = []
  const parts = text.split(':')
  for (const [at, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = at === parts.length - 1 ? parseV4(part) : undefined
      if (v4 === undefined) return undefined
      groups.push(v4 >> 16n, v4 & 0xffffn)
    } else if (/^[0-9a-f]{1,4}$/iu.test(part)) {
      groups.push(BigInt(`0x${part}`))
    } else {
      return undefined
    }
  }
  return groups
}
