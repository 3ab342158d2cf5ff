/** The control: the bundle for browsers, in Node. */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

export const packages = []

export const runIn = async ({ bundle, base, wasm }) => {
  const { run } = await import(pathToFileURL(bundle).href)
  const modules = {}
  for (const [name, path] of Object.entries(wasm)) modules[name] = await WebAssembly.compile(readFileSync(path))
  return [await run(base), await run(base, modules)]
}
