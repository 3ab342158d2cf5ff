/**
 * The compression function of sha2-256 for four messages at once, one in each lane: FIPS 180-4, section 6.2.
 *
 * The message schedule is written out with the round constants added, then a loop does eight rounds per pass, so that the
 * code stays small.
 */
export const ROUND_CONSTANTS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
])

/** 64 vectors: the schedule of a block of each message, round constants added. */
export const SCHEDULE: usize = memory.data(64 * 16, 64)
/** Eight vectors: the chaining values. */
export const STATE: usize = memory.data(8 * 16, 64)

function turn (x: v128, bits: i32): v128 {
  return v128.or(i32x4.shr_u(x, bits), i32x4.shl(x, 32 - bits))
}

function bigSigma0 (x: v128): v128 {
  return v128.xor(v128.xor(turn(x, 2), turn(x, 13)), turn(x, 22))
}

function bigSigma1 (x: v128): v128 {
  return v128.xor(v128.xor(turn(x, 6), turn(x, 11)), turn(x, 25))
}

function choose (e: v128, f: v128, g: v128): v128 {
  return v128.xor(g, v128.and(e, v128.xor(f, g)))
}

function add3 (a: v128, b: v128, c: v128): v128 {
  return i32x4.add(i32x4.add(a, b), c)
}

/** The next word of the schedule from those 16, 15, 7 and 2 before it. */
function expand (w16: v128, w15: v128, w7: v128, w2: v128): v128 {
  const s0 = v128.xor(v128.xor(turn(w15, 7), turn(w15, 18)), i32x4.shr_u(w15, 3))
  const s1 = v128.xor(v128.xor(turn(w2, 17), turn(w2, 19)), i32x4.shr_u(w2, 10))
  return i32x4.add(add3(w16, s0, w7), s1)
}

/** Big-endian words to little-endian ones, or back. */
function swap (x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
}

/** Make the schedule of the sixteen words of each message that stand at its start. */
export function expandAt (to: usize): void {
  let w0 = v128.load(to, 0)
  let w1 = v128.load(to, 16)
  let w2 = v128.load(to, 32)
  let w3 = v128.load(to, 48)
  let w4 = v128.load(to, 64)
  let w5 = v128.load(to, 80)
  let w6 = v128.load(to, 96)
  let w7 = v128.load(to, 112)
  let w8 = v128.load(to, 128)
  let w9 = v128.load(to, 144)
  let w10 = v128.load(to, 160)
  let w11 = v128.load(to, 176)
  let w12 = v128.load(to, 192)
  let w13 = v128.load(to, 208)
  let w14 = v128.load(to, 224)
  let w15 = v128.load(to, 240)
  let constants = ROUND_CONSTANTS
  for (let pass = 0; ; pass++) {
    v128.store(to, i32x4.add(w0, v128.load32_splat(constants, 0)), 0)
    v128.store(to, i32x4.add(w1, v128.load32_splat(constants, 4)), 16)
    v128.store(to, i32x4.add(w2, v128.load32_splat(constants, 8)), 32)
    v128.store(to, i32x4.add(w3, v128.load32_splat(constants, 12)), 48)
    v128.store(to, i32x4.add(w4, v128.load32_splat(constants, 16)), 64)
    v128.store(to, i32x4.add(w5, v128.load32_splat(constants, 20)), 80)
    v128.store(to, i32x4.add(w6, v128.load32_splat(constants, 24)), 96)
    v128.store(to, i32x4.add(w7, v128.load32_splat(constants, 28)), 112)
    v128.store(to, i32x4.add(w8, v128.load32_splat(constants, 32)), 128)
    v128.store(to, i32x4.add(w9, v128.load32_splat(constants, 36)), 144)
    v128.store(to, i32x4.add(w10, v128.load32_splat(constants, 40)), 160)
    v128.store(to, i32x4.add(w11, v128.load32_splat(constants, 44)), 176)
    v128.store(to, i32x4.add(w12, v128.load32_splat(constants, 48)), 192)
    v128.store(to, i32x4.add(w13, v128.load32_splat(constants, 52)), 208)
    v128.store(to, i32x4.add(w14, v128.load32_splat(constants, 56)), 224)
    v128.store(to, i32x4.add(w15, v128.load32_splat(constants, 60)), 240)
    if (pass === 3) return
    w0 = expand(w0, w1, w9, w14)
    w1 = expand(w1, w2, w10, w15)
    w2 = expand(w2, w3, w11, w0)
    w3 = expand(w3, w4, w12, w1)
    w4 = expand(w4, w5, w13, w2)
    w5 = expand(w5, w6, w14, w3)
    w6 = expand(w6, w7, w15, w4)
    w7 = expand(w7, w8, w0, w5)
    w8 = expand(w8, w9, w1, w6)
    w9 = expand(w9, w10, w2, w7)
    w10 = expand(w10, w11, w3, w8)
    w11 = expand(w11, w12, w4, w9)
    w12 = expand(w12, w13, w5, w10)
    w13 = expand(w13, w14, w6, w11)
    w14 = expand(w14, w15, w7, w12)
    w15 = expand(w15, w0, w8, w13)
    constants += 64
    to += 256
  }
}

