/**
 * commP: the root of the tree of sha2-256 nodes over the fr32-padded payload, zeros up to the piece's size included.
 *
 * The payload is cut into blocks of 512 chunks, each padded and reduced to one node; these nodes wait on a stack like the
 * digits of a binary counter, so memory is one block and one node per level. The zeros behind the payload are never
 * hashed: a tree over them is known by its height.
 *
 * Source: go-fil-commp-hashhash `Calc`; lotus `ffiwrapper.GeneratePieceCIDFromFile`. Looser: payloads of 1 to 64 bytes
 * have a commitment too, that of the payload followed by zeros.
 */
import type { CID } from 'multiformats/cid'
import { PieceError } from './errors.ts'
import { padFr32Into } from './fr32.ts'
import { createPairHasher, NODE_BYTES, type PairHasher } from './pair-hasher.ts'
import { pieceCidV1, pieceCidV2 } from './piece-cid.ts'
import { CHUNK_PADDED, CHUNK_UNPADDED, isPieceSize, MAX_PIECE_PADDED, pieceBytes, treeHeight, unpaddedBytes } from './sizes.ts'
import { zeroNode } from './zero-nodes.ts'

const BLOCK_CHUNKS = 512
const BLOCK_UNPADDED = BLOCK_CHUNKS * CHUNK_UNPADDED
const BLOCK_PADDED = BLOCK_CHUNKS * CHUNK_PADDED

/** A payload's commitment, and the names of its piece; sizes in bytes. */
export interface PieceCommitment {
  /** 32 bytes. */
  readonly commitment: Uint8Array
  /** Bytes before the zero padding. */
  readonly payloadBytes: number
  /** Padded size of the smallest piece that holds the payload. */
  readonly paddedBytes: number
  readonly cidV1: CID
  readonly cidV2: CID
}

/** Takes a payload in order, in parts of any length. */
export interface CommP {
  readonly payloadBytes: number
  /** Keeps no reference. @throws {PieceError} `PIECE_TOO_LARGE`: more than a piece of 64 GiB holds. @throws {TypeError} after `finish` */
  write(bytes: Uint8Array): void
  /** The result of all that was written; the same on every call. @throws {PieceError} `PIECE_TOO_SMALL`: nothing was */
  finish(): PieceCommitment
}

export interface CommPOptions {
  /** @default the plain JavaScript one */
  readonly hasher?: PairHasher
}

export const createCommP = ({ hasher = createPairHasher() }: CommPOptions = {}): CommP => new StreamingCommP(hasher)

/**
 * The commitment of the same payload in a larger piece: its tree with zeros to the right.
 *
 * @param commitment - 32 bytes
 * @param fromPadded - padded size of the piece it commits to
 * @throws {RangeError} sizes that are none of a piece, or a smaller target
 */
export const padCommitment = (commitment: Uint8Array, fromPadded: number, toPadded: number): Uint8Array => {
  if (commitment.byteLength !== NODE_BYTES) throw new RangeError(`commitment length; want=${NODE_BYTES} got=${commitment.byteLength}`)
  if (!isPieceSize(fromPadded) || !isPieceSize(toPadded) || toPadded < fromPadded) {
    throw new RangeError(`cannot pad a piece so; from=${fromPadded} to=${toPadded}`)
  }
  return climb(createPairHasher(), commitment.slice(), treeHeight(fromPadded), treeHeight(toPadded))
}

class StreamingCommP implements CommP {
  readonly #hasher: PairHasher
  readonly #block = new Uint8Array(BLOCK_UNPADDED)
  readonly #nodes = new Uint8Array(BLOCK_PADDED)
  /** One finished subtree for each 1 in the binary number of finished blocks, highest first. */
  readonly #stack: { readonly height: number, readonly node: Uint8Array }[] = []
  #blockBytes = 0
  #payloadBytes = 0
  #result: PieceCommitment | undefined

  constructor (hasher: PairHasher) {
    this.#hasher = hasher
  }

