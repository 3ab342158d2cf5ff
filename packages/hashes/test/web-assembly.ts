/** The host's WebAssembly with the types that the tests need; `lib` has them only together with those of a browser. */
interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

interface Host {
  readonly Module: { new (bytes: Uint8Array): object, imports(module: object): unknown[] }
  readonly Instance: new (module: object) => { readonly exports: { readonly memory: Memory } }
  validate(bytes: Uint8Array): boolean
}

export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Host }
