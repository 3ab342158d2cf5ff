/** The fastest engine that Node has here. */
import { createPieceEngine as createGivenEngine } from './create-engine.ts'
import type { PieceEngine } from './engine.ts'
import type { PairHasher } from './pair-hasher.ts'
import { createNodePairHasher } from './node-pair-hasher.ts'
import { WASM_BASE64 } from './wasm-bytes.ts'
import { wasmHost, type WasmModule } from './wasm-host.ts'

/** Decides by trying the very module, so that nothing else has to be known of the processor. */
const compile = (): WasmModule | undefined => {
  const host = wasmHost()
  if (host === undefined) return undefined
  const bytes = Buffer.from(WASM_BASE64, 'base64')
  try {
    return host.validate(bytes) ? new host.Module(bytes) : undefined
  } catch {
    // a policy may forbid to compile what is valid
    return undefined
  }
}

let compiled: { readonly module: WasmModule | undefined } | undefined

/** Once per thread, in about a millisecond; `undefined` where there is no WebAssembly, or none with 128-bit vectors. */
export const pieceModule = (): WasmModule | undefined => (compiled ??= { module: compile() }).module

let shared: PieceEngine | undefined

/** The engine of this thread's calls that name none. */
export const sharedEngine = (): PieceEngine => shared ??= createPieceEngine()

/**
 * An engine in WebAssembly, or where that is missing in plain JavaScript with Node's sha2-256.
 *
 * @param options.hasher - hashes the nodes instead, such as {@link openNativeHasher} gives
 */
export const createPieceEngine = ({ hasher }: { readonly hasher?: PairHasher | undefined } = {}): PieceEngine => {
  const module = pieceModule()
  return createGivenEngine({ module, hasher: hasher ?? (module === undefined ? createNodePairHasher() : undefined) })
}
