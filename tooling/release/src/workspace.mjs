/** The packages that are published, and which of them each one brings along. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** Packages that need Node everywhere; the others run anywhere, but for their `./node`. */
export const NODE_PACKAGES = new Set(['@dagstore/node', '@dagstore/cli', '@dagstore/rpc'])

/** Those whose `./node` names types of Node: servers are given its requests and responses. */
const NODE_TYPED = new Set(['@dagstore/trustless-gateway'])

const RUNTIME = ['dependencies', 'peerDependencies', 'optionalDependencies']

/** Name, short name, folder and manifest of every package, by name. */
export const readPackages = (root = ROOT) => new Map(readdirSync(join(root, 'packages')).sort()
  .map((folder) => join(root, 'packages', folder))
  .filter((folder) => existsSync(join(folder, 'package.json')))
  .map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return [manifest.name, { name: manifest.name, short: manifest.name.split('/')[1], folder, manifest }]
  }))

/** The package itself and every package of ours that it needs at run time. */
export const closureOf = (packages, name) => {
  const found = new Map()
  const visit = (next) => {
    const pkg = packages.get(next)
    if (pkg === undefined || found.has(next)) return
    found.set(next, pkg)
    for (const field of RUNTIME) for (const dependency of Object.keys(pkg.manifest[field] ?? {})) visit(dependency)
  }
  visit(name)
  return [...found.values()]
}

/** `@dagstore/io`, `@dagstore/io/node`, …; not WebAssembly modules, which Node 20 loads as files only. */
export const specifiersOf = ({ name, manifest }) => Object.keys(manifest.exports ?? {}).filter((subpath) => !subpath.endsWith('.wasm')).map((subpath) => `${name}${subpath.slice(1)}`)

/** Those that must run outside Node as well. */
export const portableSpecifiersOf = (pkg) => (NODE_PACKAGES.has(pkg.name) ? [] : specifiersOf(pkg).filter((specifier) => !specifier.endsWith('/node')))

/**
 * Whether a consumer needs `@types/node` to compile with `skipLibCheck: false`: the declarations of abstract-level and of
 * the databases on it name Node's events and Buffer.
 */
const needsNodeTypes = (packages, pkg) => NODE_PACKAGES.has(pkg.name) || closureOf(packages, pkg.name).some(({ manifest }) => manifest.dependencies?.['abstract-level'] !== undefined)

/** Which exports are compiled together, and whether with `@types/node`: what needs no such types must not be in want of them. */
export const consumersOf = (packages, pkg) => needsNodeTypes(packages, pkg)
  ? [{ specifiers: specifiersOf(pkg), types: ['node'] }]
  : NODE_TYPED.has(pkg.name)
    ? [{ specifiers: portableSpecifiersOf(pkg), types: [] }, { specifiers: specifiersOf(pkg), types: ['node'] }]
    : [{ specifiers: specifiersOf(pkg), types: [] }]

/** The version ranges of `pnpm-workspace.yaml`, by package name. */
export const readCatalog = (root = ROOT) => {
  const [, catalog = ''] = /^catalog:\n((?: {2}.*\n)*)/m.exec(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')) ?? []
  return new Map([...catalog.matchAll(/^ {2}'?([^':]+)'?: (.+)$/gm)].map(([, name, range]) => [name, range]))
}
