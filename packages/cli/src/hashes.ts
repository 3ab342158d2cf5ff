/** Every hash function that Node can compute, so that a command refuses no block whose hash is merely rare. */
import { createHash, getHashes } from 'node:crypto'
import type { Hasher, Hashes } from '@dagstore/hashes'

/** Multicodec code, its name, OpenSSL's name. The usual ones are there without them. */
const RARE: readonly (readonly [number, string, string])[] = [
  [0x11, 'sha1', 'sha1'], [0xd5, 'md5', 'md5'], [0x20, 'sha2-384', 'sha384'], [0x1013, 'sha2-224', 'sha224'],
  [0x1014, 'sha2-512-224', 'sha512-224'], [0x1015, 'sha2-512-256', 'sha512-256'], [0x14, 'sha3-512', 'sha3-512'], [0x15, 'sha3-384', 'sha3-384'],
  [0x16, 'sha3-256', 'sha3-256'], [0x17, 'sha3-224', 'sha3-224'], [0xb240, 'blake2b-512', 'blake2b512'], [0xb260, 'blake2s-256', 'blake2s256'],
]

const hashOf = (name: string, bytes: Uint8Array): Uint8Array => Uint8Array.from(createHash(name).update(bytes).digest())

export const openAllHashes = async (): Promise<Hashes> => {
  const { openHashes } = await import('@dagstore/hashes/node') // loaded when needed
  const known = new Set(getHashes().map((name) => name.toLowerCase()))
  const hashers = RARE.filter(([, , name]) => known.has(name)).map(([code, name, hash]): Hasher => ({ code, name, digest: (bytes) => hashOf(hash, bytes) }))
  hashers.push({ code: 0x56, name: 'dbl-sha2-256', digest: (bytes) => hashOf('sha256', hashOf('sha256', bytes)) })
  return openHashes({ hashers })
}
