/**
 * The two CIDs of a piece.
 *
 *     v1   01 81e203 9220 20 | 32-byte commitment             CIDv1, fil-commitment-unsealed (0xf101), multihash 0x1012
 *     v2   01 55 9120 len | padding | height | commitment     CIDv1, raw, multihash 0x1011
 *
 * In v2 `padding` is an unsigned varint of the zero bytes behind the payload up to the end of the unpadded piece, and
 * `height` one byte: the levels above the 32-byte leaves. A payload of less than 127 bytes counts as padded up to 127.
 *
 * Source: FRC-0069; go-fil-commcid `DataCommitmentToPieceCidv2`. Looser: that refuses payloads below 127 bytes, which
 * FRC-0069 allows.
 */
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { PieceError } from './errors.ts'
import { NODE_BYTES } from './pair-hasher.ts'
import { CHUNK_PADDED, CHUNK_UNPADDED, MAX_PIECE_PADDED, pieceBytes, treeHeight, unpaddedBytes } from './sizes.ts'

export const FIL_COMMITMENT_UNSEALED = 0xf101
export const SHA2_256_TRUNC254_PADDED = 0x1012
export const FR32_SHA256_TRUNC254_PADBINTREE = 0x1011

const RAW = 0x55
/** The longest varint that a safe integer needs. */
const MAX_VARINT_BYTES = 8

/** A CID of any multiformats major, or its bytes. */
export type AnyPieceCid = Uint8Array | { readonly bytes: Uint8Array }

/** What a piece CID says; sizes in bytes. */
export interface PieceCidFacts {
  readonly version: 1 | 2
  /** 32 bytes; a copy. */
  readonly commitment: Uint8Array
  /** Bytes before the zero padding; `undefined` in v1. */
  readonly payloadBytes: number | undefined
  /** Padded size of the piece; `undefined` in v1. */
  readonly paddedBytes: number | undefined
}

/** @param commitment - 32 bytes; copied */
export const pieceCidV1 = (commitment: Uint8Array): CID =>
  CID.createV1(FIL_COMMITMENT_UNSEALED, Digest.create(SHA2_256_TRUNC254_PADDED, checkCommitment(commitment).slice()))

/**
 * The CID that says how long the payload is, for the smallest piece that holds it.
 *
 * @param commitment - 32 bytes; copied
 * @throws {PieceError} `PIECE_TOO_LARGE`: no piece holds such a payload
 * @throws {RangeError} not 32 bytes, not a number of bytes
 */
export const pieceCidV2 = (commitment: Uint8Array, payloadBytes: number): CID => {
  checkCommitment(commitment)
  // an empty payload has a v2 CID, although it is no piece of a deal
  const { padded, unpadded } = pieceBytes(payloadBytes === 0 ? CHUNK_UNPADDED : payloadBytes)
  const digest = [...encodeVarint(unpadded - payloadBytes), treeHeight(padded), ...commitment]
  return CID.createV1(RAW, Digest.create(FR32_SHA256_TRUNC254_PADBINTREE, Uint8Array.from(digest)))
}

/**
 * Read a piece CID of either version.
 *
 * @throws {PieceError} `PIECE_BAD_CID`: no CID, not of a piece, or with sizes that contradict each other
 */
export const parsePieceCid = (cid: AnyPieceCid): PieceCidFacts => {
  const bytes = cid instanceof Uint8Array ? cid : cid.bytes
  if (isPlainV1(bytes)) return { version: 1, commitment: bytes.slice(V1_HEAD.byteLength), payloadBytes: undefined, paddedBytes: undefined }
  const { code, multihash } = decodeCid(cid)
  const { digest } = multihash
  if (code === FIL_COMMITMENT_UNSEALED && multihash.code === SHA2_256_TRUNC254_PADDED) {
    if (digest.byteLength !== NODE_BYTES) throw bad(`commitment length; want=${NODE_BYTES} got=${digest.byteLength}`)
    return { version: 1, commitment: digest.slice(), payloadBytes: undefined, paddedBytes: undefined }
  }
  if (code === RAW && multihash.code === FR32_SHA256_TRUNC254_PADBINTREE) return parseTree(digest)
  throw bad(`neither version of a piece CID; codec=0x${code.toString(16)} hash=0x${multihash.code.toString(16)}`)
}

/** What every v1 piece CID begins with. */
const V1_HEAD = Uint8Array.of(0x01, 0x81, 0xe2, 0x03, 0x92, 0x20, 0x20)

/** Most are, and there may be millions of them. */
const isPlainV1 = (bytes: unknown): bytes is Uint8Array => {
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== V1_HEAD.byteLength + NODE_BYTES) return false
  for (let at = 0; at < V1_HEAD.byteLength; at++) if (bytes[at] !== V1_HEAD[at]) return false
  return true
}

/** The v1 CID of the same piece: what piece stores, deals and shard keys use. @throws {PieceError} `PIECE_BAD_CID` */
export const toPieceCidV1 = (cid: AnyPieceCid): CID => pieceCidV1(parsePieceCid(cid).commitment)

const parseTree = (digest: Uint8Array): PieceCidFacts => {
  const padding = decodeVarint(digest)
  if (digest.byteLength !== padding.length + 1 + NODE_BYTES) throw bad(`digest length; got=${digest.byteLength}`)
  const height = digest[padding.length]!
  if (height < treeHeight(CHUNK_PADDED) || height > treeHeight(MAX_PIECE_PADDED)) throw bad(`tree height; got=${height}`)
  const padded = NODE_BYTES * 2 ** height
  const unpadded = unpaddedBytes(padded)
  const payloadBytes = unpadded - padding.value
  const isSmallest = padded === CHUNK_PADDED ? payloadBytes >= 0 : payloadBytes > unpadded / 2
  if (!isSmallest) throw bad(`more padding than the piece can need; padding=${padding.value} unpadded=${unpadded}`)
  return { version: 2, commitment: digest.slice(padding.length + 1), payloadBytes, paddedBytes: padded }
}

const decodeCid = (cid: AnyPieceCid): CID => {
  const bytes = cid instanceof Uint8Array ? cid : cid.bytes
  try {
    return CID.decode(bytes)
  } catch (cause) {
    throw new PieceError('PIECE_BAD_CID', 'not the bytes of a CID', { cause })
  }
}

const checkCommitment = (commitment: Uint8Array): Uint8Array => {
  if (commitment.byteLength === NODE_BYTES) return commitment
  throw new RangeError(`commitment length; want=${NODE_BYTES} got=${commitment.byteLength}`)
}

const encodeVarint = (value: number): number[] => {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push(rest % 128 | 0x80)
  }
}

const decodeVarint = (bytes: Uint8Array): { value: number, length: number } => {
  let value = 0
  for (let at = 0; at < MAX_VARINT_BYTES; at++) {
    const byte = bytes[at]
    if (byte === undefined) break
    value += (byte & 0x7f) * 128 ** at
    if (byte >= 0x80) continue
    if (byte === 0 && at > 0) throw bad('padding is not in its shortest form')
    if (!Number.isSafeInteger(value)) break
    return { value, length: at + 1 }
  }
  throw bad('padding is not a varint')
}

const bad = (message: string): PieceError => new PieceError('PIECE_BAD_CID', message)
