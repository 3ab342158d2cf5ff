/**
 * The CARv1 header: a varint length and that many bytes of DAG-CBOR `{roots: [CID…], version: 1}`.
 *
 *     varint | a2 65 'roots' 8N (d8 2a 58 LL 00 <cid>)* 67 'version' 01
 *
 * Source: IPLD CARv1 specification, "Header"; go-car v2/internal/carv1 `ReadHeader`. As go-car: `roots: null`
 * means no roots, and other fields are refused. Stricter than go-car: DAG-CBOR, no field twice, nothing behind it, and
 * version 1 has the field. Written is always the list.
 */
import { CID } from 'multiformats/cid'
import { CidCursor } from './cid.ts'
import { CarV2Error } from './errors.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** Text keys with their heads. */
const ROOTS = Uint8Array.of(0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73)
const VERSION = Uint8Array.of(0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e)
const ROOTS_KEY = Uint8Array.of(0xa2, ...ROOTS)
const VERSION_1 = Uint8Array.of(...VERSION, 0x01)
const CID_TAG = Uint8Array.of(0xd8, 0x2a)
/** Major types of CBOR. */
const UNSIGNED = 0
const BYTES = 2
const LIST = 4
const MAP = 5
const NULL = 0xf6

/** The header with its length varint, as it stands at the start of a CARv1. */
export const encodeCarV1Header = (roots: readonly CID[]): Uint8Array => {
  const body = ROOTS_KEY.byteLength + cborHeadBytes(roots.length) + VERSION_1.byteLength +
    roots.reduce((sum, root) => sum + 3 + cborHeadBytes(root.bytes.byteLength + 1) + root.bytes.byteLength, 0)
  const out = new Uint8Array(varintBytes(body) + body)
  let at = writeVarint(out, 0, body)
  out.set(ROOTS_KEY, at)
  at = writeCborHead(out, at + ROOTS_KEY.byteLength, LIST, roots.length)
  for (const { bytes } of roots) {
    out[at++] = 0xd8
    out[at++] = 0x2a
    at = writeCborHead(out, at, BYTES, bytes.byteLength + 1)
    out.set(bytes, at + 1)
    at += bytes.byteLength + 1
  }
  out.set(VERSION_1, at)
  return out
}

/** Roots of a header at most: each becomes an object of several hundred bytes. */
export const MAX_ROOTS: number = 1 << 18

/**
 * Decode the header's DAG-CBOR, without the length varint: a map of `roots` and `version` in either order and nothing else, each
 * number in its shortest form. A header of another version has no roots here, and need not list any.
 *
 * @throws {CarV2Error} `CARV2_BAD_HEADER`: not such a map, or a root that is no CID; `cause` where there is one.
 *   `CARV2_TOO_LARGE`: more than 262,144 roots
 */
export const decodeCarV1Header = (body: Uint8Array): { readonly version: number, readonly roots: readonly CID[] } => {
  const reader = new HeaderReader(body)
  let version: number | undefined
  let roots: readonly CID[] | undefined
  const fields = reader.head(MAP, 'a map')
  if (fields > 2) throw reader.bad('a field that is neither roots nor version')
  for (let field = 0; field < fields; field++) {
    const key = reader.key()
    if (key === 'version' && version === undefined) version = reader.head(UNSIGNED, 'a version')
    else if (key === 'roots' && roots === undefined) roots = reader.roots()
    else throw reader.bad('a field twice')
  }
  reader.end()
  if (version === undefined) throw reader.bad('no version')
  if (version !== 1) return { version, roots: [] }
  if (roots === undefined) throw reader.bad('no roots field')
  return { version, roots }
}

class HeaderReader {
  readonly #bytes: Uint8Array
  #at = 0
  readonly #cid = new CidCursor()

  constructor (bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The number of an item of that major type. */
  head (major: number, what: string): number {
    const first = this.#bytes[this.#at++]
    if (first === undefined || first >>> 5 !== major) throw this.bad(`not ${what}`)
    const info = first & 0x1f
    if (info < 24) return info
    const length = info > 27 ? 0 : 2 ** (info - 24)
    if (length === 0 || length > this.#bytes.byteLength - this.#at) throw this.bad(`not ${what}`)
    let value = 0
    for (let i = 0; i < length; i++) value = value * 256 + this.#bytes[this.#at++]!
    // the shortest form: one that a byte, or half as many bytes, would not hold
    if (value < (length === 1 ? 24 : 2 ** (4 * length))) throw this.bad('a number in a longer form than needed')
    if (!Number.isSafeInteger(value)) throw this.bad('a number above 2^53 - 1')
    return value
  }

  key (): 'roots' | 'version' {
    if (this.#skip(ROOTS)) return 'roots'
    if (this.#skip(VERSION)) return 'version'
    throw this.bad('a field that is neither roots nor version')
  }

  /** @throws {CarV2Error} @see decodeCarV1Header */
  roots (): readonly CID[] {
    if (this.#bytes[this.#at] === NULL) {
      this.#at++
      return []
    }
    const count = this.head(LIST, 'a list of roots')
    if (count > MAX_ROOTS) throw new CarV2Error('CARV2_TOO_LARGE', `roots of a header; max=${MAX_ROOTS} got=${count}`)
    const roots: CID[] = []
    while (roots.length < count) roots.push(this.#root(roots.length))
    return roots
  }

  #root (i: number): CID {
    const bytes = this.#bytes
    const isLink = this.#skip(CID_TAG)
    const length = isLink ? this.head(BYTES, 'a CID') : 0
    const at = this.#at + 1
    const end = this.#at + length
    if (length < 2 || end > bytes.byteLength || bytes[at - 1] !== 0 || this.#cid.read(bytes, at, end) !== length - 1) throw this.bad(`root is no CID; root=${i}`)
    this.#at = end
    try {
      return CID.decode(bytes.subarray(at, end))
    } catch (cause) {
      throw new CarV2Error('CARV2_BAD_HEADER', `header: root is no CID; root=${i}`, { cause })
    }
  }

  end (): void {
    if (this.#at !== this.#bytes.byteLength) throw this.bad('bytes follow the map')
  }

  bad (what: string): CarV2Error {
    return new CarV2Error('CARV2_BAD_HEADER', `header: ${what}; at=${this.#at}`)
  }

  #skip (what: Uint8Array): boolean {
    for (let i = 0; i < what.byteLength; i++) if (this.#bytes[this.#at + i] !== what[i]) return false
    this.#at += what.byteLength
    return true
  }
}

const cborHeadBytes = (length: number): number => length < 24 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5

const writeCborHead = (out: Uint8Array, at: number, major: number, length: number): number => {
  const bytes = cborHeadBytes(length)
  // 24, 25, 26: the length follows in one, two, four bytes
  out[at] = (major << 5) | (bytes === 1 ? length : bytes === 2 ? 24 : bytes === 3 ? 25 : 26)
  for (let i = 1; i < bytes; i++) out[at + i] = Math.floor(length / 256 ** (bytes - 1 - i)) % 256
  return at + bytes
}
