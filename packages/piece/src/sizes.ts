/**
 * Sizes of pieces. A piece of `u` payload bytes takes `u + u/127` bytes once it is fr32-padded, and its padded size is a
 * power of two.
 *
 * Source: lotus go-state-types abi/piece.go `PaddedPieceSize`, go-padreader `PaddedSize`.
 */
import { PieceError } from './errors.ts'

/** Payload bytes of one fr32 chunk. */
export const CHUNK_UNPADDED = 127
/** Bytes of one fr32 chunk in a sector. */
export const CHUNK_PADDED = 128
/** The largest piece in padded bytes: a whole sector of 64 GiB. */
export const MAX_PIECE_PADDED: number = 64 * 2 ** 30

/** Both sizes of one piece, in bytes. */
export interface PieceBytes {
  /** A power of two, at least 128. */
  readonly padded: number
  /** 127/128 of it. */
  readonly unpadded: number
}

/**
 * Padded bytes of so many payload bytes, which fill whole chunks.
 *
 * @param unpadded - a multiple of 127
 * @throws {RangeError} it is none
 */
export const paddedBytes = (unpadded: number): number => {
  if (!Number.isSafeInteger(unpadded) || unpadded < 0 || unpadded % CHUNK_UNPADDED !== 0) {
    throw new RangeError(`not whole chunks of 127 bytes; unpadded=${unpadded}`)
  }
  return unpadded / CHUNK_UNPADDED * CHUNK_PADDED
}

/**
 * Payload bytes in so many padded bytes.
 *
 * @param padded - a multiple of 128
 * @throws {RangeError} it is none
 */
export const unpaddedBytes = (padded: number): number => {
  if (!Number.isSafeInteger(padded) || padded < 0 || padded % CHUNK_PADDED !== 0) {
    throw new RangeError(`not whole chunks of 128 bytes; padded=${padded}`)
  }
  return padded / CHUNK_PADDED * CHUNK_UNPADDED
}

/**
 * The smallest piece that holds a payload; 1 to 127 bytes make the smallest piece of all, 128 bytes padded.
 *
 * @throws {PieceError} `PIECE_TOO_SMALL`: no payload. `PIECE_TOO_LARGE`: the piece would exceed {@link MAX_PIECE_PADDED}.
 * @throws {RangeError} not a number of bytes
 */
export const pieceBytes = (payloadBytes: number): PieceBytes => {
  if (!Number.isSafeInteger(payloadBytes) || payloadBytes < 0) throw new RangeError(`not a number of bytes; payload=${payloadBytes}`)
  if (payloadBytes === 0) throw new PieceError('PIECE_TOO_SMALL', 'an empty payload makes no piece')
  const chunks = Math.ceil(payloadBytes / CHUNK_UNPADDED)
  let padded = CHUNK_PADDED
  while (padded < chunks * CHUNK_PADDED) padded *= 2
  if (padded > MAX_PIECE_PADDED) {
    throw new PieceError('PIECE_TOO_LARGE', `payload needs a larger piece than there is; payload=${payloadBytes} padded=${padded} maxPadded=${MAX_PIECE_PADDED}`)
  }
  return { padded, unpadded: unpaddedBytes(padded) }
}

/** Whether `padded` bytes can be a piece: a power of two from 128 to {@link MAX_PIECE_PADDED}. */
export const isPieceSize = (padded: number): boolean =>
  padded >= CHUNK_PADDED && padded <= MAX_PIECE_PADDED && Number.isInteger(Math.log2(padded)) && 2 ** Math.log2(padded) === padded

/** Levels of the tree above its 32-byte leaves: 2 for 128 bytes, 31 for 64 GiB. */
export const treeHeight = (padded: number): number => Math.log2(padded) - 5
