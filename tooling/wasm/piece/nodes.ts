/** The nodes of a piece's tree: sha2-256 of two nodes with the top two bits cleared, four at once. */
import { compress, compressBlocks, expandAt, start, writeDigests } from '../shared/sha256-four'

/** The schedule of the second block of every message of 64 bytes, which is padding alone; 64 vectors. */
const PADDING_SCHEDULE: usize = memory.data(64 * 16, 64)

/** Once, before anything is hashed: a one bit, zeros, and 512 as the length in bits. */
export function prepare (): void {
  v128.store(PADDING_SCHEDULE, i32x4.splat(0x8000_0000))
  for (let at: usize = 16; at < 15 * 16; at += 16) v128.store(PADDING_SCHEDULE + at, i32x4.splat(0))
  v128.store(PADDING_SCHEDULE, i32x4.splat(512), 15 * 16)
  expandAt(PADDING_SCHEDULE)
}

/** The parents of four pairs of nodes, 256 bytes, into 128 bytes; `to` may be `from`. */
export function hashFourPairs (from: usize, to: usize): void {
  start()
  compressBlocks(from, 64)
  compress(PADDING_SCHEDULE)
  writeDigests(to, i32x4.splat(0xffff_ff3f))
}
