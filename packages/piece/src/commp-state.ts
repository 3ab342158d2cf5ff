/**
 * A commitment that is not finished yet, as bytes.
 *
 *     at         size  field         encoding
 *     0          5     magic         "commP"
 *     5          1     version       1
 *     6          1     subtrees      n: the ones in the binary number of whole blocks
 *     7          1     zero
 *     8          8     payload       bytes so far, u64 little-endian, at most 127 * 2^29
 *     16         32n   roots         of the whole subtrees, highest first; the top two bits of each are zero
 *     16 + 32n   r     rest          of the payload: r = payload mod 65,024
 *     end - 32   32    checksum      sha2-256 of all before
 *
 * A block is 512 chunks, 65,024 bytes of payload. With payload / 65,024 rounded down to b blocks, there is one subtree for
 * each bit k of b that is set, over 2^k blocks.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { BLOCK_HEIGHT, BLOCK_UNPADDED, type Subtree } from './engine.ts'
import { PieceError } from './errors.ts'
import { NODE_BYTES } from './pair-hasher.ts'
import { MAX_PIECE_PADDED, unpaddedBytes } from './sizes.ts'

const MAGIC = [0x63, 0x6f, 0x6d, 0x6d, 0x50]
const VERSION = 1
const HEAD_BYTES = 16
const CHECKSUM_BYTES = 32

export interface CommPState {
  readonly payloadBytes: number
  /** Highest first. */
  readonly subtrees: readonly Subtree[]
  /** What the last, unfinished block has of the payload. */
  readonly rest: Uint8Array
}

export const encodeCommPState = ({ payloadBytes, subtrees, rest }: CommPState): Uint8Array => {
  const restAt = HEAD_BYTES + NODE_BYTES * subtrees.length
  const bytes = new Uint8Array(restAt + rest.byteLength + CHECKSUM_BYTES)
  bytes.set([...MAGIC, VERSION, subtrees.length])
  new DataView(bytes.buffer).setBigUint64(8, BigInt(payloadBytes), true)
  for (const [i, { node }] of subtrees.entries()) bytes.set(node, HEAD_BYTES + NODE_BYTES * i)
  bytes.set(rest, restAt)
  const end = bytes.byteLength - CHECKSUM_BYTES
  bytes.set(sha256(bytes.subarray(0, end)), end)
  return bytes
}

/** @throws {PieceError} `PIECE_BAD_STATE` */
export const decodeCommPState = (bytes: Uint8Array): CommPState => {
  if (bytes.byteLength < HEAD_BYTES + CHECKSUM_BYTES) throw bad(`length; min=${HEAD_BYTES + CHECKSUM_BYTES} got=${bytes.byteLength}`)
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) throw bad('not the state of a commitment')
  if (bytes[5] !== VERSION) throw bad(`version; want=${VERSION} got=${bytes[5]}`)
  const end = bytes.byteLength - CHECKSUM_BYTES
  const checksum = sha256(bytes.subarray(0, end))
  if (checksum.some((byte, at) => bytes[end + at] !== byte)) throw bad('checksum')
  const payload = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES).getBigUint64(8, true)
  if (bytes[7] !== 0 || payload > BigInt(unpaddedBytes(MAX_PIECE_PADDED))) throw bad(`payload; got=${payload}`)
  const payloadBytes = Number(payload)
  const heights = heightsOf(Math.floor(payloadBytes / BLOCK_UNPADDED))
  const restAt = HEAD_BYTES + NODE_BYTES * heights.length
  if (bytes[6] !== heights.length || end - restAt !== payloadBytes % BLOCK_UNPADDED) throw bad(`sizes contradict each other; payload=${payload} subtrees=${bytes[6]} length=${bytes.byteLength}`)
  const subtrees = heights.map((height, i) => {
    const node = bytes.slice(HEAD_BYTES + NODE_BYTES * i, HEAD_BYTES + NODE_BYTES * (i + 1))
    if (node[NODE_BYTES - 1]! > 0x3f) throw bad(`a node has bits that must be zero; index=${i}`)
    return { height, node }
  })
  return { payloadBytes, subtrees, rest: bytes.subarray(restAt, end) }
}

/** Of the subtrees over so many whole blocks, highest first. */
const heightsOf = (blocks: number): readonly number[] => {
  const heights: number[] = []
  for (let bit = Math.floor(Math.log2(Math.max(blocks, 1))); bit >= 0; bit--) {
    if (Math.floor(blocks / 2 ** bit) % 2 === 1) heights.push(BLOCK_HEIGHT + bit)
  }
  return heights
}

const bad = (message: string): PieceError => new PieceError('PIECE_BAD_STATE', `cannot go on from this state; ${message}`)
