/** Hash functions by multihash code, as one value to hand around. */
import { create } from 'multiformats/hashes/digest'
import { HashError } from './errors.ts'
import { equalBytes, type Hasher } from './hasher.ts'
import { pureHashers } from './pure-hashers.ts'
import type { WasmModule } from './wasm-host.ts'
import { createWasmHashers } from './wasm-hashers.ts'

/** Every call is synchronous and keeps no reference to its arguments. */
export interface Hashes {
  has(code: number): boolean
  /** Multicodec name of the hash function. @throws {HashError} `HASH_UNKNOWN` */
  name(code: number): string
  /** The digest without prefix, owned by the caller. @throws {HashError} `HASH_UNKNOWN`; `HASH_TOO_LONG` (identity only) */
  digest(code: number, bytes: Uint8Array): Uint8Array
  /** Varint code, varint length, digest; owned by the caller. @throws {HashError} as `digest` */
  multihash(code: number, bytes: Uint8Array): Uint8Array
  /**
   * Whether `bytes` hash to `digest`; of the identity: whether they are equal. A digest of another length than the hash
   * function's is never a match, so a truncated one is not.
   *
   * @throws {HashError} `HASH_UNKNOWN`
   */
  matches(code: number, digest: Uint8Array, bytes: Uint8Array): boolean
  /** As `digest` of each block, in their order; several at once where that is faster. @throws {HashError} as `digest` */
  digestAll(code: number, blocks: readonly Uint8Array[]): Uint8Array[]
  /**
   * As `matches` of each block with the digest in its place; several at once where that is faster.
   *
   * @throws {HashError} `HASH_UNKNOWN`
   * @throws {RangeError} not as many digests as blocks
   */
  matchesAll(code: number, digests: readonly Uint8Array[], blocks: readonly Uint8Array[]): boolean[]
}

export interface HashesOptions {
  /** Further hash functions, or better forms of those that are built in. @default none */
  readonly hashers?: readonly Hasher[]
  /**
   * What the host compiled from `@dagstore/hashes/hashes.wasm`: sha2-256 and blake2b-256 by it.
   *
   * @default none: plain JavaScript
   */
  readonly module?: WasmModule | undefined
}

/**
 * sha2-256, sha2-512, blake2b-256 and identity, and the hash functions given. Compiles nothing.
 *
 * @throws {TypeError} two of the hash functions given have the same code, or one has no code; `module` is another one
 */
export const createHashes = (options: HashesOptions = {}): Hashes => {
  const given = options.hashers ?? []
  if (new Set(given.map(({ code }) => code)).size < given.length) throw new TypeError('two hashers of one code')
  const byCode = new Map<number, Hasher>()
  const compiled = options.module === undefined ? [] : Object.values(createWasmHashers(options.module)) as Hasher[]
  for (const hasher of [...pureHashers, ...compiled, ...given]) {
    if (!Number.isSafeInteger(hasher.code) || hasher.code < 0) throw new TypeError(`bad hash code; got=${hasher.code}`)
    byCode.set(hasher.code, hasher)
  }
  const find = (code: number): Hasher => {
    const hasher = byCode.get(code)
    if (hasher !== undefined) return hasher
    throw new HashError('HASH_UNKNOWN', `no hasher; code=0x${code.toString(16)}`, { hashCode: code })
  }
  return {
    has: (code) => byCode.has(code),
    name: (code) => find(code).name,
    digest: (code, bytes) => find(code).digest(bytes),
    multihash: (code, bytes) => create(code, find(code).digest(bytes)).bytes,
    matches: (code, digest, bytes) => matchesOne(find(code), bytes, digest),
    digestAll: (code, blocks) => {
      const hasher = find(code)
      return hasher.digestAll === undefined ? blocks.map((bytes) => hasher.digest(bytes)) : hasher.digestAll(blocks)
    },
    matchesAll: (code, digests, blocks) => {
      const hasher = find(code)
      if (digests.length !== blocks.length) throw new RangeError(`not as many digests as blocks; digests=${digests.length} blocks=${blocks.length}`)
      return hasher.matchesAll === undefined ? blocks.map((bytes, i) => matchesOne(hasher, bytes, digests[i]!)) : hasher.matchesAll(blocks, digests)
    },
  }
}

const matchesOne = (hasher: Hasher, bytes: Uint8Array, digest: Uint8Array): boolean =>
  hasher.matches === undefined ? equalBytes(hasher.digest(bytes), digest) : hasher.matches(bytes, digest)
