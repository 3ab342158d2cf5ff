/**
 * blake2b with 32 bytes of output, without key: RFC 7693.
 *
 * Words are plain ones of 64 bits and the rounds are written out (blake2b-rounds.mjs): measured faster than the same in a
 * loop, than two words to a vector, and than two messages in the lanes of one.
 */
import { mix } from './blake2b-rounds'
import { INPUT, OUTPUT } from './memory'

/** The eight chaining values. */
export const CHAIN: usize = memory.data(64, 64)
/** Eight words of 64 bits, the lower half of each first. */
export const IV: usize = memory.data<u32>([
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a,
  0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
], 16)
/** Parameters in the first chaining value: 32 bytes of output, no key, one leaf. */
const PARAMETERS: u64 = 0x0101_0020

/** Bytes compressed so far. */
let count: u64 = 0

/** Compress the block of 128 bytes at `block`, of which `length` count; `last` is all ones for the last block, else 0. */
function compress (block: usize, length: u64, last: u64): void {
  count += length
  mix(block, count, last)
}

export function begin (): void {
  count = 0
  for (let at: usize = 0; at < 64; at += 16) v128.store(CHAIN + at, v128.load(IV + at))
  store<u64>(CHAIN, load<u64>(IV) ^ PARAMETERS)
}

/** Take so many bytes at INPUT, a multiple of 128, behind which more come. */
export function take (bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 128) compress(INPUT + at, 128, 0)
}

/** Take the last bytes at INPUT, at most 65,536, and write the digest to OUTPUT. */
export function end (bytes: usize): void {
  const last = bytes === 0 ? 0 : (bytes - 1) & ~127
  take(last)
  const length = bytes - last
  memory.fill(INPUT + bytes, 0, 128 - length)
  compress(INPUT + last, length, u64.MAX_VALUE)
  v128.store(OUTPUT, v128.load(CHAIN))
  v128.store(OUTPUT, v128.load(CHAIN, 16), 16)
}
