/**
 * The engine in WebAssembly with 128-bit vectors: tooling/wasm/piece, compiled to piece.wasm.
 *
 * Bytes are copied into the module's memory, worked on there, and copied out before the next call; what leaves is always
 * memory of its own. A call takes at most one block of 64 KiB, so that copies stay in the processor's cache and a call is
 * over in less than a millisecond. The memory never grows, so views of it stay valid.
 */
import { BLOCK_PADDED, BLOCK_UNPADDED, blockChunks, type PieceEngine } from './engine.ts'
import { NODE_BYTES } from './pair-hasher.ts'
import { CHUNK_PADDED, CHUNK_UNPADDED, paddedBytes, unpaddedBytes } from './sizes.ts'
import { newInstance, wasmHost, type WasmModule } from './wasm-host.ts'

/** What piece.wasm exports; addresses are bytes from the start of its memory. */
interface PieceExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly payload: { readonly value: number }
  readonly padded: { readonly value: number }
  pad(chunks: number): void
  unpad(chunks: number): void
  hashPairs(pairs: number): void
  commit(chunks: number): void
}

const PAIR_BYTES = 2 * NODE_BYTES
const BLOCK_PAIRS = BLOCK_PADDED / PAIR_BYTES

/** @throws {TypeError} `module` is not piece.wasm */
export const createSimdEngine = (module: WasmModule): PieceEngine => {
  const wasm = instantiate(module)
  const payload = new Uint8Array(wasm.memory.buffer, wasm.payload.value, BLOCK_UNPADDED)
  const padded = new Uint8Array(wasm.memory.buffer, wasm.padded.value, BLOCK_PADDED)
  return {
    name: 'simd',
    padInto: (input, output) => {
      const written = checkRoom(paddedBytes(input.byteLength), output)
      for (let from = 0, to = 0; to < written; from += BLOCK_UNPADDED, to += BLOCK_PADDED) {
        const length = Math.min(BLOCK_PADDED, written - to)
        payload.set(input.subarray(from, from + BLOCK_UNPADDED))
        wasm.pad(length / CHUNK_PADDED)
        output.set(firstOf(padded, length), to)
      }
      return written
    },
    unpadInto: (input, output) => {
      const written = checkRoom(unpaddedBytes(input.byteLength), output)
      for (let from = 0, to = 0; to < written; from += BLOCK_PADDED, to += BLOCK_UNPADDED) {
        const length = Math.min(BLOCK_UNPADDED, written - to)
        padded.set(input.subarray(from, from + BLOCK_PADDED))
        wasm.unpad(length / CHUNK_UNPADDED)
        output.set(firstOf(payload, length), to)
      }
      return written
    },
    hashPairs: (nodes, pairs) => {
      for (let done = 0; done < pairs; done += BLOCK_PAIRS) {
        const count = Math.min(BLOCK_PAIRS, pairs - done)
        padded.set(nodes.subarray(done * PAIR_BYTES, (done + count) * PAIR_BYTES))
        wasm.hashPairs(count)
        nodes.set(firstOf(padded, count * NODE_BYTES), done * NODE_BYTES)
      }
    },
    commit: (bytes) => {
      // zero chunks up to a power of two of them; only the last block of a payload has any
      const doublings = 32 - Math.clz32(blockChunks(bytes) - 1)
      payload.set(bytes)
      payload.fill(0, bytes.byteLength, 2 ** doublings * CHUNK_UNPADDED)
      wasm.commit(2 ** doublings)
      return { height: 2 + doublings, node: padded.slice(0, NODE_BYTES) }
    },
  }
}

/** The view itself when it is whole: making one costs as much as hashing a node. */
const firstOf = (view: Uint8Array, length: number): Uint8Array => length === view.byteLength ? view : view.subarray(0, length)

const checkRoom = (written: number, output: Uint8Array): number => {
  if (output.byteLength >= written) return written
  throw new RangeError(`output too short; want=${written} got=${output.byteLength}`)
}

const FUNCTIONS = ['pad', 'unpad', 'hashPairs', 'commit'] as const

const instantiate = (module: WasmModule): PieceExports => {
  const host = wasmHost()
  if (host === undefined) throw new TypeError('no WebAssembly here')
  const { exports } = newInstance(host, module)
  if (FUNCTIONS.some((name) => typeof exports[name] !== 'function')) throw new TypeError('another module than that of @dagstore/piece/piece.wasm')
  return exports as unknown as PieceExports
}