  get payloadBytes (): number {
    return this.#payloadBytes
  }

  write (bytes: Uint8Array): void {
    if (this.#result !== undefined) throw new TypeError('written after finish')
    const total = this.#payloadBytes + bytes.byteLength
    if (total > unpaddedBytes(MAX_PIECE_PADDED)) {
      throw new PieceError('PIECE_TOO_LARGE', `payload exceeds the largest piece; payload=${total} max=${unpaddedBytes(MAX_PIECE_PADDED)}`)
    }
    for (let at = 0; at < bytes.byteLength;) {
      const part = bytes.subarray(at, at + BLOCK_UNPADDED - this.#blockBytes)
      this.#block.set(part, this.#blockBytes)
      this.#blockBytes += part.byteLength
      at += part.byteLength
      if (this.#blockBytes === BLOCK_UNPADDED) this.#push(this.#takeBlock())
    }
    this.#payloadBytes = total
  }

  finish (): PieceCommitment {
    this.#result ??= this.#reduce()
    return this.#result
  }

  #reduce (): PieceCommitment {
    const { padded } = pieceBytes(this.#payloadBytes)
    let root: { height: number, node: Uint8Array } | undefined
    if (this.#blockBytes > 0) root = this.#takeBlock()
    for (let upper = this.#stack.pop(); upper !== undefined; upper = this.#stack.pop()) {
      if (root === undefined) {
        root = upper
        continue
      }
      const right = climb(this.#hasher, root.node, root.height, upper.height)
      root = { height: upper.height + 1, node: parent(this.#hasher, upper.node, right) }
    }
    if (root === undefined) throw new PieceError('PIECE_TOO_SMALL', 'an empty payload makes no piece')
    const commitment = climb(this.#hasher, root.node, root.height, treeHeight(padded))
    return {
      commitment,
      payloadBytes: this.#payloadBytes,
      paddedBytes: padded,
      cidV1: pieceCidV1(commitment),
      cidV2: pieceCidV2(commitment, this.#payloadBytes),
    }
  }

  /** The smallest whole tree over what the block holds. */
  #takeBlock (): { height: number, node: Uint8Array } {
    const chunks = Math.ceil(this.#blockBytes / CHUNK_UNPADDED)
    this.#block.fill(0, this.#blockBytes, chunks * CHUNK_UNPADDED)
    padFr32Into(this.#block.subarray(0, chunks * CHUNK_UNPADDED), this.#nodes)
    this.#blockBytes = 0
    let height = 0
    for (let count = chunks * CHUNK_PADDED / NODE_BYTES; count > 1; count = Math.ceil(count / 2)) {
      if (count % 2 === 1) this.#nodes.set(zeroNode(height), count * NODE_BYTES)
      this.#hasher.hashPairs(this.#nodes, Math.ceil(count / 2))
      height++
    }
    return { height, node: this.#nodes.slice(0, NODE_BYTES) }
  }

  #push (block: { height: number, node: Uint8Array }): void {
    let { height, node } = block
    for (let top = this.#stack.at(-1); top?.height === height; top = this.#stack.at(-1)) {
      this.#stack.pop()
      node = parent(this.#hasher, top.node, node)
      height++
    }
    this.#stack.push({ height, node })
  }
}

const parent = (hasher: PairHasher, left: Uint8Array, right: Uint8Array): Uint8Array => {
  const nodes = new Uint8Array(2 * NODE_BYTES)
  nodes.set(left)
  nodes.set(right, NODE_BYTES)
  hasher.hashPairs(nodes, 1)
  return nodes.slice(0, NODE_BYTES)
}

/** The root at height `to` of a tree whose left edge is `node` at height `from`, and zeros otherwise. */
const climb = (hasher: PairHasher, node: Uint8Array, from: number, to: number): Uint8Array => {
  let root = node
  for (let height = from; height < to; height++) root = parent(hasher, root, zeroNode(height))
  return root
}
