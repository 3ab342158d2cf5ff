/**
 * The CARv1 header: a varint length and that many bytes of DAG-CBOR `{roots: [CID…], version: 1}`.
 *
 *     varint | a2 65 'roots' 8N (d8 2a 58 LL 00 <cid>)* 67 'version' 01
 *
 * Source: IPLD CARv1 specification, "Header"; go-car v2/internal/carv1 `ReadHeader`. Looser than the specification, as
 * go-car is: `roots: null` means no roots. Written is always the list.
 */
import { decode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { CarV2Error } from './errors.ts'
import { varintBytes, writeVarint } from './varint.ts'

const ROOTS_KEY = Uint8Array.of(0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73)
const VERSION_1 = Uint8Array.of(0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x01)
const LIST = 4
const BYTES = 2

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

/**
 * Decode the header's DAG-CBOR, without the length varint. A header of another version has no roots here.
 *
 * @throws {CarV2Error} `CARV2_BAD_HEADER`: not DAG-CBOR, not such a map, or a root that is no CID; `cause` where there is one
 */
export const decodeCarV1Header = (body: Uint8Array): { readonly version: number, readonly roots: readonly CID[] } => {
  let value: unknown
  try {
    value = decode(body)
  } catch (cause) {
    throw new CarV2Error('CARV2_BAD_HEADER', 'header is not DAG-CBOR', { cause })
  }
  if (typeof value !== 'object' || value === null || !('version' in value) || !Number.isSafeInteger(value.version)) {
    throw new CarV2Error('CARV2_BAD_HEADER', 'header has no version')
  }
  const version = value.version as number
  if (version !== 1) return { version, roots: [] }
  if (!('roots' in value)) throw new CarV2Error('CARV2_BAD_HEADER', 'header has no roots field')
  if (value.roots === null) return { version, roots: [] }
  if (!Array.isArray(value.roots)) throw new CarV2Error('CARV2_BAD_HEADER', 'roots are not a list')
  const roots = value.roots.map((root: unknown, i) => {
    const cid = CID.asCID(root)
    // a map of CBOR can have the fields by which other programs' CIDs are known, but never the same bytes in two of them
    if (cid === null || !(cid.bytes instanceof Uint8Array)) throw new CarV2Error('CARV2_BAD_HEADER', `root is no CID; root=${i}`)
    return cid
  })
  return { version, roots }
}

const cborHeadBytes = (length: number): number => length < 24 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5

const writeCborHead = (out: Uint8Array, at: number, major: number, length: number): number => {
  const bytes = cborHeadBytes(length)
  // 24, 25, 26: the length follows in one, two, four bytes
  out[at] = (major << 5) | (bytes === 1 ? length : bytes === 2 ? 24 : bytes === 3 ? 25 : 26)
  for (let i = 1; i < bytes; i++) out[at + i] = Math.floor(length / 256 ** (bytes - 1 - i)) % 256
  return at + bytes
}
