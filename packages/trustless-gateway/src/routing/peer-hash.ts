/**
 * Peer IDs: multihashes that name a key, in base58btc (`Qm…`, `12D3…`, `16Uiu2…`) or as CIDs of the codec libp2p-key.
 *
 *     sha2-256   of a key, 32 bytes
 *     identity   08 01 12 20, 32 bytes: a key of Ed25519; 08 02 12 21, 33 bytes: one of secp256k1
 *
 * Source: libp2p specification "Peer Ids and Keys"; @libp2p/peer-id `peerIdFromMultihash`. Looser: the codec of a CID is not looked at.
 */
import { IDENTITY } from '@dagstore/hashes'
import { base58btc } from 'multiformats/bases/base58'
import { decode as decodeDigest } from 'multiformats/hashes/digest'
import { cidOf } from '../ipfs/cid-text.ts'

const SHA2_256 = 0x12
const SHA2_256_BYTES = 32
/** In base58btc they have 53 at most; as CIDs in other bases more. */
const MAX_CHARACTERS = 400
const KEY_HEADS: readonly (readonly number[])[] = [[0x08, 0x01, 0x12, 0x20], [0x08, 0x02, 0x12, 0x21]]

/** The multihash in base58btc; `undefined`: the text is no peer ID. */
export const peerHash = (id: string): string | undefined => {
  if (id.length > MAX_CHARACTERS) return undefined
  try {
    const { code, digest, bytes } = /^(?:1|Qm)/.test(id) ? decodeDigest(base58btc.baseDecode(id)) : cidOf(id).multihash
    const isPeer = code === SHA2_256 ? digest.byteLength === SHA2_256_BYTES : code === IDENTITY && isKey(digest)
    return isPeer ? base58btc.baseEncode(bytes) : undefined
  } catch {
    return undefined
  }
}

const isKey = (key: Uint8Array): boolean => KEY_HEADS.some((head) => key.byteLength === head.length + head[head.length - 1]! && head.every((byte, at) => key[at] === byte))