/** Sixty-four rounds over a schedule; the chaining values move on. */
export function compress (schedule: usize): void {
  let a = v128.load(STATE, 0)
  let b = v128.load(STATE, 16)
  let c = v128.load(STATE, 32)
  let d = v128.load(STATE, 48)
  let e = v128.load(STATE, 64)
  let f = v128.load(STATE, 80)
  let g = v128.load(STATE, 96)
  let h = v128.load(STATE, 112)
  // majority(a, b, c) = b ^ (a ^ b) & (b ^ c), and a ^ b is the next round's b ^ c
  let x: v128
  let y = v128.xor(b, c)
  for (const end = schedule + 64 * 16; schedule < end; schedule += 8 * 16) {
    h = add3(h, v128.load(schedule, 0), i32x4.add(bigSigma1(e), choose(e, f, g)))
    d = i32x4.add(d, h)
    x = v128.xor(a, b)
    h = add3(h, bigSigma0(a), v128.xor(b, v128.and(x, y)))
    g = add3(g, v128.load(schedule, 16), i32x4.add(bigSigma1(d), choose(d, e, f)))
    c = i32x4.add(c, g)
    y = v128.xor(h, a)
    g = add3(g, bigSigma0(h), v128.xor(a, v128.and(y, x)))
    f = add3(f, v128.load(schedule, 32), i32x4.add(bigSigma1(c), choose(c, d, e)))
    b = i32x4.add(b, f)
    x = v128.xor(g, h)
    f = add3(f, bigSigma0(g), v128.xor(h, v128.and(x, y)))
    e = add3(e, v128.load(schedule, 48), i32x4.add(bigSigma1(b), choose(b, c, d)))
    a = i32x4.add(a, e)
    y = v128.xor(f, g)
    e = add3(e, bigSigma0(f), v128.xor(g, v128.and(y, x)))
    d = add3(d, v128.load(schedule, 64), i32x4.add(bigSigma1(a), choose(a, b, c)))
    h = i32x4.add(h, d)
    x = v128.xor(e, f)
    d = add3(d, bigSigma0(e), v128.xor(f, v128.and(x, y)))
    c = add3(c, v128.load(schedule, 80), i32x4.add(bigSigma1(h), choose(h, a, b)))
    g = i32x4.add(g, c)
    y = v128.xor(d, e)
    c = add3(c, bigSigma0(d), v128.xor(e, v128.and(y, x)))
    b = add3(b, v128.load(schedule, 96), i32x4.add(bigSigma1(g), choose(g, h, a)))
    f = i32x4.add(f, b)
    x = v128.xor(c, d)
    b = add3(b, bigSigma0(c), v128.xor(d, v128.and(x, y)))
    a = add3(a, v128.load(schedule, 112), i32x4.add(bigSigma1(f), choose(f, g, h)))
    e = i32x4.add(e, a)
    y = v128.xor(b, c)
    a = add3(a, bigSigma0(b), v128.xor(c, v128.and(y, x)))
  }
  v128.store(STATE, i32x4.add(v128.load(STATE, 0), a), 0)
  v128.store(STATE, i32x4.add(v128.load(STATE, 16), b), 16)
  v128.store(STATE, i32x4.add(v128.load(STATE, 32), c), 32)
  v128.store(STATE, i32x4.add(v128.load(STATE, 48), d), 48)
  v128.store(STATE, i32x4.add(v128.load(STATE, 64), e), 64)
  v128.store(STATE, i32x4.add(v128.load(STATE, 80), f), 80)
  v128.store(STATE, i32x4.add(v128.load(STATE, 96), g), 96)
  v128.store(STATE, i32x4.add(v128.load(STATE, 112), h), 112)
}

