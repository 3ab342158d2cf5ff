/**
 * The structure of a binary CID: where its parts lie, without making objects of them.
 *
 *     CIDv0   12 20 | 32 bytes of digest                                 codec dag-pb, hash sha2-256
 *     CIDv1   01 | varint codec | varint hash code | varint length | digest
 *
 * Source: multiformats CID specification; go-cid `CidFromBytes`. Stricter: the caller bounds the length.
 */
import { CarV2Error } from './errors.ts'
import { readVarint, VARINT_CUT, varintBytes } from './varint.ts'

/** Multihash code of a digest that is the data itself. */
export const IDENTITY_CODE = 0x00
const DAG_PB = 0x70
const SHA2_256 = 0x12

/** What follows the first byte of the varint of blake2b-256 and a length of 32: e4 02 20. */
export const BLAKE2B_256_HEAD = 0xe40220

/** {@link CidCursor.read}: the CID goes on behind `end`. */
export const CID_CUT = 0
/** {@link CidCursor.read}: version, or a varint in it, is not legal. */
export const CID_BAD = -1

/** The parts of the CID read last; one object is used again and again by a scan. Positions count from the start of the bytes. */
export class CidCursor {
  version: 0 | 1 = 1
  codec = 0
  hashCode = 0
  multihashAt = 0
  digestAt = 0
  digestBytes = 0
  /** Of the whole CID; when it is cut what it says of itself, or 0 when it is cut before that. */
  length = 0

  /** The length of the CID at `at`, reading below `end`; {@link CID_CUT} or {@link CID_BAD} when there is none. */
  read (bytes: Uint8Array, at: number, end: number): number {
    this.length = 0
    if (at >= end) return CID_CUT
    const first = bytes[at]!
    let p: number
    if (first === SHA2_256) {
      if (at + 1 >= end) return CID_CUT
      if (bytes[at + 1] !== 0x20) return CID_BAD
      this.version = 0
      this.codec = DAG_PB
      p = at
    } else {
      if (first !== 1) return CID_BAD
      const codec = readVarint(bytes, at + 1, end)
      if (codec < 0) return codec === VARINT_CUT ? CID_CUT : CID_BAD
      this.version = 1
      this.codec = codec
      p = at + 1 + varintBytes(codec)
    }
    this.multihashAt = p
    const hashCode = readVarint(bytes, p, end)
    if (hashCode < 0) return hashCode === VARINT_CUT ? CID_CUT : CID_BAD
    p += varintBytes(hashCode)
    const digestBytes = readVarint(bytes, p, end)
    if (digestBytes < 0) return digestBytes === VARINT_CUT ? CID_CUT : CID_BAD
    p += varintBytes(digestBytes)
    this.hashCode = hashCode
    this.digestAt = p
    this.digestBytes = digestBytes
    this.length = p + digestBytes - at
    return digestBytes > end - p ? CID_CUT : this.length
  }
}

/** Where the parts of one CID lie; `multihash` and `digest` are views of the bytes given. */
export interface ParsedCid {
  readonly version: 0 | 1
  readonly codec: number
  readonly hashCode: number
  readonly digest: Uint8Array
  /** varint code, varint length, digest. */
  readonly multihash: Uint8Array
  /** Bytes of the whole CID; others may follow. */
  readonly length: number
}

/**
 * Take the CID at `at` apart. Structural only: nothing is hashed, and any digest length is legal.
 *
 * @throws {CarV2Error} `CARV2_TRUNCATED`: the bytes end first. `CARV2_BAD_CID`: no CID. `offset` is `at`.
 */
export const parseCid = (bytes: Uint8Array, at = 0): ParsedCid => {
  const cursor = new CidCursor()
  const length = cursor.read(bytes, at, bytes.byteLength)
  if (length === CID_CUT) throw new CarV2Error('CARV2_TRUNCATED', `bytes end inside a CID; at=${at}`, { offset: at })
  if (length === CID_BAD) throw new CarV2Error('CARV2_BAD_CID', `not a CID; at=${at} first=${bytes[at]}`, { offset: at })
  const { version, codec, hashCode, digestAt, multihashAt } = cursor
  return { version, codec, hashCode, digest: bytes.subarray(digestAt, at + length), multihash: bytes.subarray(multihashAt, at + length), length }
}
