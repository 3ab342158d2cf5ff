/** Names of the multicodec table that CARs are likely to hold; any other code is shown in hex. */
import { INDEX_SORTED, type IndexCodec, MULTIHASH_INDEX_SORTED } from '@dagstore/carv2'

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x01, 'cidv1'],
  [0x00, 'identity'], [0x11, 'sha1'], [0x12, 'sha2-256'], [0x13, 'sha2-512'], [0x14, 'sha3-512'], [0x15, 'sha3-384'], [0x16, 'sha3-256'],
  [0x17, 'sha3-224'], [0x1a, 'keccak-224'], [0x1b, 'keccak-256'], [0x1c, 'keccak-384'], [0x1d, 'keccak-512'], [0x1e, 'blake3'], [0x20, 'sha2-384'],
  [0x22, 'murmur3-x64-64'], [0x56, 'dbl-sha2-256'], [0xd5, 'md5'], [0xb220, 'blake2b-256'], [0xb240, 'blake2b-512'], [0xb260, 'blake2s-256'],
  [0xb401, 'poseidon-bls12_381-a2-fc1'], [0x1011, 'fr32-sha2-256-trunc254-padbintree'], [0x1012, 'sha2-256-trunc254-padded'],
  [0x51, 'cbor'], [0x55, 'raw'], [0x70, 'dag-pb'], [0x71, 'dag-cbor'], [0x72, 'libp2p-key'], [0x78, 'git-raw'], [0x7b, 'torrent-info'],
  [0x7c, 'torrent-file'], [0x85, 'dag-jose'], [0x86, 'dag-cose'], [0x90, 'eth-block'], [0x91, 'eth-block-list'], [0x92, 'eth-tx-trie'], [0x93, 'eth-tx'],
  [0x94, 'eth-tx-receipt-trie'], [0x95, 'eth-tx-receipt'], [0x96, 'eth-state-trie'], [0x97, 'eth-account-snapshot'], [0x98, 'eth-storage-trie'],
  [0xb0, 'bitcoin-block'], [0xb1, 'bitcoin-tx'], [0x0129, 'dag-json'], [0x0200, 'json'], [0x0202, 'car'], [0xf101, 'fil-commitment-unsealed'],
  [0xf102, 'fil-commitment-sealed'], [INDEX_SORTED, 'car-index-sorted'], [MULTIHASH_INDEX_SORTED, 'car-multihash-index-sorted'],
])

export const nameOf = (code: number): string => NAMES.get(code) ?? `0x${code.toString(16)}`

/** By the names that go-car's `--codec` takes. */
export const INDEX_CODECS: ReadonlyMap<string, IndexCodec> = new Map([
  ['car-multihash-index-sorted', MULTIHASH_INDEX_SORTED],
  ['car-index-sorted', INDEX_SORTED],
])
