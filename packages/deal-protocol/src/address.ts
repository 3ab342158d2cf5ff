/**
 * Addresses of Filecoin, between the text that people see and the bytes in a proposal.
 *
 *     text                                      bytes                             what
 *     f0 <decimal id>                           00, id as unsigned LEB128         an actor's number, below 2^63
 *     f1, f2 <base32 of payload + checksum>     01 or 02, 20 bytes                key of secp256k1, actor
 *     f3 <base32 of payload + checksum>         03, 48 bytes                      key of BLS
 *     f4 <decimal id> f <base32 likewise>       04, id as LEB128, 0 to 54 bytes   address below another actor
 *
 * The checksum is blake2b of 4 bytes over the bytes. `t` in place of the first `f`: an address of a test network; the bytes do not say which.
 *
 * Source: filecoin-project go-address `address.go`. Stricter: one text for one address, so no zeros before an id.
 */
import { blake2b } from '@noble/hashes/blake2.js'
import { base32 } from 'multiformats/bases/base32'
import { DealError } from './errors.ts'

const CHECKSUM_BYTES = 4
/** By protocol; `undefined`: not of a fixed length. */
const PAYLOAD_BYTES = [undefined, 20, 20, 48, undefined] as const
const MAX_SUBADDRESS_BYTES = 54
const MAX_TEXT = 128
const MAX_ID = (1n << 63n) - 1n
const ID = /^(?:0|[1-9]\d{0,18})$/u

/** Text and bytes of either network. @throws {DealError} `DEAL_BAD_PROPOSAL`: no address */
export const encodeAddress = (text: string): Uint8Array => {
  const [, protocol, rest = ''] = (text.length <= MAX_TEXT ? /^[ft]([0-4])([0-9a-z]+)$/u.exec(text) : null) ?? []
  switch (protocol) {
    case undefined: throw bad()
    case '0': return Uint8Array.of(0, ...leb128(idOf(rest)))
    case '4': {
      const at = rest.indexOf('f')
      if (at === -1) throw bad()
      return checked(Uint8Array.of(4, ...leb128(idOf(rest.slice(0, at)))), rest.slice(at + 1), undefined)
    }
    default: return checked(Uint8Array.of(Number(protocol)), rest, PAYLOAD_BYTES[Number(protocol)])
  }
}

/** @throws {DealError} `DEAL_BAD_PROPOSAL`: no address, or one that is not written in its one form */
export const decodeAddress = (bytes: Uint8Array, network: 'f' | 't' = 'f'): string => {
  const [protocol = -1] = bytes
  const payload = bytes.subarray(1)
  if (protocol === 0) {
    const [id, length] = readLeb128(payload)
    if (length !== payload.byteLength) throw bad()
    return `${network}0${id}`
  }
  if (protocol === 4) {
    const [id, length] = readLeb128(payload)
    const sub = payload.subarray(length)
    if (sub.byteLength > MAX_SUBADDRESS_BYTES) throw bad()
    return `${network}4${id}f${withChecksum(bytes, sub)}`
  }
  if (PAYLOAD_BYTES[protocol] === undefined || payload.byteLength !== PAYLOAD_BYTES[protocol]) throw bad()
  return `${network}${protocol}${withChecksum(bytes, payload)}`
}

/** @param head - what stands before the payload, in bytes */
const checked = (head: Uint8Array, text: string, length: number | undefined): Uint8Array => {
  let decoded: Uint8Array
  try {
    decoded = base32.baseDecode(text)
  } catch (cause) {
    throw bad({ cause })
  }
  const payload = decoded.subarray(0, Math.max(0, decoded.byteLength - CHECKSUM_BYTES))
  const address = Uint8Array.of(...head, ...payload)
  const fits = length === undefined ? payload.byteLength <= MAX_SUBADDRESS_BYTES : payload.byteLength === length
  if (!fits || withChecksum(address, payload) !== text) throw bad()
  return address
}

const withChecksum = (address: Uint8Array, payload: Uint8Array): string =>
  base32.baseEncode(Uint8Array.of(...payload, ...blake2b(address, { dkLen: CHECKSUM_BYTES })))

const idOf = (text: string): bigint => {
  const id = ID.test(text) ? BigInt(text) : -1n
  if (id < 0n || id > MAX_ID) throw bad()
  return id
}

const leb128 = (value: bigint): number[] => {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

/** The number and how many bytes it takes; the shortest form only. */
const readLeb128 = (bytes: Uint8Array): [bigint, number] => {
  let value = 0n
  for (let at = 0; at < Math.min(9, bytes.byteLength); at++) {
    const byte = bytes[at] as number
    value |= BigInt(byte & 0x7f) << BigInt(7 * at)
    if (byte >= 0x80) continue
    if (byte === 0 && at > 0) break
    return [value, at + 1]
  }
  throw bad()
}

const bad = (options?: ErrorOptions): DealError => new DealError('DEAL_BAD_PROPOSAL', 'no address', options)
