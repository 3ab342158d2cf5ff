/** blake2b-256 and sha2-256 in WebAssembly: one message, or two or four side by side in the lanes of a vector. */
import type { Hasher } from './hasher.ts'
import { BLAKE2B_256, SHA2_256 } from './pure-hashers.ts'
import { DIGEST_BYTES, instantiate, sha256Blocks, type WasmFunctions } from './wasm-functions.ts'
import type { WasmModule } from './wasm-host.ts'

/** Told of each message by its index, and where in `output` its digest starts until the next one is hashed. */
type Visit = (index: number, at: number) => void

export interface WasmHashers {
  readonly blake2b256: Hasher
  readonly sha2256: Hasher
}

/**
 * Of one instance of the module, which one thread may use for all its hashing.
 *
 * @throws {TypeError} `module` is not the one of `@dagstore/hashes/hashes.wasm`
 */
export const createWasmHashers = (module: WasmModule): WasmHashers => {
  const functions = instantiate(module)
  return {
    blake2b256: wasmHasher(BLAKE2B_256, 'blake2b-256', functions.output, functions.blake2b, (blocks, visit) => { eachBlake2b(functions, blocks, visit) }),
    sha2256: wasmHasher(SHA2_256, 'sha2-256', functions.output, functions.sha256, (blocks, visit) => { eachSha256(functions, blocks, visit) }),
  }
}

const wasmHasher = (code: number, name: string, output: Uint8Array, hash: (bytes: Uint8Array) => void, each: (blocks: readonly Uint8Array[], visit: Visit) => void): Hasher => {
  const equals = (digest: Uint8Array, from: number): boolean => {
    if (digest.byteLength !== DIGEST_BYTES) return false
    for (let at = 0; at < DIGEST_BYTES; at++) if (output[from + at] !== digest[at]) return false
    return true
  }
  return {
    code,
    name,
    digest: (bytes) => {
      hash(bytes)
      return output.slice(0, DIGEST_BYTES)
    },
    matches: (bytes, digest) => {
      hash(bytes)
      return equals(digest, 0)
    },
    digestAll: (blocks) => {
      const digests = [...blocks]
      each(blocks, (index, at) => { digests[index] = output.slice(at, at + DIGEST_BYTES) })
      return digests
    },
    matchesAll: (blocks, digests) => {
      const verdicts = blocks.map(() => false)
      each(blocks, (index, at) => { verdicts[index] = equals(digests[index]!, at) })
      return verdicts
    },
  }
}

/** Blocks of equal length go two at a time: neighbours first, then those that find each other. */
const eachBlake2b = ({ blake2b, blake2bTwo }: WasmFunctions, blocks: readonly Uint8Array[], visit: Visit): void => {
  const hashTwo = (first: number, second: number): void => {
    blake2bTwo(blocks[first]!, blocks[second]!)
    visit(first, 0)
    visit(second, DIGEST_BYTES)
  }
  const alone = new Map<number, number>()
  for (let index = 0; index < blocks.length; index++) {
    const length = blocks[index]!.byteLength
    if (blocks[index + 1]?.byteLength === length) {
      hashTwo(index, ++index)
      continue
    }
    const other = alone.get(length)
    if (other === undefined) {
      alone.set(length, index)
    } else {
      alone.delete(length)
      hashTwo(other, index)
    }
  }
  for (const index of alone.values()) {
    blake2b(blocks[index]!)
    visit(index, 0)
  }
}

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
