/**
 * sha2-256 of one message: FIPS 180-4, section 6.2. For hosts whose own is slow to call, or plain JavaScript.
 */
import { ROUND_CONSTANTS } from '../shared/sha256-four'
import { INPUT, OUTPUT } from './memory'

/** The schedule of a block, round constants added. */
const SCHEDULE: usize = memory.data(64 * 4, 64)
/** The eight chaining values. */
const CHAIN: usize = memory.data(8 * 4, 64)
const START: usize = memory.data<u32>([0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19])

/** Bytes taken so far. */
let count: u64 = 0

function bigSigma0 (x: u32): u32 {
  return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22)
}

function bigSigma1 (x: u32): u32 {
  return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25)
}

/** The next word of the schedule from those 16, 15, 7 and 2 before it. */
function expand (w16: u32, w15: u32, w7: u32, w2: u32): u32 {
  return w16 + (rotr(w15, 7) ^ rotr(w15, 18) ^ w15 >> 3) + w7 + (rotr(w2, 17) ^ rotr(w2, 19) ^ w2 >> 10)
}

export function beginOne (): void {
  count = 0
  for (let at: usize = 0; at < 32; at += 4) store<u32>(CHAIN + at, load<u32>(START + at))
}

function makeSchedule (block: usize): void {
  let w0 = bswap(load<u32>(block, 0))
  let w1 = bswap(load<u32>(block, 4))
  let w2 = bswap(load<u32>(block, 8))
  let w3 = bswap(load<u32>(block, 12))
  let w4 = bswap(load<u32>(block, 16))
  let w5 = bswap(load<u32>(block, 20))
  let w6 = bswap(load<u32>(block, 24))
  let w7 = bswap(load<u32>(block, 28))
  let w8 = bswap(load<u32>(block, 32))
  let w9 = bswap(load<u32>(block, 36))
  let w10 = bswap(load<u32>(block, 40))
  let w11 = bswap(load<u32>(block, 44))
  let w12 = bswap(load<u32>(block, 48))
  let w13 = bswap(load<u32>(block, 52))
  let w14 = bswap(load<u32>(block, 56))
  let w15 = bswap(load<u32>(block, 60))
  for (let at: usize = 0; ; at += 64) {
    store<u32>(SCHEDULE + at, w0 + load<u32>(ROUND_CONSTANTS + at, 0), 0)
    store<u32>(SCHEDULE + at, w1 + load<u32>(ROUND_CONSTANTS + at, 4), 4)
    store<u32>(SCHEDULE + at, w2 + load<u32>(ROUND_CONSTANTS + at, 8), 8)
    store<u32>(SCHEDULE + at, w3 + load<u32>(ROUND_CONSTANTS + at, 12), 12)
    store<u32>(SCHEDULE + at, w4 + load<u32>(ROUND_CONSTANTS + at, 16), 16)
    store<u32>(SCHEDULE + at, w5 + load<u32>(ROUND_CONSTANTS + at, 20), 20)
    store<u32>(SCHEDULE + at, w6 + load<u32>(ROUND_CONSTANTS + at, 24), 24)
    store<u32>(SCHEDULE + at, w7 + load<u32>(ROUND_CONSTANTS + at, 28), 28)
    store<u32>(SCHEDULE + at, w8 + load<u32>(ROUND_CONSTANTS + at, 32), 32)
    store<u32>(SCHEDULE + at, w9 + load<u32>(ROUND_CONSTANTS + at, 36), 36)
    store<u32>(SCHEDULE + at, w10 + load<u32>(ROUND_CONSTANTS + at, 40), 40)
    store<u32>(SCHEDULE + at, w11 + load<u32>(ROUND_CONSTANTS + at, 44), 44)
    store<u32>(SCHEDULE + at, w12 + load<u32>(ROUND_CONSTANTS + at, 48), 48)
    store<u32>(SCHEDULE + at, w13 + load<u32>(ROUND_CONSTANTS + at, 52), 52)
    store<u32>(SCHEDULE + at, w14 + load<u32>(ROUND_CONSTANTS + at, 56), 56)
    store<u32>(SCHEDULE + at, w15 + load<u32>(ROUND_CONSTANTS + at, 60), 60)
    if (at === 192) return
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
  }
}