/** The chaining values of a message that begins. */
export function start (): void {
  v128.store(STATE, i32x4.splat(0x6a09e667))
  v128.store(STATE, i32x4.splat(0xbb67ae85), 16)
  v128.store(STATE, i32x4.splat(0x3c6ef372), 32)
  v128.store(STATE, i32x4.splat(0xa54ff53a), 48)
  v128.store(STATE, i32x4.splat(0x510e527f), 64)
  v128.store(STATE, i32x4.splat(0x9b05688c), 80)
  v128.store(STATE, i32x4.splat(0x1f83d9ab), 96)
  v128.store(STATE, i32x4.splat(0x5be0cd19), 112)
}

/** Four words of each of four messages, big-endian, become four vectors of one word of each. */
function gather (from: usize, stride: usize, to: usize): void {
  const a = swap(v128.load(from))
  const b = swap(v128.load(from + stride))
  const c = swap(v128.load(from + 2 * stride))
  const d = swap(v128.load(from + 3 * stride))
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5)
  const ab2 = v128.shuffle<u32>(a, b, 2, 6, 3, 7)
  const cd2 = v128.shuffle<u32>(c, d, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<u64>(ab, cd, 0, 2))
  v128.store(to, v128.shuffle<u64>(ab, cd, 1, 3), 16)
  v128.store(to, v128.shuffle<u64>(ab2, cd2, 0, 2), 32)
  v128.store(to, v128.shuffle<u64>(ab2, cd2, 1, 3), 48)
}

/** The way back, 32 bytes apart. */
function scatter (a: v128, b: v128, c: v128, d: v128, to: usize): void {
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5)
  const ab2 = v128.shuffle<u32>(a, b, 2, 6, 3, 7)
  const cd2 = v128.shuffle<u32>(c, d, 2, 6, 3, 7)
  v128.store(to, swap(v128.shuffle<u64>(ab, cd, 0, 2)))
  v128.store(to, swap(v128.shuffle<u64>(ab, cd, 1, 3)), 32)
  v128.store(to, swap(v128.shuffle<u64>(ab2, cd2, 0, 2)), 64)
  v128.store(to, swap(v128.shuffle<u64>(ab2, cd2, 1, 3)), 96)
}

/** Compress one block of each message; the blocks lie `stride` bytes apart. */
export function compressBlocks (from: usize, stride: usize): void {
  gather(from, stride, SCHEDULE)
  gather(from + 16, stride, SCHEDULE + 64)
  gather(from + 32, stride, SCHEDULE + 128)
  gather(from + 48, stride, SCHEDULE + 192)
  expandAt(SCHEDULE)
  compress(SCHEDULE)
}

/** The four digests, one behind the other. `mask` goes over their last words. */
export function writeDigests (to: usize, mask: v128): void {
  scatter(v128.load(STATE), v128.load(STATE, 16), v128.load(STATE, 32), v128.load(STATE, 48), to)
  scatter(v128.load(STATE, 64), v128.load(STATE, 80), v128.load(STATE, 96), v128.and(v128.load(STATE, 112), mask), to + 16)
}
