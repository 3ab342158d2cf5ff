/** The layers of the packages, and what follows from them: a package knows only packages of lower layers. */
import { packageOf, scanImports } from './imports.ts'
import { nameOf, type Package, type Violation, type Workspace } from './workspace.ts'

export interface LayerRow {
  readonly layer: number
  /** Marked N: may use Node built-ins everywhere. */
  readonly node: boolean
}

const SCOPE = '@dagstore/'
const at = (layer: number, names: readonly string[], node: readonly string[] = []): [string, LayerRow][] =>
  names.map((name) => [name, { layer, node: node.includes(name) }])

/** By folder name. The same table stands in `docs/architecture.md`; a test compares the two. */
export const LAYERS: ReadonlyMap<string, LayerRow> = new Map([
  ...at(0, ['io', 'read-blockstore', 'hashes']),
  ...at(1, ['promote-blockstore', 'carv2', 'dag', 'piece', 'unixfs-builder', 'top-level-index', 'json-rpc']),
  ...at(2, ['carv2-index-mount', 'writable-carv2', 'unsealed-sector', 'mounts', 'index-repo', 'lotus-api', 'trustless-gateway', 'ipfs-blockstore']),
  ...at(3, ['piece-store', 'dagstore', 'ref-carv2', 'retrievals', 'transfer']),
  ...at(4, ['lotus-mount', 'helia', 'node', 'deal-protocol', 'imports'], ['node']),
  ...at(5, ['deal-provider', 'deal-client']),
  ...at(5, ['rpc'], ['rpc']),
  ...at(6, ['cli'], ['cli']),
])

/** Tooling that packages test with, and all it may know of ours: more would close a circle or let our codec check itself. */
const TEST_TOOLS: ReadonlyMap<string, readonly string[]> = new Map([
  ['@dagstore-tooling/fixtures', []],
  ['@dagstore-tooling/testkit', ['@dagstore/io']],
])

const folderName = (pkg: Package): string => pkg.folder.split('/').at(-1) ?? pkg.folder

/** Names of ours that a package's manifest or code mentions, with where. */
const mentions = (pkg: Package): { name: string, where: string }[] => [
  ...(['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'] as const)
    .flatMap((field) => Object.keys(pkg.manifest[field] ?? {}).map((name) => ({ name, where: `package.json ${field}` }))),
  ...pkg.files.flatMap((file) => scanImports(file.text).flatMap(({ specifier, line }) => {
    const name = packageOf(specifier)
    return name === undefined ? [] : [{ name, where: `${file.path}:${line}` }]
  })),
].filter(({ name }) => name.startsWith(SCOPE) && name !== nameOf(pkg))

export const checkLayers = ({ packages, tooling }: Workspace, layers: ReadonlyMap<string, LayerRow> = LAYERS): readonly Violation[] => {
  const violations: Violation[] = []
  for (const pkg of packages) {
    const own = layers.get(folderName(pkg))
    if (own === undefined) {
      violations.push(`${pkg.folder}: has no layer; add it to tooling/boundaries/src/layers.ts and docs/architecture.md`)
      continue
    }
    for (const { name, where } of mentions(pkg)) {
      const other = layers.get(name.slice(SCOPE.length))
      if (other === undefined) violations.push(`${pkg.folder}/${where}: ${name} is no package of this workspace`)
      else if (other.layer > own.layer) violations.push(`${pkg.folder}/${where}: L${own.layer} must not know ${name} of L${other.layer} (upwards)`)
      else if (other.layer === own.layer) violations.push(`${pkg.folder}/${where}: L${own.layer} must not know ${name} of the same layer (sideways)`)
    }
  }
  for (const name of layers.keys()) {
    if (!packages.some((pkg) => folderName(pkg) === name)) violations.push(`${name}: stands in the table of layers, but packages/${name} does not exist`)
  }
  for (const pkg of tooling) {
    const allowed = TEST_TOOLS.get(nameOf(pkg))
    for (const { name, where } of allowed === undefined ? [] : mentions(pkg)) {
      if (allowed?.includes(name) !== true) violations.push(`${pkg.folder}/${where}: a test tool must not know ${name}`)
    }
  }
  return violations
}
