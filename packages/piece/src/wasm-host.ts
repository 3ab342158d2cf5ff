/** What of the host's `WebAssembly` is used: `lib` has no declarations of it without those of a browser. */

/** A compiled `WebAssembly.Module`, whatever the host's own declarations call it. */
export type WasmModule = object

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>
}

interface WasmHost {
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (module: WasmModule) => WasmInstance
  validate(bytes: Uint8Array): boolean
}

/** `undefined` where there is none, as under `--jitless`. */
export const wasmHost = (): WasmHost | undefined => (globalThis as { readonly WebAssembly?: WasmHost }).WebAssembly

/** @throws {TypeError} no `WebAssembly.Module`, or one that needs imports, which ours do not */
export const newInstance = (host: WasmHost, module: WasmModule): WasmInstance => {
  try {
    return new host.Instance(module)
  } catch (cause) {
    throw new TypeError('not a WebAssembly.Module that can run here', { cause })
  }
}
