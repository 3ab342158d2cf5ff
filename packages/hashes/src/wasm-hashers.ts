/** blake2b-256 and sha2-256 in WebAssembly: one message, or of sha2-256 four side by side in the lanes of a vector. */
import type { Hasher } from './hasher.ts'
import { BLAKE2B_256, SHA2_256 } from './pure-hashers.ts'
import { DIGEST_BYTES, instantiate, sha256Blocks, type WasmFunctions } from './wasm-functions.ts'
import type { WasmModule } from './wasm-host.ts'

/** Told of each message by its index, and where in `output` its digest starts until the next one is hashed. */
type Visit = (index: number, at: number) => void

/** One that does several blocks at once. */
export type BatchHasher = Hasher & Required<Pick<Hasher, 'digestAll' | 'matchesAll'>>

export interface WasmHashers {
  /** Block by block: two messages in the lanes of a vector were measured no faster. */
  readonly blake2b256: Hasher
  readonly sha2256: BatchHasher
}

/**
 * Of one instance of the module, which one thread may use for all its hashing.
 *
 * @throws {TypeError} `module` is not the one of `@dagstore/hashes/hashes.wasm`
 */
export const createWasmHashers = (module: WasmModule): WasmHashers => {
  const functions = instantiate(module)
  return {
    blake2b256: wasmHasher(BLAKE2B_256, 'blake2b-256', functions.output, functions.blake2b),
    sha2256: batched(wasmHasher(SHA2_256, 'sha2-256', functions.output, functions.sha256), functions.output, (blocks, visit) => { eachSha256(functions, blocks, visit) }),
  }
}

/** Whether the digest that stands in `output` from `from` is `digest`. */
const isAt = (output: Uint8Array, from: number, digest: Uint8Array): boolean => {
  if (digest.byteLength !== DIGEST_BYTES) return false
  for (let at = 0; at < DIGEST_BYTES; at++) if (output[from + at] !== digest[at]) return false
  return true
}

const wasmHasher = (code: number, name: string, output: Uint8Array, hash: (bytes: Uint8Array) => void): Hasher => ({
  code,
  name,
  digest: (bytes) => {
    hash(bytes)
    return output.slice(0, DIGEST_BYTES)
  },
  matches: (bytes, digest) => {
    hash(bytes)
    return isAt(output, 0, digest)
  },
})

const batched = (hasher: Hasher, output: Uint8Array, each: (blocks: readonly Uint8Array[], visit: Visit) => void): BatchHasher => ({
  ...hasher,
  digestAll: (blocks) => {
    const digests = [...blocks]
    each(blocks, (index, at) => { digests[index] = output.slice(at, at + DIGEST_BYTES) })
    return digests
  },
  matchesAll: (blocks, digests) => {
    const verdicts = blocks.map(() => false)
    each(blocks, (index, at) => { verdicts[index] = isAt(output, at, digests[index]!) })
    return verdicts
  },
})

/** Messages that have as many blocks with their padding go four at a time. */
const eachSha256 = ({ sha256, sha256Four }: WasmFunctions, blocks: readonly Uint8Array[], visit: Visit): void => {
  const waiting = new Map<number, number[]>()
  for (let index = 0; index < blocks.length; index++) {
    const size = sha256Blocks(blocks[index]!.byteLength)
    const members = waiting.get(size)
    if (members === undefined) {
      waiting.set(size, [index])
      continue
    }
    members.push(index)
    if (members.length < LANES) continue
    const [a, b, c, d] = members as [number, number, number, number]
    sha256Four(blocks[a]!, blocks[b]!, blocks[c]!, blocks[d]!)
    for (let lane = 0; lane < LANES; lane++) visit(members[lane]!, lane * DIGEST_BYTES)
    members.length = 0
  }
  for (const members of waiting.values()) {
    for (const index of members) {
      sha256(blocks[index]!)
      visit(index, 0)
    }
  }
}

const LANES = 4
