/** Hash functions in WebAssembly, for those that Node's crypto lacks. */
import { createBLAKE2b } from 'hash-wasm'
import type { Hasher } from '../hasher.ts'
import { BLAKE2B_256 } from '../pure-hashers.ts'

/** None where WebAssembly is missing or forbidden; the plain forms then stand in. */
export const openWasmHashers = async (): Promise<readonly Hasher[]> => {
  let engine: Awaited<ReturnType<typeof createBLAKE2b>>
  try {
    engine = await createBLAKE2b(256)
  } catch {
    return []
  }
  return [{
    code: BLAKE2B_256,
    name: 'blake2b-256',
    // one state for all calls, which no call leaves unfinished; the digest is a copy
    digest: (bytes) => engine.init().update(bytes).digest('binary'),
  }]
}
