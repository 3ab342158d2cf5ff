/**
 * Keeps every `packages/<name>/package.json` uniform: which fields, in which order, and the values that follow from the
 * folder's name. `node tooling/bootstrap/manifests.mjs` rewrites them; `--check` names file and field, and exits with 1.
 *
 * What a package decides itself: version, description, keywords, bin, which subpaths it exports, its dependencies.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FIELDS = [
  'name', 'version', 'description', 'keywords', 'license', 'repository', 'type', 'sideEffects', 'engines', 'files', 'bin',
  'exports', 'scripts', 'dependencies', 'peerDependencies', 'peerDependenciesMeta', 'devDependencies', 'publishConfig',
]

const isModule = (subpath) => subpath.endsWith('.wasm')

/**
 * `./http` is `src/http.ts` and `dist/http.js`; sources come first for our own tests, types before the default. A
 * WebAssembly module is the file itself, beside its types.
 */
const exportOf = (subpath) => {
  if (isModule(subpath)) return { types: `${subpath}.d.ts`, default: subpath }
  const stem = subpath === '.' ? 'index' : subpath.slice(2)
  return { '@dagstore/source': `./src/${stem}.ts`, types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` }
}

const sorted = (dependencies) => Object.fromEntries(Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1)))

/** What the manifest of the package in `packages/<folder>` must be, given what it is. */
export const uniformManifest = (folder, manifest) => {
  const modules = Object.keys(manifest.exports ?? {}).filter(isModule).map((subpath) => subpath.slice(2))
  const uniform = {
    ...manifest,
    name: `@dagstore/${folder}`,
    license: 'Apache-2.0 OR MIT',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20.19' },
    files: ['src', 'dist', ...modules.flatMap((file) => [file, `${file}.d.ts`]), 'LICENSE-*', 'CHANGELOG.md'],
    exports: Object.fromEntries(Object.keys(manifest.exports ?? { '.': {} }).map((subpath) => [subpath, exportOf(subpath)])),
    scripts: {
      build: 'tsc -p tsconfig.build.json',
      typecheck: 'tsc -p tsconfig.json',
      test: 'vitest run --config ../../tooling/vitest-config/library.ts',
      bench: `node ../../tooling/benches/run.mjs --package ${folder}`,
      prepack: 'node ../../tooling/release/licences.mjs',
    },
    publishConfig: { access: 'public' },
  }
  if (manifest.repository !== undefined) uniform.repository = { ...manifest.repository, directory: `packages/${folder}` }
  for (const field of ['dependencies', 'peerDependencies', 'peerDependenciesMeta', 'devDependencies']) {
    if (manifest[field] !== undefined) uniform[field] = sorted(manifest[field])
  }
  return Object.fromEntries(FIELDS.filter((field) => uniform[field] !== undefined).map((field) => [field, uniform[field]]))
}

const show = (value) => {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** One line per field that is not what it must be; an empty list when the manifest is uniform. */
export const manifestProblems = (folder, manifest) => {
  const uniform = uniformManifest(folder, manifest)
  const problems = []
  for (const field of new Set([...FIELDS, ...Object.keys(manifest)])) {
    if (!FIELDS.includes(field)) problems.push(`${field}: not a field of our manifests`)
    else if (JSON.stringify(manifest[field]) !== JSON.stringify(uniform[field])) problems.push(`${field}: want=${show(uniform[field])} got=${show(manifest[field])}`)
  }
  const order = Object.keys(manifest).filter((field) => FIELDS.includes(field))
  const misplaced = order.find((field, i) => field !== FIELDS.filter((name) => order.includes(name))[i])
  if (misplaced !== undefined) problems.push(`${misplaced}: out of order; the order is ${FIELDS.join(', ')}`)
  if (typeof manifest.description !== 'string' || manifest.description === '') problems.push('description: missing')
  return problems
}

/** Every package folder under `root` with its manifest's path and text. */
export const packageManifests = (root) => readdirSync(join(root, 'packages')).sort()
  .map((folder) => ({ folder, path: join(root, 'packages', folder, 'package.json') }))
  .filter(({ path }) => existsSync(path))
  .map((found) => ({ ...found, text: readFileSync(found.path, 'utf8') }))

const main = (root, check) => {
  let count = 0
  for (const { folder, path, text } of packageManifests(root)) {
    const manifest = JSON.parse(text)
    const uniform = `${JSON.stringify(uniformManifest(folder, manifest), null, 2)}\n`
    if (uniform === text) continue
    if (!check) {
      writeFileSync(path, uniform)
      console.log(`wrote packages/${folder}/package.json`)
      continue
    }
    const problems = manifestProblems(folder, manifest)
    if (problems.length === 0) problems.push('white space: not two spaces and one final newline')
    for (const problem of problems) console.error(`packages/${folder}/package.json: ${problem}`)
    count += problems.length
  }
  return count === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = main(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), process.argv.includes('--check'))
}
