/**
 * The hash functions of tooling/wasm/hashes, compiled to hashes.wasm, with their memory.
 *
 * Bytes are copied in, at most 64 KiB per call, and digests are read before the next message begins; no view of the memory
 * leaves this package. The memory never grows, so views of it stay valid.
 */
import { newInstance, wasmHost, type WasmModule } from './wasm-host.ts'

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly input: { readonly value: number }
  readonly output: { readonly value: number }
  beginBlake2b(): void
  takeBlake2b(bytes: number): void
  endBlake2b(bytes: number): void
  beginSha256(): void
  takeSha256(bytes: number): void
  endSha256(bytes: number): void
  beginSha256Four(): void
  takeSha256Four(bytes: number): void
  endSha256Four(blocks: number, before: number, length0: number, length1: number, length2: number, length3: number): void
}

const FUNCTIONS = [
  'beginBlake2b', 'takeBlake2b', 'endBlake2b',
  'beginSha256', 'takeSha256', 'endSha256', 'beginSha256Four', 'takeSha256Four', 'endSha256Four',
] as const

export const DIGEST_BYTES = 32
const INPUT_BYTES = 65536
const FOUR_BYTES = INPUT_BYTES / 4
const SHA_BLOCK = 64
/** So that the padding has room. */
const SHA_PART = INPUT_BYTES - SHA_BLOCK
const FOUR_PART = FOUR_BYTES - SHA_BLOCK

/** Each call leaves its digests at the start of `output`, in the order of the messages. */
export interface WasmFunctions {
  /** Up to four digests of 32 bytes, overwritten by the next call. */
  readonly output: Uint8Array
  blake2b(bytes: Uint8Array): void
  sha256(bytes: Uint8Array): void
  /** Four messages of the same {@link sha256Blocks}. */
  sha256Four(first: Uint8Array, second: Uint8Array, third: Uint8Array, fourth: Uint8Array): void
}

/** Blocks of 64 bytes that a message has with its padding. */
export const sha256Blocks = (bytes: number): number => Math.floor((bytes + 8) / SHA_BLOCK) + 1

/** @throws {TypeError} `module` is not hashes.wasm */
export const instantiate = (module: WasmModule): WasmFunctions => {
  const host = wasmHost()
  if (host === undefined) throw new TypeError('no WebAssembly here')
  const { exports } = newInstance(host, module)
  if (FUNCTIONS.some((name) => typeof exports[name] !== 'function')) throw new TypeError('another module than that of @dagstore/hashes/hashes.wasm')
  const wasm = exports as unknown as Exports
  const input = new Uint8Array(wasm.memory.buffer, wasm.input.value, INPUT_BYTES)
  const put = (bytes: Uint8Array, from: number, length: number, at: number): void => {
    input.set(from === 0 && length === bytes.byteLength ? bytes : bytes.subarray(from, from + length), at)
  }
  return {
    output: new Uint8Array(wasm.memory.buffer, wasm.output.value, 4 * DIGEST_BYTES),
    blake2b: (bytes) => {
      wasm.beginBlake2b()
      let at = 0
      for (; bytes.byteLength - at > INPUT_BYTES; at += INPUT_BYTES) {
        put(bytes, at, INPUT_BYTES, 0)
        wasm.takeBlake2b(INPUT_BYTES)
      }
      put(bytes, at, bytes.byteLength - at, 0)
      wasm.endBlake2b(bytes.byteLength - at)
    },
    sha256: (bytes) => {
      wasm.beginSha256()
      let at = 0
      for (; bytes.byteLength - at > SHA_PART; at += SHA_PART) {
        put(bytes, at, SHA_PART, 0)
        wasm.takeSha256(SHA_PART)
      }
      put(bytes, at, bytes.byteLength - at, 0)
      wasm.endSha256(bytes.byteLength - at)
    },
    sha256Four: (first, second, third, fourth) => {
      wasm.beginSha256Four()
      const putFour = (from: number, part: number): void => {
        put(first, from, Math.min(part, first.byteLength - from), 0)
        put(second, from, Math.min(part, second.byteLength - from), FOUR_BYTES)
        put(third, from, Math.min(part, third.byteLength - from), 2 * FOUR_BYTES)
        put(fourth, from, Math.min(part, fourth.byteLength - from), 3 * FOUR_BYTES)
      }
      let blocks = sha256Blocks(first.byteLength)
      let at = 0
      // while more than a part is left, each message has a whole part: their padding takes the last two blocks at most
      for (; blocks > FOUR_BYTES / SHA_BLOCK; blocks -= FOUR_PART / SHA_BLOCK, at += FOUR_PART) {
        putFour(at, FOUR_PART)
        wasm.takeSha256Four(FOUR_PART)
      }
      putFour(at, FOUR_BYTES)
      wasm.endSha256Four(blocks, at, first.byteLength - at, second.byteLength - at, third.byteLength - at, fourth.byteLength - at)
    },
  }
}
