/**
 * sha2-256 of four messages at once: as many blocks of 64 bytes each, their padding included.
 */
import { compressBlocks, start, writeDigests } from '../shared/sha256-four'
import { INPUT, OUTPUT } from './memory'

/** How far one message is behind the one before. */
export const STRIDE: usize = 16384

/** Writes the padding behind a message whose last bytes end at `at`; so many bits in all, which end with a whole block. */
function pad (at: usize, end: usize, bits: u64): void {
  store<u8>(at, 0x80)
  memory.fill(at + 1, 0, end - 8 - at - 1)
  store<u64>(end - 8, bswap(bits))
}

export function beginFour (): void {
  start()
}

/** Take so many bytes of each message, a multiple of 64, behind which more come. */
export function takeFour (bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 64) compressBlocks(INPUT + at, STRIDE)
}

/**
 * Take the last bytes of the message in each lane, which need `blocks` blocks with their padding, at most 256, and write
 * the digests to OUTPUT. `before` bytes of each were taken before.
 */
export function endFour (blocks: usize, before: u32, length0: u32, length1: u32, length2: u32, length3: u32): void {
  const end = INPUT + 64 * blocks
  pad(INPUT + length0, end, 8 * (<u64>before + length0))
  pad(INPUT + STRIDE + length1, end + STRIDE, 8 * (<u64>before + length1))
  pad(INPUT + 2 * STRIDE + length2, end + 2 * STRIDE, 8 * (<u64>before + length2))
  pad(INPUT + 3 * STRIDE + length3, end + 3 * STRIDE, 8 * (<u64>before + length3))
  takeFour(64 * blocks)
  writeDigests(OUTPUT, i32x4.splat(-1))
}
