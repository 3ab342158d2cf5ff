/**
 * Pieces inside larger pieces: the commitment of a sector from those of its pieces.
 *
 * Pieces stand in the order given, each at a multiple of its own padded size; the gaps hold zeros, and so does what is left.
 *
 * Source: lotus go-commp-utils `GenerateUnsealedCID`, `PadCommP`; lotus `ffiwrapper.GetRequiredPadding`.
 */
import { PieceError } from './errors.ts'
import { createPairHasher, NODE_BYTES } from './pair-hasher.ts'
import { isPieceSize, MAX_PIECE_PADDED, treeHeight } from './sizes.ts'
import { climb, SubtreeStack } from './subtree-stack.ts'

/** A piece by its commitment; `PieceCommitment` is one. */
export interface PieceInfo {
  /** 32 bytes. */
  readonly commitment: Uint8Array
  /** Padded size: a power of two from 128 bytes to 64 GiB. */
  readonly paddedBytes: number
}

/** A piece made of others. */
export interface PieceAggregate extends PieceInfo {
  /** Where each piece starts, in padded bytes, in the order given. */
  readonly offsets: readonly number[]
}

/**
 * The commitment of pieces side by side.
 *
 * @param paddedBytes - size of the whole, such as a sector's; default: the smallest that holds them. With it there may be
 *   no pieces at all
 * @throws {PieceError} `PIECE_TOO_LARGE`: they need more than `paddedBytes`, or than 64 GiB. `PIECE_TOO_SMALL`: no pieces,
 *   and no size
 * @throws {RangeError} a commitment of another length than 32 bytes, or a size that no piece has
 */
export const aggregatePieces = (pieces: readonly PieceInfo[], paddedBytes?: number): PieceAggregate => {
  if (paddedBytes !== undefined && !isPieceSize(paddedBytes)) throw new RangeError(`not the size of a piece; padded=${paddedBytes}`)
  const stack = new SubtreeStack(createPairHasher())
  const offsets: number[] = []
  let end = 0
  for (const piece of pieces) {
    checkPiece(piece)
    const start = Math.ceil(end / piece.paddedBytes) * piece.paddedBytes
    offsets.push(start)
    end = start + piece.paddedBytes
    if (end > (paddedBytes ?? MAX_PIECE_PADDED)) throw new PieceError('PIECE_TOO_LARGE', `pieces exceed the whole; padded=${end} max=${paddedBytes ?? MAX_PIECE_PADDED}`)
    stack.push({ height: treeHeight(piece.paddedBytes), node: piece.commitment })
  }
  if (end === 0 && paddedBytes === undefined) throw new PieceError('PIECE_TOO_SMALL', 'no pieces')
  const whole = paddedBytes ?? 2 ** Math.ceil(Math.log2(end))
  return { commitment: stack.root(treeHeight(whole)), paddedBytes: whole, offsets }
}

/**
 * The commitment of the same payload in a larger piece: its tree with zeros to the right.
 *
 * @param commitment - 32 bytes
 * @param fromPadded - padded size of the piece it commits to
 * @throws {RangeError} sizes that are none of a piece, or a smaller target
 */
export const padCommitment = (commitment: Uint8Array, fromPadded: number, toPadded: number): Uint8Array => {
  checkPiece({ commitment, paddedBytes: fromPadded })
  if (!isPieceSize(toPadded) || toPadded < fromPadded) throw new RangeError(`cannot pad a piece so; from=${fromPadded} to=${toPadded}`)
  return climb(createPairHasher(), { height: treeHeight(fromPadded), node: commitment }, treeHeight(toPadded))
}

const checkPiece = ({ commitment, paddedBytes }: PieceInfo): void => {
  if (commitment.byteLength !== NODE_BYTES) throw new RangeError(`commitment length; want=${NODE_BYTES} got=${commitment.byteLength}`)
  if (!isPieceSize(paddedBytes)) throw new RangeError(`not the size of a piece; padded=${paddedBytes}`)
}
