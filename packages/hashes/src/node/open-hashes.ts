/** The fastest hash functions that Node has. */
import { createHashes, type Hashes, type HashesOptions } from '../hashes.ts'
import { cryptoHashers } from './crypto-hashers.ts'
import { openWasmHashers } from './wasm-hashers.ts'

/**
 * As `createHashes`, fast: sha2-256 and sha2-512 by Node's crypto, blake2b-256 by WebAssembly, or in plain JavaScript where
 * that is missing. Nothing to close.
 *
 * @throws {TypeError} as `createHashes`
 */
export const openHashes = async (options: HashesOptions = {}): Promise<Hashes> => {
  const given = options.hashers ?? []
  createHashes(options) // refuses what it would refuse
  const fast = [...cryptoHashers, ...await openWasmHashers()].filter(({ code }) => !given.some((hasher) => hasher.code === code))
  return createHashes({ hashers: [...fast, ...given] })
}
