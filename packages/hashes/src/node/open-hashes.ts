/** The fastest hash functions that Node has. */
import type { Hasher } from '../hasher.ts'
import { createHashes, type Hashes, type HashesOptions } from '../hashes.ts'
import { createWasmHashers } from '../wasm-hashers.ts'
import { batchedSha2256 } from './batched-sha2-256.ts'
import { hashesModule } from './compile.ts'
import { cryptoSha2256, cryptoSha2512 } from './crypto-hashers.ts'
import { hasShaInstructions } from './sha-instructions.ts'

/**
 * As `createHashes`, fast: sha2-256 and sha2-512 by Node's crypto, blake2b-256 and batches by WebAssembly, or in plain
 * JavaScript where that is missing. Nothing to close.
 *
 * @throws {TypeError} as `createHashes`
 */
export const openHashes = async (options: HashesOptions = {}): Promise<Hashes> => {
  const { hashers: given = [], module = hashesModule() } = options
  createHashes({ hashers: given }) // refuses what it would refuse
  const fast = fastHashers(module).filter(({ code }) => !given.some((hasher) => hasher.code === code))
  return createHashes({ hashers: [...fast, ...given] })
}

const fastHashers = (module: HashesOptions['module']): readonly Hasher[] => {
  if (module === undefined) return [cryptoSha2256, cryptoSha2512]
  const wasm = createWasmHashers(module)
  return [batchedSha2256(cryptoSha2256, wasm.sha2256, hasShaInstructions()), cryptoSha2512, wasm.blake2b256]
}
