/**
 * The links of a DAG-CBOR block, found without building its value: one pass over the bytes, no recursion.
 *
 *     d8 2a  tag 42, then a byte string: 00, then the bytes of a CID
 *
 * Links come in the order of the bytes, also where a JavaScript object would put map keys in another one ('10' before 'b').
 * Source: IPLD DAG-CBOR specification. Looser: the order of map keys, doubled keys and long forms of integers are not checked.
 */
import { CID } from 'multiformats/cid'

const LINK_TAG = 42

/** @throws {Error} malformed, truncated or with bytes left over; indefinite lengths and tags other than 42, which DAG-CBOR forbids */
export const cborLinks = (bytes: Uint8Array): CID[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const links: CID[] = []
  // items still expected; a sum serves, since what nests in what has no bearing on the links
  let expected = 1
  let at = 0

  const argument = (info: number): number => {
    if (info < 24) return info
    const size = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0
    if (size === 0) throw new Error(`cbor length form; at=${at - 1} info=${info}`)
    if (at + size > bytes.byteLength) throw new Error(`cbor ends early; at=${at}`)
    const value = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : size === 4 ? view.getUint32(at) : Number(view.getBigUint64(at))
    at += size
    return value
  }
  const string = (length: number): Uint8Array => {
    if (length > bytes.byteLength - at) throw new Error(`cbor string ends early; at=${at} length=${length}`)
    at += length
    return bytes.subarray(at - length, at)
  }
  const expect = (items: number): void => {
    expected += items
    // every item takes a byte at least
    if (expected > bytes.byteLength - at) throw new Error(`cbor ends early; at=${at}`)
  }

  while (expected > 0) {
    if (at >= bytes.byteLength) throw new Error(`cbor ends early; at=${at}`)
    const initial = view.getUint8(at++)
    const info = initial & 0x1f
    expected--
    switch (initial >> 5) {
      case 0: case 1:
        argument(info)
        break
      case 2: case 3:
        string(argument(info))
        break
      case 4:
        expect(argument(info))
        break
      case 5:
        expect(2 * argument(info))
        break
      case 6: {
        const tag = argument(info)
        if (tag !== LINK_TAG) throw new Error(`cbor tag; at=${at} want=${LINK_TAG} got=${tag}`)
        const head = at < bytes.byteLength ? view.getUint8(at++) : 0
        if (head >> 5 !== 2) throw new Error(`link is not a byte string; at=${at - 1}`)
        const link = string(argument(head & 0x1f))
        if (link[0] !== 0) throw new Error(`link without the leading zero; at=${at - link.byteLength}`)
        // a copy, so that a kept link does not keep its block
        links.push(CID.decode(link.slice(1)))
        break
      }
      default:
        if (info < 20 || info === 24 || info > 27) throw new Error(`cbor simple value; at=${at - 1} info=${info}`)
        if (info > 24) argument(info)
    }
  }
  if (at !== bytes.byteLength) throw new Error(`bytes after the cbor value; at=${at}`)
  return links
}
