/**
 * blake2b with 32 bytes of output of two messages of equal length at once, one in each lane.
 *
 * Word i of both messages is one vector, and so is word i of both states, so no row has to be turned.
 */
import { IV, PARAMETERS } from './blake2b'
import { INPUT, OUTPUT } from './memory'

/** Byte offsets of the message words in the order of each of the twelve rounds. */
const ORDER: usize = memory.data<u8>([
  0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120,
  112, 80, 32, 64, 72, 120, 104, 48, 8, 96, 0, 16, 88, 56, 40, 24,
  88, 64, 96, 0, 40, 16, 120, 104, 80, 112, 24, 48, 56, 8, 72, 32,
  56, 72, 24, 8, 104, 96, 88, 112, 16, 48, 40, 80, 32, 0, 120, 64,
  72, 0, 40, 56, 16, 32, 80, 120, 112, 8, 88, 96, 48, 64, 24, 104,
  16, 96, 48, 80, 0, 88, 64, 24, 32, 104, 56, 40, 120, 112, 8, 72,
  96, 40, 8, 120, 112, 104, 32, 80, 0, 56, 48, 24, 72, 16, 64, 88,
  104, 88, 56, 112, 96, 8, 24, 72, 40, 0, 120, 32, 64, 48, 16, 80,
  48, 120, 112, 72, 88, 24, 0, 64, 96, 16, 104, 56, 8, 32, 80, 40,
  80, 16, 64, 32, 56, 48, 8, 40, 120, 88, 72, 112, 24, 96, 104, 0,
  0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120,
  112, 80, 32, 64, 72, 120, 104, 48, 8, 96, 0, 16, 88, 56, 40, 24,
])

/** How far the second message is behind the first. */
export const STRIDE: usize = 32768

/** The sixteen words of one block of both messages. */
const MESSAGE: usize = memory.data(16 * 16, 64)
/** The eight chaining values. */
const CHAIN: usize = memory.data(8 * 16, 64)

/** Bytes of each message compressed so far. */
let count: u64 = 0

/** The word of both messages in one place of the order, whose offsets are for words of 8 bytes. */
function word (order: usize, place: usize): v128 {
  return v128.load(MESSAGE + 2 * <usize>load<u8>(order + place))
}

function turn32 (x: v128): v128 {
  return i8x16.shuffle(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
}

function turn24 (x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10)
}

function turn16 (x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9)
}

function turn63 (x: v128): v128 {
  return v128.or(i64x2.shr_u(x, 63), i64x2.add(x, x))
}

export function beginTwo (): void {
  count = 0
  v128.store(CHAIN, i64x2.splat(load<u64>(IV) ^ PARAMETERS))
  for (let i: usize = 1; i < 8; i++) v128.store(CHAIN + 16 * i, v128.load64_splat(IV + 8 * i))
}

