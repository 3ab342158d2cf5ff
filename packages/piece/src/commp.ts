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
import { decodeCommPState, encodeCommPState } from './commp-state.ts'
import { createPieceEngine } from './create-engine.ts'
import { BLOCK_HEIGHT, BLOCK_UNPADDED, type PieceEngine, type Subtree } from './engine.ts'
import { PieceError } from './errors.ts'
import { pieceCidV1, pieceCidV2 } from './piece-cid.ts'
import { MAX_PIECE_PADDED, pieceBytes, treeHeight, unpaddedBytes } from './sizes.ts'
import { SubtreeStack } from './subtree-stack.ts'

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
  /**
   * All that {@link resumeCommP} needs to go on from here, at most 65,711 bytes; see docs/formats/piece.md. The
   * caller's own.
   */
  state(): Uint8Array
  /** The result of all that was written; the same on every call. @throws {PieceError} `PIECE_TOO_SMALL`: nothing was */
  finish(): PieceCommitment
}

export interface CommPOptions {
  /** @default plain JavaScript */
  readonly engine?: PieceEngine | undefined
}

export const createCommP = ({ engine = createPieceEngine() }: CommPOptions = {}): CommP => new StreamingCommP(engine)

/**
 * Go on where another commitment was, perhaps in another process or with another engine.
 *
 * @param state - what `state()` gave; not kept
 * @throws {PieceError} `PIECE_BAD_STATE`: damaged, of another version, or contradicting itself
 */
export const resumeCommP = (state: Uint8Array, { engine = createPieceEngine() }: CommPOptions = {}): CommP => {
  const { payloadBytes, subtrees, rest } = decodeCommPState(state)
  const commp = new StreamingCommP(engine)
  for (const subtree of subtrees) commp.append(subtree, BLOCK_UNPADDED * 2 ** (subtree.height - BLOCK_HEIGHT))
  commp.write(rest)
  if (commp.payloadBytes !== payloadBytes) throw new PieceError('PIECE_BAD_STATE', `payload; want=${payloadBytes} got=${commp.payloadBytes}`)
  return commp
}

export class StreamingCommP implements CommP {
  readonly #engine: PieceEngine
  readonly #block = new Uint8Array(BLOCK_UNPADDED)
  readonly #subtrees: SubtreeStack
  #blockBytes = 0
  #payloadBytes = 0
  #result: PieceCommitment | undefined

  constructor (engine: PieceEngine) {
    this.#engine = engine
    this.#subtrees = new SubtreeStack(engine)
  }

  get payloadBytes (): number {
    return this.#payloadBytes
  }

  write (bytes: Uint8Array): void {
    this.#take(bytes.byteLength)
    let at = 0
    if (this.#blockBytes > 0) {
      at = Math.min(BLOCK_UNPADDED - this.#blockBytes, bytes.byteLength)
      this.#block.set(bytes.subarray(0, at), this.#blockBytes)
      this.#blockBytes += at
      if (this.#blockBytes < BLOCK_UNPADDED) return
      this.#subtrees.push(this.#engine.commit(this.#block))
    }
    for (; at + BLOCK_UNPADDED <= bytes.byteLength; at += BLOCK_UNPADDED) {
      this.#subtrees.push(this.#engine.commit(bytes.subarray(at, at + BLOCK_UNPADDED)))
    }
    this.#block.set(bytes.subarray(at))
    this.#blockBytes = bytes.byteLength - at
  }

  /** Whole blocks that were committed to elsewhere; so far only whole blocks, as many as keep the subtree in its place. */
  append (subtree: Subtree, payloadBytes: number): void {
    this.#take(payloadBytes)
    this.#subtrees.push(subtree)
  }

  state (): Uint8Array {
    return encodeCommPState({ payloadBytes: this.#payloadBytes, subtrees: this.#subtrees.entries, rest: this.#block.subarray(0, this.#blockBytes) })
  }

  finish (): PieceCommitment {
    this.#result ??= this.#reduce()
    return this.#result
  }

  #take (bytes: number): void {
    if (this.#result !== undefined) throw new TypeError('written after finish')
    const total = this.#payloadBytes + bytes
    if (total > unpaddedBytes(MAX_PIECE_PADDED)) {
      throw new PieceError('PIECE_TOO_LARGE', `payload exceeds the largest piece; payload=${total} max=${unpaddedBytes(MAX_PIECE_PADDED)}`)
    }
    this.#payloadBytes = total
  }

  #reduce (): PieceCommitment {
    const { padded } = pieceBytes(this.#payloadBytes)
    const last = this.#blockBytes === 0 ? undefined : this.#engine.commit(this.#block.subarray(0, this.#blockBytes))
    const commitment = this.#subtrees.root(treeHeight(padded), last)
    return {
      commitment,
      payloadBytes: this.#payloadBytes,
      paddedBytes: padded,
      cidV1: pieceCidV1(commitment),
      cidV2: pieceCidV2(commitment, this.#payloadBytes),
    }
  }
}
