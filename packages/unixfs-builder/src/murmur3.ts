/**
 * The first half of MurmurHash3 x64 128 with seed 0: what places a name in a sharded directory.
 *
 * Source: Austin Appleby's MurmurHash3.cpp `MurmurHash3_x64_128`, public domain; boxo ipld/unixfs/hamt `hash`.
 */

const C1 = 0x87c37b91114253d5n
const C2 = 0x4cf5ad432745937fn
const U64 = 64

/** The 64 bits as eight bytes, highest first. */
export const murmur3 = (bytes: Uint8Array): Uint8Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let h1 = 0n
  let h2 = 0n
  const wholeBytes = bytes.byteLength - bytes.byteLength % 16
  for (let at = 0; at < wholeBytes; at += 16) {
    h1 ^= mixFirst(view.getBigUint64(at, true))
    h1 = u64((u64(rotate(h1, 27n) + h2)) * 5n + 0x52dce729n)
    h2 ^= mixSecond(view.getBigUint64(at + 8, true))
    h2 = u64((u64(rotate(h2, 31n) + h1)) * 5n + 0x38495ab5n)
  }
  const rest = new Uint8Array(16)
  rest.set(bytes.subarray(wholeBytes))
  const restView = new DataView(rest.buffer)
  h2 ^= mixSecond(restView.getBigUint64(8, true))
  h1 ^= mixFirst(restView.getBigUint64(0, true))

  const length = BigInt(bytes.byteLength)
  h1 = u64((h1 ^ length) + (h2 ^ length))
  h2 = u64((h2 ^ length) + h1)
  const hash = new Uint8Array(8)
  new DataView(hash.buffer).setBigUint64(0, u64(finish(h1) + finish(h2)), false)
  return hash
}

const u64 = (value: bigint): bigint => BigInt.asUintN(U64, value)

const rotate = (value: bigint, by: bigint): bigint => u64(value << by) | value >> (64n - by)

const mixFirst = (k: bigint): bigint => u64(rotate(u64(k * C1), 31n) * C2)

const mixSecond = (k: bigint): bigint => u64(rotate(u64(k * C2), 33n) * C1)

const finish = (hash: bigint): bigint => {
  let h = u64((hash ^ hash >> 33n) * 0xff51afd7ed558ccdn)
  h = u64((h ^ h >> 33n) * 0xc4ceb9fe1a85ec53n)
  return h ^ h >> 33n
}
