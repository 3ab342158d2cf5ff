/**
 * MurmurHash3 x64 128 with seed 0, first 64 bits: what finds a name in a sharded directory.
 *
 * Source: Austin Appleby's MurmurHash3.cpp, public domain; multihash 0x22 as go-unixfsnode `hamt.hash` has it.
 */

const C1 = 0x87c37b91114253d5n
const C2 = 0x4cf5ad432745937fn
const BLOCK_BYTES = 16

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
const turn = (value: bigint, bits: bigint): bigint => wrap(value << bits | value >> (64n - bits))
const scramble = (word: bigint, first: bigint, bits: bigint, second: bigint): bigint => wrap(turn(wrap(word * first), bits) * second)
const finish = (value: bigint): bigint => {
  const once = wrap((value ^ value >> 33n) * 0xff51afd7ed558ccdn)
  const twice = wrap((once ^ once >> 33n) * 0xc4ceb9fe1a85ec53n)
  return twice ^ twice >> 33n
}

/** As an unsigned number of 64 bits; the bits that choose a slot are taken from its highest ones downwards. */
export const murmur3 = (bytes: Uint8Array): bigint => {
  // the last block is filled up with zeros: they scramble to zero and change nothing
  const padded = new Uint8Array(Math.ceil((bytes.byteLength + 1) / BLOCK_BYTES) * BLOCK_BYTES)
  padded.set(bytes)
  const view = new DataView(padded.buffer)
  let low = 0n
  let high = 0n
  for (let at = 0; at < padded.byteLength; at += BLOCK_BYTES) {
    const isWhole = at + BLOCK_BYTES <= bytes.byteLength
    low ^= scramble(view.getBigUint64(at, true), C1, 31n, C2)
    if (isWhole) low = wrap(wrap(turn(low, 27n) + high) * 5n + 0x52dce729n)
    high ^= scramble(view.getBigUint64(at + 8, true), C2, 33n, C1)
    if (isWhole) high = wrap(wrap(turn(high, 31n) + low) * 5n + 0x38495ab5n)
  }
  const length = BigInt(bytes.byteLength)
  const sum = wrap((low ^ length) + (high ^ length))
  return wrap(finish(sum) + finish(wrap((high ^ length) + sum)))
}
