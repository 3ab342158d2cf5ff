/**
 * Reads DAG-CBOR item by item without building values; no recursion.
 *
 *     head  major type in the top 3 bits, then a length form: below 24 the argument itself, 24 to 27 in 1, 2, 4, 8 bytes
 *     d8 2a tag 42, then a byte string: 00, then the bytes of a CID
 *
 * Source: IPLD DAG-CBOR specification. Looser: the order of map keys, doubled keys and long forms of integers are not checked.
 */
import type { CID } from 'multiformats/cid'
import { cidAt } from './cid-bytes.ts'

const LINK_TAG = 42
const SIZES = [1, 2, 4, 8]

export const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, list: 4, map: 5, link: 6, simple: 7 } as const

/** Every method throws an `Error` where the bytes are not DAG-CBOR. */
export class CborScan {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  /** Of the item whose head was read last. */
  major = 0
  /** Argument of the head read last: a length in bytes, items or entries. */
  argument = 0

  constructor (bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get atEnd (): boolean { return this.#at === this.#bytes.byteLength }
  /** In bytes from the start. */
  get at (): number { return this.#at }

  /** Read the head of the next item, and of a link its tag and the head of its byte string; gives the major type. */
  head (): number {
    if (this.#at >= this.#bytes.byteLength) throw new Error(`cbor ends early; at=${this.#at}`)
    const initial = this.#bytes[this.#at++]!
    const info = initial & 0x1f
    this.major = initial >> 5
    if (this.major === MAJOR.simple && (info < 20 || info === 24 || info > 27)) throw new Error(`cbor simple value; at=${this.#at - 1} info=${info}`)
    this.argument = info < 24 ? info : this.#longArgument(info)
    if (this.major !== MAJOR.link) return this.major
    if (this.argument !== LINK_TAG) throw new Error(`cbor tag; at=${this.#at} want=${LINK_TAG} got=${this.argument}`)
    const string = this.#at < this.#bytes.byteLength ? this.#bytes[this.#at++]! : 0
    if (string >> 5 !== MAJOR.bytes) throw new Error(`link is not a byte string; at=${this.#at - 1}`)
    this.argument = (string & 0x1f) < 24 ? string & 0x1f : this.#longArgument(string & 0x1f)
    return MAJOR.link
  }

  #longArgument (info: number): number {
    const size = SIZES[info - 24]
    if (size === undefined) throw new Error(`cbor length form; at=${this.#at - 1} info=${info}`)
    const at = this.#at
    if (at + size > this.#bytes.byteLength) throw new Error(`cbor ends early; at=${at}`)
    this.#at += size
    return size === 1 ? this.#view.getUint8(at) : size === 2 ? this.#view.getUint16(at) : size === 4 ? this.#view.getUint32(at) : Number(this.#view.getBigUint64(at))
  }

  /** The string whose head was read last; a view. */
  string (): Uint8Array {
    if (this.argument > this.#bytes.byteLength - this.#at) throw new Error(`cbor string ends early; at=${this.#at} length=${this.argument}`)
    this.#at += this.argument
    return this.#bytes.subarray(this.#at - this.argument, this.#at)
  }

  /** The link whose head was read last. */
  link (): CID {
    const string = this.string()
    if (string[0] !== 0) throw new Error(`link without the leading zero; at=${this.#at - string.byteLength}`)
    return cidAt(string, 1, string.byteLength)
  }

  /** Pass over the rest of the item whose head was read last, with all that is in it. */
  skip (onLink: (link: CID) => void): void {
    // items still expected; a sum serves, since what nests in what has no bearing on where it ends
    let expected = 0
    for (;;) {
      switch (this.major) {
        case MAJOR.bytes: case MAJOR.text:
          this.string()
          break
        case MAJOR.list: case MAJOR.map:
          expected += this.major === MAJOR.map ? 2 * this.argument : this.argument
          // every item takes a byte at least
          if (expected > this.#bytes.byteLength - this.#at) throw new Error(`cbor ends early; at=${this.#at}`)
          break
        case MAJOR.link:
          onLink(this.link())
      }
      if (expected === 0) return
      expected--
      this.head()
    }
  }
}
