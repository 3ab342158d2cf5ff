/** The compiled module, as hosts give it that load WebAssembly by import: a `WebAssembly.Module`. */
declare const module: object
export default module
