/** What a package imports is what it declares, and it goes through the front doors of others. */
import { builtinModules } from 'node:module'
import { resolveRelative } from './entries.ts'
import { packageOf, scanImports } from './imports.ts'
import { nameOf, type Manifest, type Package, type Violation, type Workspace } from './workspace.ts'

const namesIn = (manifest: Manifest, fields: readonly (keyof Manifest)[]): string[] => fields.flatMap((field) => Object.keys(manifest[field] ?? {}))
const RUNTIME = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const
const CODE = /\.(?:ts|mts|js|mjs)$/
const isBuiltin = (specifier: string): boolean => specifier.startsWith('node:') || builtinModules.includes(specifier)

const checkSpecifier = (pkg: Package, path: string, specifier: string, allowed: ReadonlySet<string>, workspace: readonly Package[]): string | undefined => {
  if (specifier.startsWith('.')) {
    const target = resolveRelative(path, specifier)
    const isCode = CODE.test(target)
    // a test may read a document or a fixture elsewhere
    if (target.startsWith('..')) return isCode || path.startsWith('src/') ? `"${specifier}" leaves the package` : undefined
    if (path.startsWith('src/') && !target.startsWith('src/') && target !== 'package.json') return `"${specifier}" leaves src`
    if (isCode && !pkg.files.some((file) => file.path === target)) return `"${specifier}" does not exist`
    return /\.[a-z]+$/.test(target) || target.endsWith('/') ? undefined : `"${specifier}" has no file extension`
  }
  const name = packageOf(specifier)
  if (name === undefined || isBuiltin(specifier)) return undefined
  if (name === nameOf(pkg)) return `imports itself by name ("${specifier}")`
  if (!allowed.has(name)) return `"${name}" is not declared`
  const other = workspace.find((candidate) => nameOf(candidate) === name)
  const subpath = `.${specifier.slice(name.length)}`
  if (other !== undefined && other.manifest.exports?.[subpath] === undefined) return `"${specifier}" is not exported by ${name}`
  return undefined
}

/** Imports are declared, declared dependencies are imported, nobody reaches into another package. */
export const checkDependencies = ({ rootManifest, packages, tooling }: Workspace): readonly Violation[] => {
  const everyone = [...packages, ...tooling]
  const shared = namesIn(rootManifest, ['devDependencies'])
  return packages.flatMap((pkg) => {
    const violations: Violation[] = []
    const runtime = namesIn(pkg.manifest, RUNTIME)
    const development = namesIn(pkg.manifest, ['devDependencies'])
    const used = { src: new Set<string>(), any: new Set<string>() }
    for (const file of pkg.files) {
      const inSource = file.path.startsWith('src/')
      const allowed = new Set(inSource ? runtime : [...runtime, ...development, ...shared])
      for (const { specifier, line } of scanImports(file.text)) {
        const name = packageOf(specifier)
        if (name !== undefined) used.any.add(name)
        if (name !== undefined && inSource) used.src.add(name)
        const problem = checkSpecifier(pkg, file.path, specifier, allowed, everyone)
        if (problem !== undefined) violations.push(`${pkg.folder}/${file.path}:${line}: ${problem}`)
      }
    }
    for (const name of runtime) if (!used.src.has(name)) violations.push(`${pkg.folder}/package.json: dependency "${name}" is not imported by src`)
    for (const name of development) {
      const typed = name.startsWith('@types/') ? name.slice('@types/'.length) : name
      if (!used.any.has(typed)) violations.push(`${pkg.folder}/package.json: devDependency "${name}" is not imported`)
      // tests want what users may leave out
      const isOptional = pkg.manifest.peerDependenciesMeta?.[name]?.optional === true
      if (runtime.includes(name) && !isOptional) violations.push(`${pkg.folder}/package.json: "${name}" is declared twice`)
    }
    return violations
  })
}
