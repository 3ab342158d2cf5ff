/** Names by which Kubo takes hash functions; go-multihash `Names`. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x11, 'sha1'],
  [0x12, 'sha2-256'],
  [0x13, 'sha2-512'],
  [0x14, 'sha3-512'],
  [0x15, 'sha3-384'],
  [0x16, 'sha3-256'],
  [0x17, 'sha3-224'],
  [0x1b, 'keccak-256'],
  [0x1d, 'keccak-512'],
  [0x1e, 'blake3'],
  [0x56, 'dbl-sha2-256'],
  [0xb220, 'blake2b-256'],
  [0xb240, 'blake2b-512'],
  [0xb260, 'blake2s-256'],
])

export const hashName = (code: number): string | undefined => NAMES.get(code)
