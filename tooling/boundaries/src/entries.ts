/** The files of a package as a graph: what its exports lead to. */
import { posix } from 'node:path'
import { scanImports } from './imports.ts'
import type { Package, SourceFile, Violation } from './workspace.ts'

export interface Entry {
  /** `.`, `./node`, or `bin dagstore`. */
  readonly subpath: string
  /** `src/index.ts` */
  readonly path: string
}

const SOURCE = '@dagstore/source'
const stem = (path: string): string => path.replace(/^\.\/(?:src|dist)\//, '').replace(/(?:\.d)?\.(?:ts|js)$/, '')

/** A WebAssembly module is exported as it is; it has no source file in the package. */
const isModule = (subpath: string): boolean => subpath.endsWith('.wasm')

/** The source files that the manifest's `exports` and `bin` name. */
export const entriesOf = (pkg: Package): readonly Entry[] => [
  ...Object.entries(pkg.manifest.exports ?? {}).filter(([subpath]) => !isModule(subpath)).map(([subpath, conditions]) => ({ subpath, path: (conditions[SOURCE] ?? '').replace(/^\.\//, '') })),
  ...Object.entries(pkg.manifest.bin ?? {}).map(([name, path]) => ({ subpath: `bin ${name}`, path: `src/${stem(path)}.ts` })),
]

/** The file that a relative specifier names, from the package's folder; it may lie outside, as `../…`. */
export const resolveRelative = (from: string, specifier: string): string => posix.normalize(posix.join(posix.dirname(from), specifier))

/** Relative references of a file, resolved. */
export const neighboursOf = (file: SourceFile): readonly string[] =>
  scanImports(file.text).filter(({ specifier }) => specifier.startsWith('.')).map(({ specifier }) => resolveRelative(file.path, specifier))

/** All files that can be loaded from this one, itself included. */
export const reachableFrom = (files: readonly SourceFile[], start: readonly string[]): ReadonlySet<string> => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const seen = new Set<string>()
  const queue = [...start]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = byPath.get(path)
    if (file === undefined || seen.has(path)) continue
    seen.add(path)
    queue.push(...neighboursOf(file))
  }
  return seen
}

/** Every exported subpath and command leads to a file that exists, and every source file is led to. */
export const checkEntries = (packages: readonly Package[]): readonly Violation[] => packages.flatMap((pkg) => {
  const entries = entriesOf(pkg)
  const paths = new Set(pkg.files.map((file) => file.path))
  const violations = entries.filter(({ path }) => !paths.has(path)).map(({ subpath, path }) => `${pkg.folder}/package.json: "${subpath}" leads to ${path === '' ? 'no source' : path}, which does not exist`)
  for (const [subpath, conditions] of Object.entries(pkg.manifest.exports ?? {})) {
    if (isModule(subpath)) continue
    const stems = new Set(Object.values(conditions).map(stem))
    if (stems.size > 1) violations.push(`${pkg.folder}/package.json: the conditions of "${subpath}" name different modules: ${[...stems].join(', ')}`)
  }
  const reached = reachableFrom(pkg.files, entries.map(({ path }) => path))
  for (const { path } of pkg.files) {
    if (path.startsWith('src/') && !reached.has(path)) violations.push(`${pkg.folder}/${path}: no export leads here`)
  }
  return violations
})
