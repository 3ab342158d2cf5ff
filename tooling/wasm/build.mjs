/**
 * Builds the WebAssembly modules from their AssemblyScript sources.
 *
 *     node tooling/wasm/build.mjs           writes <name>.wasm, <name>.wasm.d.ts and src/wasm-bytes.ts of packages/<name>
 *     node tooling/wasm/build.mjs --check   exits with 1 when a committed file is not what the sources give
 *
 * The compiler is fetched by npx in one exact version. It carries another compiler of 100 MB and is needed by nobody but
 * those who change a module, so it is no dependency of the workspace.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as blake2bRounds from './hashes/blake2b-rounds.mjs'

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = dirname(dirname(HERE))
const COMPILER = 'assemblyscript@0.28.20'
/** Each module's folder here is named as its package; pages of 64 KiB, which it has from start to end. */
const MODULES = [{ name: 'hashes', pages: 2 }, { name: 'piece', pages: 4 }]

const SOURCES = ['shared', ...MODULES.map(({ name }) => name)]

const compile = async (name, pages, folder) => {
  const output = join(folder, `${name}.wasm`)
  // no runtime, no checks that could fail, no imports; features that every host with 128-bit vectors has
  const options = ['--runtime', 'stub', '-O3', '--noAssert', '--enable', 'simd', '--initialMemory', String(pages), '--maximumMemory', String(pages)]
  await promisify(execFile)('npx', ['--yes', '--package', COMPILER, 'asc', `${name}/index.ts`, ...options, '--outFile', output], { cwd: folder })
  return readFileSync(output)
}

const WIDTH = 120

/** The module as text, which every bundler carries along. */
const sourceOf = (name, bytes) => {
  const text = bytes.toString('base64')
  const lines = Array.from({ length: Math.ceil(text.length / WIDTH) }, (_, i) => `  '${text.slice(i * WIDTH, (i + 1) * WIDTH)}',`)
  return `/** Made by tooling/wasm/build.mjs from tooling/wasm/${name}; not to be edited. */

/** The bytes of ${name}.wasm (${bytes.length}), base64. */
export const WASM_BASE64: string = [
${lines.join('\n')}
].join('')
`
}

const TYPES = `/** The compiled module, as hosts give it that load WebAssembly by import: a \`WebAssembly.Module\`. */
declare const module: object
export default module
`

const readIfThere = (path) => { try { return readFileSync(path) } catch { return undefined } }

const check = process.argv.includes('--check')
const scratch = mkdtempSync(join(tmpdir(), 'dagstore-wasm-'))
try {
  for (const folder of SOURCES) cpSync(join(HERE, folder), join(scratch, folder), { recursive: true })
  writeFileSync(join(scratch, 'hashes', blake2bRounds.fileName), blake2bRounds.text())
  for (const { name, pages } of MODULES) {
    const bytes = await compile(name, pages, scratch)
    if (WebAssembly.Module.imports(new WebAssembly.Module(bytes)).length > 0) throw new Error(`${name} imports something`)
    const files = [
      [join(ROOT, 'packages', name, `${name}.wasm`), bytes],
      [join(ROOT, 'packages', name, `${name}.wasm.d.ts`), Buffer.from(TYPES)],
      [join(ROOT, 'packages', name, 'src', 'wasm-bytes.ts'), Buffer.from(sourceOf(name, bytes))],
    ]
    for (const [path, wanted] of files) {
      const same = readIfThere(path)?.equals(wanted) === true
      const shown = relative(ROOT, path)
      if (same) console.log(`${shown} is what its sources give; ${bytes.length} bytes of WebAssembly`)
      else if (!check) {
        writeFileSync(path, wanted)
        console.log(`wrote ${shown}; ${bytes.length} bytes of WebAssembly`)
      } else {
        console.error(`${shown} is not what its sources give; run node tooling/wasm/build.mjs`)
        process.exitCode = 1
      }
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
