/**
 * fr32: 127 payload bytes are four limbs of 254 bits, each of which becomes 32 bytes with the top two bits zero.
 *
 * Limb k starts 2k bits before byte 32k. So its word i, of 64 bits, is the payload word at byte 32k + 8i shifted up by 2k,
 * and below it the top bits of the word before. A vector holds two neighbouring words.
 */
import { PADDED, PAYLOAD } from './memory'

/** The words 2 and 3 of a limb, of which the upper has 62 bits. */
function clear (x: v128): v128 {
  return v128.and(x, i32x4(-1, -1, -1, 0x3fff_ffff))
}

/** Two words of a limb: those at `at`, shifted up, and what the words before them leave. */
function raise (at: usize, bits: i32): v128 {
  return v128.or(i64x2.shr_u(v128.load(at - 8), 64 - bits), i64x2.shl(v128.load(at), bits))
}

function padLimb (from: usize, to: usize, bits: i32): void {
  v128.store(to, raise(from, bits))
  v128.store(to + 16, clear(raise(from + 16, bits)))
}

/** Pad so many chunks from PAYLOAD to PADDED. Reads one byte behind the last chunk and drops it. */
export function pad (chunks: i32): void {
  let from = PAYLOAD
  let to = PADDED
  for (let i = 0; i < chunks; i++) {
    v128.store(to, v128.load(from))
    v128.store(to, clear(v128.load(from, 16)), 16)
    padLimb(from + 32, to + 32, 2)
    padLimb(from + 64, to + 64, 4)
    padLimb(from + 96, to + 96, 6)
    from += 127
    to += 128
  }
}

/** The words 0 and 1 of a limb go down by `bits`, and the words above lend their low bits; the words 2 and 3 likewise, but
 * above word 3, which has 62 bits, comes the limb behind. */
function unpadLimb (from: usize, to: usize, bits: i32): void {
  v128.store(to, v128.or(i64x2.shr_u(v128.load(from), bits), i64x2.shl(v128.load(from + 8), 64 - bits)))
  const above = v128.load(from + 24)
  const lent = v128.shuffle<u64>(i64x2.shl(above, 64 - bits), i64x2.shl(above, 62 - bits), 0, 3)
  v128.store(to + 16, v128.or(i64x2.shr_u(clear(v128.load(from + 16)), bits), lent))
}

/** Unpad so many chunks from PADDED to PAYLOAD. Writes one byte behind each chunk, which the next chunk overwrites. */
export function unpad (chunks: i32): void {
  let from = PADDED
  let to = PAYLOAD
  for (let i = 0; i < chunks; i++) {
    v128.store(to, v128.load(from))
    const lent = v128.shuffle<u64>(i64x2.splat(0), i64x2.shl(v128.load(from, 24), 62), 0, 3)
    v128.store(to, v128.or(clear(v128.load(from, 16)), lent), 16)
    unpadLimb(from + 32, to + 32, 2)
    unpadLimb(from + 64, to + 64, 4)
    unpadLimb(from + 96, to + 96, 6)
    from += 128
    to += 127
  }
}
