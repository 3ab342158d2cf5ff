/**
 * CIDs out of the bytes of blocks.
 *
 *     01 codec hash 20 digest        version 1: one byte each for codec and hash, 32 bytes of digest
 *     01 codec a0 e4 02 20 digest    version 1 with blake2b-256
 *     12 20 digest                   version 0
 *
 * These forms are nearly all there are, and are put together here without being taken apart; any other goes the usual way.
 */
import { CID } from 'multiformats/cid'
import { Digest } from 'multiformats/hashes/digest'

const DIGEST_BYTES = 32
const SHA2_256 = 0x12
const BLAKE2B_256 = 0xb220
const DAG_PB = 0x70

/**
 * The CID at [from, to), which keeps nothing of `bytes` alive.
 *
 * @throws {Error} not a CID, or bytes behind it
 */
export const cidAt = (bytes: Uint8Array, from: number, to: number): CID => {
  // not `slice`, which for a Buffer would not copy
  const own = new Uint8Array(to - from)
  own.set(from === 0 && to === bytes.byteLength ? bytes : bytes.subarray(from, to))
  const codec = own[1] ?? 0x80
  if (own[0] === 1 && codec < 0x80) {
    const hash = own[2] ?? 0x80
    if (own.byteLength === DIGEST_BYTES + 4 && hash < 0x80 && own[3] === DIGEST_BYTES) {
      return new CID(1, codec, new Digest(hash, DIGEST_BYTES, own.subarray(4), own.subarray(2)), own)
    }
    if (own.byteLength === DIGEST_BYTES + 6 && hash === 0xa0 && own[3] === 0xe4 && own[4] === 2 && own[5] === DIGEST_BYTES) {
      return new CID(1, codec, new Digest(BLAKE2B_256, DIGEST_BYTES, own.subarray(6), own.subarray(2)), own)
    }
  } else if (own.byteLength === DIGEST_BYTES + 2 && own[0] === SHA2_256 && codec === DIGEST_BYTES) {
    return new CID(0, DAG_PB, new Digest(SHA2_256, DIGEST_BYTES, own.subarray(2), own), own)
  }
  return CID.decode(own)
}
