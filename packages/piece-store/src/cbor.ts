/**
 * DAG-CBOR as Go's cbor-gen writes it, as values; for small records that others wrote.
 *
 * Looser than DAG-CBOR: keys in any order, text that is no UTF-8 (old labels of deals are any bytes), long forms of integers.
 */
import { badRow } from './deal-fields.ts'

/** Links are the bytes of their CID. Whole numbers beyond 2^53 are `bigint`. */
export type CborValue = number | bigint | string | boolean | null | Uint8Array | CborLink | readonly CborValue[] | ReadonlyMap<string, CborValue>

export interface CborLink { readonly link: Uint8Array }

const MAX_DEPTH = 32
const LINK_TAG = 42n
const LONG_FORMS: readonly number[] = [1, 2, 4, 8]
const text = new TextDecoder()

/** @throws {PieceStoreError} `PIECE_STORE_BAD_ROW`: not one whole value. Allocates no more than the bytes can fill. */
export const decodeCbor = (bytes: Uint8Array): CborValue => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const take = (size: number): number => {
    if (size > bytes.byteLength - at) throw badRow(`cbor ends early; at=${at}`)
    at += size
    return at - size
  }
  const argumentOf = (info: number): bigint => {
    if (info < 24) return BigInt(info)
    const size = LONG_FORMS[info - 24]
    if (size === undefined) throw badRow(`cbor length form; at=${at - 1}`)
    const start = take(size)
    return size === 8 ? view.getBigUint64(start) : BigInt(size === 1 ? view.getUint8(start) : size === 2 ? view.getUint16(start) : view.getUint32(start))
  }
  const string = (length: bigint): Uint8Array => {
    const start = take(length > BigInt(bytes.byteLength) ? Infinity : Number(length))
    return bytes.subarray(start, at)
  }
  const items = <T>(count: bigint, item: () => T): T[] => {
    if (count > BigInt(bytes.byteLength - at)) throw badRow(`cbor ends early; at=${at}`)
    return Array.from({ length: Number(count) }, item)
  }
  const value = (depth: number): CborValue => {
    if (depth > MAX_DEPTH) throw badRow(`cbor nested too deep; at=${at}`)
    const initial = bytes[take(1)]!
    const major = initial >> 5
    const info = initial & 0x1f
    if (major === 7) {
      if (info === 20 || info === 21) return info === 21
      if (info === 22 || info === 23) return null
      throw badRow(`cbor simple value; at=${at - 1}`)
    }
    const argument = argumentOf(info)
    switch (major) {
      case 0: return exact(argument)
      case 1: return exact(-1n - argument)
      case 2: return string(argument)
      case 3: return text.decode(string(argument))
      case 4: return items(argument, () => value(depth + 1))
      case 5: return new Map(items(argument, () => {
        const key = value(depth + 1)
        if (typeof key !== 'string') throw badRow(`cbor key is no text; at=${at}`)
        return [key, value(depth + 1)] as const
      }))
      default: {
        const link = argument === LINK_TAG ? value(depth + 1) : undefined
        if (!(link instanceof Uint8Array) || link[0] !== 0) throw badRow(`cbor tag is no link; at=${at}`)
        return { link: link.subarray(1) }
      }
    }
  }
  const whole = value(0)
  if (at < bytes.byteLength) throw badRow(`bytes behind the cbor; at=${at}`)
  return whole
}

const exact = (integer: bigint): number | bigint => {
  const number = Number(integer)
  return Number.isSafeInteger(number) ? number : integer
}
