/**
 * What does the work on the bytes of pieces: pads, unpads, hashes. All engines give equal bytes; they differ in speed.
 */
import type { PairHasher } from './pair-hasher.ts'
import { CHUNK_PADDED, CHUNK_UNPADDED } from './sizes.ts'

/** The payload bytes of one block: 512 chunks. */
export const BLOCK_UNPADDED: number = 512 * CHUNK_UNPADDED
/** The same padded: 64 KiB. */
export const BLOCK_PADDED: number = 512 * CHUNK_PADDED
/** Levels above the leaves of one block. */
export const BLOCK_HEIGHT = 11

/** fr32 into given memory; as `padFr32Into` and `unpadFr32Into`. */
export interface Fr32 {
  /**
   * Pad into the start of `output`, which must not share memory with `input`.
   *
   * @param input - a multiple of 127 bytes
   * @returns bytes written, 128 for each 127
   * @throws {RangeError} `input` is none, or `output` is too short
   */
  padInto(input: Uint8Array, output: Uint8Array): number
  /**
   * Unpad into the start of `output`, which may be `padded` itself. The two top bits of each 32-byte word are ignored.
   *
   * @param padded - a multiple of 128 bytes
   * @returns bytes written, 127 for each 128
   * @throws {RangeError} `padded` is none, or `output` is too short
   */
  unpadInto(padded: Uint8Array, output: Uint8Array): number
}

/** The root of a whole tree over `2 ** height` leaves of 32 bytes. */
export interface Subtree {
  readonly height: number
  /** 32 bytes. */
  readonly node: Uint8Array
}

/** Synchronous. One engine may serve all the work of its thread, since no call leaves anything behind in it. */
export interface PieceEngine extends Fr32, PairHasher {
  /** `plain`, `simd`, or the name of the hasher given. */
  readonly name: string
  /**
   * The smallest whole tree over a payload and the zeros behind it.
   *
   * @param payload - 1 to 65,024 bytes, 512 chunks; a `RangeError` otherwise
   * @returns memory of the caller's own
   */
  commit(payload: Uint8Array): Subtree
}

/** Chunks of a block's payload. @throws {RangeError} none, or more than a block has */
export const blockChunks = (payload: Uint8Array): number => {
  if (payload.byteLength > 0 && payload.byteLength <= BLOCK_UNPADDED) return Math.ceil(payload.byteLength / CHUNK_UNPADDED)
  throw new RangeError(`payload of a block; want=1..${BLOCK_UNPADDED} got=${payload.byteLength}`)
}
