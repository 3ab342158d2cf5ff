/**
 * The first half of MurmurHash3 x64 128 with seed 0: what places a name in a sharded directory. 64-bit numbers are pairs of
 * 32-bit ones, since a directory may have millions of names.
 *
 * Source: Austin Appleby's MurmurHash3.cpp `MurmurHash3_x64_128`, public domain; boxo ipld/unixfs/hamt `hash`.
 */

/** High and low half. */
interface U64 { hi: number, lo: number }

const C1: Readonly<U64> = { hi: 0x87c37b91, lo: 0x114253d5 }
const C2: Readonly<U64> = { hi: 0x4cf5ad43, lo: 0x2745937f }
const F1: Readonly<U64> = { hi: 0xff51afd7, lo: 0xed558ccd }
const F2: Readonly<U64> = { hi: 0xc4ceb9fe, lo: 0x1a85ec53 }

/** Put the 64 bits of `bytes` into `out`: the high half at `at`, the low one behind it. Keeps no reference. */
export const murmur3Into = (bytes: Uint8Array, out: Uint32Array, at: number): void => {
  const h1: U64 = { hi: 0, lo: 0 }
  const h2: U64 = { hi: 0, lo: 0 }
  const k: U64 = { hi: 0, lo: 0 }
  const length = bytes.byteLength
  const wholeBytes = length - length % 16
  for (let from = 0; from < wholeBytes; from += 16) {
    mixFirst(read(bytes, from, k))
    xor(h1, k)
    rotate(h1, 27)
    add(h1, h2)
    timesFivePlus(h1, 0x52dce729)
    mixSecond(read(bytes, from + 8, k))
    xor(h2, k)
    rotate(h2, 31)
    add(h2, h1)
    timesFivePlus(h2, 0x38495ab5)
  }
  // bytes behind the end read as zeros
  mixSecond(read(bytes, wholeBytes + 8, k))
  xor(h2, k)
  mixFirst(read(bytes, wholeBytes, k))
  xor(h1, k)

  h1.lo ^= length
  h2.lo ^= length
  add(h1, h2)
  add(h2, h1)
  finish(h1)
  finish(h2)
  add(h1, h2)
  out[at] = h1.hi
  out[at + 1] = h1.lo
}

const read = (bytes: Uint8Array, at: number, into: U64): U64 => {
  into.lo = word(bytes, at)
  into.hi = word(bytes, at + 4)
  return into
}

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16 | (bytes[at + 3] ?? 0) << 24

const mixFirst = (k: U64): void => {
  multiply(k, C1)
  rotate(k, 31)
  multiply(k, C2)
}

const mixSecond = (k: U64): void => {
  multiply(k, C2)
  rotate(k, 33)
  multiply(k, C1)
}

const finish = (h: U64): void => {
  shiftXor(h)
  multiply(h, F1)
  shiftXor(h)
  multiply(h, F2)
  shiftXor(h)
}

const xor = (a: U64, b: Readonly<U64>): void => {
  a.hi ^= b.hi
  a.lo ^= b.lo
}

const add = (a: U64, b: Readonly<U64>): void => {
  const lo = (a.lo >>> 0) + (b.lo >>> 0)
  a.hi = (a.hi + b.hi + (lo > 0xffff_ffff ? 1 : 0)) | 0
  a.lo = lo | 0
}

/** `h ^= h >> 33` */
const shiftXor = (h: U64): void => { h.lo ^= h.hi >>> 1 }

/** @param by - 1 to 63, not 32 */
const rotate = (a: U64, by: number): void => {
  const [hi, lo] = by < 32 ? [a.hi, a.lo] : [a.lo, a.hi]
  const up = by % 32
  a.hi = hi << up | lo >>> (32 - up)
  a.lo = lo << up | hi >>> (32 - up)
}

const multiply = (a: U64, b: Readonly<U64>): void => {
  const [a0, a1, b0, b1] = [a.lo & 0xffff, a.lo >>> 16, b.lo & 0xffff, b.lo >>> 16]
  const low = a0 * b0
  const [cross, crossed] = [a0 * b1, a1 * b0]
  const middle = (low >>> 16) + (cross & 0xffff) + (crossed & 0xffff)
  const carried = a1 * b1 + (cross >>> 16) + (crossed >>> 16) + (middle >>> 16)
  a.hi = (carried + Math.imul(a.hi, b.lo) + Math.imul(a.lo, b.hi)) | 0
  a.lo = middle << 16 | low & 0xffff
}

const timesFivePlus = (a: U64, more: number): void => {
  const lo = (a.lo >>> 0) * 5 + more
  a.hi = (Math.imul(a.hi, 5) + Math.floor(lo / 0x1_0000_0000)) | 0
  a.lo = lo | 0
}