function compress (block: usize): void {
  makeSchedule(block)
  let a = load<u32>(CHAIN, 0)
  let b = load<u32>(CHAIN, 4)
  let c = load<u32>(CHAIN, 8)
  let d = load<u32>(CHAIN, 12)
  let e = load<u32>(CHAIN, 16)
  let f = load<u32>(CHAIN, 20)
  let g = load<u32>(CHAIN, 24)
  let h = load<u32>(CHAIN, 28)
  // majority(a, b, c) = b ^ (a ^ b) & (b ^ c), and a ^ b is the next round's b ^ c
  let x: u32
  let y = b ^ c
  for (let words = SCHEDULE; words < SCHEDULE + 64 * 4; words += 8 * 4) {
    h += load<u32>(words, 0) + bigSigma1(e) + (g ^ (e & (f ^ g)))
    d += h
    x = a ^ b
    h += bigSigma0(a) + (b ^ (x & y))
    g += load<u32>(words, 4) + bigSigma1(d) + (f ^ (d & (e ^ f)))
    c += g
    y = h ^ a
    g += bigSigma0(h) + (a ^ (y & x))
    f += load<u32>(words, 8) + bigSigma1(c) + (e ^ (c & (d ^ e)))
    b += f
    x = g ^ h
    f += bigSigma0(g) + (h ^ (x & y))
    e += load<u32>(words, 12) + bigSigma1(b) + (d ^ (b & (c ^ d)))
    a += e
    y = f ^ g
    e += bigSigma0(f) + (g ^ (y & x))
    d += load<u32>(words, 16) + bigSigma1(a) + (c ^ (a & (b ^ c)))
    h += d
    x = e ^ f
    d += bigSigma0(e) + (f ^ (x & y))
    c += load<u32>(words, 20) + bigSigma1(h) + (b ^ (h & (a ^ b)))
    g += c
    y = d ^ e
    c += bigSigma0(d) + (e ^ (y & x))
    b += load<u32>(words, 24) + bigSigma1(g) + (a ^ (g & (h ^ a)))
    f += b
    x = c ^ d
    b += bigSigma0(c) + (d ^ (x & y))
    a += load<u32>(words, 28) + bigSigma1(f) + (h ^ (f & (g ^ h)))
    e += a
    y = b ^ c
    a += bigSigma0(b) + (c ^ (y & x))
  }
  store<u32>(CHAIN, load<u32>(CHAIN, 0) + a, 0)
  store<u32>(CHAIN, load<u32>(CHAIN, 4) + b, 4)
  store<u32>(CHAIN, load<u32>(CHAIN, 8) + c, 8)
  store<u32>(CHAIN, load<u32>(CHAIN, 12) + d, 12)
  store<u32>(CHAIN, load<u32>(CHAIN, 16) + e, 16)
  store<u32>(CHAIN, load<u32>(CHAIN, 20) + f, 20)
  store<u32>(CHAIN, load<u32>(CHAIN, 24) + g, 24)
  store<u32>(CHAIN, load<u32>(CHAIN, 28) + h, 28)
}

/** Take so many bytes at INPUT, a multiple of 64, behind which more come. */
export function takeOne (bytes: usize): void {
  count += bytes
  for (let at: usize = 0; at < bytes; at += 64) compress(INPUT + at)
}

/** Take the last bytes at INPUT, at most 65,472 so that their padding has room, and write the digest to OUTPUT. */
export function endOne (bytes: usize): void {
  const bits = 8 * (count + bytes)
  const end = (bytes + 8 & ~63) + 64
  store<u8>(INPUT + bytes, 0x80)
  memory.fill(INPUT + bytes + 1, 0, end - 8 - bytes - 1)
  store<u64>(INPUT + end - 8, bswap(bits))
  takeOne(end)
  for (let at: usize = 0; at < 32; at += 4) store<u32>(OUTPUT + at, bswap(load<u32>(CHAIN + at)))
}
