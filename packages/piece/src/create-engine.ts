/** The choice of an engine, by what the host has. */
import { composeEngine } from './composed-engine.ts'
import type { PieceEngine } from './engine.ts'
import { plainFr32 } from './fr32.ts'
import { createPairHasher, type PairHasher } from './pair-hasher.ts'
import { createSimdEngine } from './simd-engine.ts'
import type { WasmModule } from './wasm-host.ts'

export interface PieceEngineOptions {
  /** What the host compiled from `@dagstore/piece/piece.wasm`. @default none: plain JavaScript does the work */
  readonly module?: WasmModule | undefined
  /** Hashes the nodes instead of the engine itself. @default none */
  readonly hasher?: PairHasher | undefined
}

/**
 * An engine from what is given; compiles nothing. All engines give equal bytes.
 *
 * @throws {TypeError} `module` is no `WebAssembly.Module` or another one
 */
export const createPieceEngine = ({ module, hasher }: PieceEngineOptions = {}): PieceEngine => {
  if (module === undefined) return composeEngine(plainFr32, hasher ?? createPairHasher())
  const simd = createSimdEngine(module)
  return hasher === undefined ? simd : composeEngine(simd, hasher)
}
