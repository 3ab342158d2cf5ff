/** What the checks look at: manifests, READMEs and sources of a workspace, as plain data. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SourceFile {
  /** From the package's folder, with forward slashes: `src/index.ts`. */
  readonly path: string
  readonly text: string
}

export interface Manifest {
  readonly name?: string
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Package {
  /** `packages/io` */
  readonly folder: string
  readonly manifest: Manifest
  readonly readme: string | undefined
  /** Code in `src`, `test` and `bench`. */
  readonly files: readonly SourceFile[]
}

export interface Workspace {
  readonly rootManifest: Manifest
  /** What we publish: `packages/*`. */
  readonly packages: readonly Package[]
  /** What stays private: `tooling/*`. */
  readonly tooling: readonly Package[]
}

/** One line for a person: which package or file, and what is wrong with it. */
export type Violation = string

const CODE = /\.(?:ts|mts|js|mjs)$/
const CODE_FOLDERS = ['src', 'test', 'bench']

const filesBelow = (root: string, folder: string): SourceFile[] => {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return filesBelow(root, path)
    return CODE.test(entry.name) ? [{ path, text: readFileSync(join(root, path), 'utf8') }] : []
  })
}

const readManifest = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8')) as Manifest

const packagesIn = (root: string, group: string): Package[] => readdirSync(join(root, group)).sort()
  .filter((name) => existsSync(join(root, group, name, 'package.json')))
  .map((name) => {
    const path = join(root, group, name)
    const readme = join(path, 'README.md')
    return {
      folder: `${group}/${name}`,
      manifest: readManifest(join(path, 'package.json')),
      readme: existsSync(readme) ? readFileSync(readme, 'utf8') : undefined,
      files: CODE_FOLDERS.flatMap((folder) => filesBelow(path, folder)),
    }
  })

export const readWorkspace = (root: string): Workspace => ({
  rootManifest: readManifest(join(root, 'package.json')),
  packages: packagesIn(root, 'packages'),
  tooling: packagesIn(root, 'tooling'),
})

export const nameOf = (pkg: Package): string => pkg.manifest.name ?? pkg.folder