function compress (block: usize, length: u64, last: u64): void {
  count += length
  for (let at: usize = 0; at < 128; at += 16) {
    const first = v128.load(block + at)
    const second = v128.load(block + STRIDE + at)
    v128.store(MESSAGE + 2 * at, v128.shuffle<u64>(first, second, 0, 2))
    v128.store(MESSAGE + 2 * at, v128.shuffle<u64>(first, second, 1, 3), 16)
  }
  let v0 = v128.load(CHAIN, 0)
  let v1 = v128.load(CHAIN, 16)
  let v2 = v128.load(CHAIN, 32)
  let v3 = v128.load(CHAIN, 48)
  let v4 = v128.load(CHAIN, 64)
  let v5 = v128.load(CHAIN, 80)
  let v6 = v128.load(CHAIN, 96)
  let v7 = v128.load(CHAIN, 112)
  let v8 = v128.load64_splat(IV, 0)
  let v9 = v128.load64_splat(IV, 8)
  let v10 = v128.load64_splat(IV, 16)
  let v11 = v128.load64_splat(IV, 24)
  let v12 = v128.xor(v128.load64_splat(IV, 32), i64x2.splat(count))
  let v13 = v128.load64_splat(IV, 40)
  let v14 = v128.xor(v128.load64_splat(IV, 48), i64x2.splat(last))
  let v15 = v128.load64_splat(IV, 56)
  let a: v128
  for (let order = ORDER; order < ORDER + 12 * 16; order += 16) {
    a = i64x2.add(i64x2.add(v0, v4), word(order, 0))
    v12 = turn32(v128.xor(v12, a))
    v8 = i64x2.add(v8, v12)
    v4 = turn24(v128.xor(v4, v8))
    v0 = i64x2.add(i64x2.add(a, v4), word(order, 1))
    v12 = turn16(v128.xor(v12, v0))
    v8 = i64x2.add(v8, v12)
    v4 = turn63(v128.xor(v4, v8))
    a = i64x2.add(i64x2.add(v1, v5), word(order, 2))
    v13 = turn32(v128.xor(v13, a))
    v9 = i64x2.add(v9, v13)
    v5 = turn24(v128.xor(v5, v9))
    v1 = i64x2.add(i64x2.add(a, v5), word(order, 3))
    v13 = turn16(v128.xor(v13, v1))
    v9 = i64x2.add(v9, v13)
    v5 = turn63(v128.xor(v5, v9))
    a = i64x2.add(i64x2.add(v2, v6), word(order, 4))
    v14 = turn32(v128.xor(v14, a))
    v10 = i64x2.add(v10, v14)
    v6 = turn24(v128.xor(v6, v10))
    v2 = i64x2.add(i64x2.add(a, v6), word(order, 5))
    v14 = turn16(v128.xor(v14, v2))
    v10 = i64x2.add(v10, v14)
    v6 = turn63(v128.xor(v6, v10))
    a = i64x2.add(i64x2.add(v3, v7), word(order, 6))
    v15 = turn32(v128.xor(v15, a))
    v11 = i64x2.add(v11, v15)
    v7 = turn24(v128.xor(v7, v11))
    v3 = i64x2.add(i64x2.add(a, v7), word(order, 7))
    v15 = turn16(v128.xor(v15, v3))
    v11 = i64x2.add(v11, v15)
    v7 = turn63(v128.xor(v7, v11))
    a = i64x2.add(i64x2.add(v0, v5), word(order, 8))
    v15 = turn32(v128.xor(v15, a))
    v10 = i64x2.add(v10, v15)
    v5 = turn24(v128.xor(v5, v10))
    v0 = i64x2.add(i64x2.add(a, v5), word(order, 9))
    v15 = turn16(v128.xor(v15, v0))
    v10 = i64x2.add(v10, v15)
    v5 = turn63(v128.xor(v5, v10))
    a = i64x2.add(i64x2.add(v1, v6), word(order, 10))
    v12 = turn32(v128.xor(v12, a))
    v11 = i64x2.add(v11, v12)
    v6 = turn24(v128.xor(v6, v11))
    v1 = i64x2.add(i64x2.add(a, v6), word(order, 11))
    v12 = turn16(v128.xor(v12, v1))
    v11 = i64x2.add(v11, v12)
    v6 = turn63(v128.xor(v6, v11))
    a = i64x2.add(i64x2.add(v2, v7), word(order, 12))
    v13 = turn32(v128.xor(v13, a))
    v8 = i64x2.add(v8, v13)
    v7 = turn24(v128.xor(v7, v8))
    v2 = i64x2.add(i64x2.add(a, v7), word(order, 13))
    v13 = turn16(v128.xor(v13, v2))
    v8 = i64x2.add(v8, v13)
    v7 = turn63(v128.xor(v7, v8))
    a = i64x2.add(i64x2.add(v3, v4), word(order, 14))
    v14 = turn32(v128.xor(v14, a))
    v9 = i64x2.add(v9, v14)
    v4 = turn24(v128.xor(v4, v9))
    v3 = i64x2.add(i64x2.add(a, v4), word(order, 15))
    v14 = turn16(v128.xor(v14, v3))
    v9 = i64x2.add(v9, v14)
    v4 = turn63(v128.xor(v4, v9))
  }
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 0), v128.xor(v0, v8)), 0)
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 16), v128.xor(v1, v9)), 16)
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 32), v128.xor(v2, v10)), 32)
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 48), v128.xor(v3, v11)), 48)
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 64), v128.xor(v4, v12)), 64)
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 80), v128.xor(v5, v13)), 80)
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 96), v128.xor(v6, v14)), 96)
  v128.store(CHAIN, v128.xor(v128.load(CHAIN, 112), v128.xor(v7, v15)), 112)
}

/** Take so many bytes of each message, a multiple of 128, behind which more come. */
export function takeTwo (bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 128) compress(INPUT + at, 128, 0)
}

/** Take the last bytes of each message, at most 32,768, and write both digests to OUTPUT. */
export function endTwo (bytes: usize): void {
  const last = bytes === 0 ? 0 : (bytes - 1) & ~127
  takeTwo(last)
  const length = bytes - last
  memory.fill(INPUT + bytes, 0, 128 - length)
  memory.fill(INPUT + STRIDE + bytes, 0, 128 - length)
  compress(INPUT + last, length, u64.MAX_VALUE)
  for (let i: usize = 0; i < 4; i++) {
    const both = v128.load(CHAIN + 16 * i)
    store<u64>(OUTPUT + 8 * i, i64x2.extract_lane(both, 0))
    store<u64>(OUTPUT + 32 + 8 * i, i64x2.extract_lane(both, 1))
  }
}
