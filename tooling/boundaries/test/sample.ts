/** Small workspaces made of text, for the checks to find fault with. */
import type { LayerRow } from '../src/layers.ts'
import type { Manifest, Package, Workspace } from '../src/workspace.ts'

const exported = (subpath: string): Record<string, string> => {
  const stem = subpath === '.' ? 'index' : subpath.slice(2)
  return { '@dagstore/source': `./src/${stem}.ts`, types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` }
}

/** A package of which only what matters is given; `exports` lists subpaths. */
export const samplePackage = (name: string, files: Record<string, string>, options: { manifest?: Manifest, exports?: readonly string[], readme?: string } = {}): Package => ({
  folder: `packages/${name}`,
  manifest: { name: `@dagstore/${name}`, exports: Object.fromEntries((options.exports ?? ['.']).map((subpath) => [subpath, exported(subpath)])), ...options.manifest },
  readme: options.readme,
  files: Object.entries(files).map(([path, text]) => ({ path, text })),
})

export const sampleWorkspace = (packages: readonly Package[], tooling: readonly Package[] = []): Workspace => ({ rootManifest: { devDependencies: { vitest: '1' } }, packages, tooling })

export const sampleLayers = (layers: Record<string, number>, node: readonly string[] = []): ReadonlyMap<string, LayerRow> =>
  new Map(Object.entries(layers).map(([name, layer]) => [name, { layer, node: node.includes(name) }]))
