/** The module of this package, compiled. */
import { WASM_BASE64 } from '../wasm-bytes.ts'
import { wasmHost, type WasmModule } from '../wasm-host.ts'

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

/** Once per thread, in a millisecond or two; `undefined` where there is no WebAssembly, or none with 128-bit vectors. */
export const hashesModule = (): WasmModule | undefined => (compiled ??= { module: compile() }).module
