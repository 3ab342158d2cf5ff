/** Packages that run anywhere stay free of Node: their exports, but for `./node`, never lead to it. */
import { builtinModules } from 'node:module'
import { entriesOf, reachableFrom } from './entries.ts'
import { packageOf, scanImports } from './imports.ts'
import { LAYERS, type LayerRow } from './layers.ts'
import { lineAt, scanSource } from './scanner.ts'
import type { Package, SourceFile, Violation } from './workspace.ts'

/** Databases with native code: chosen by those who compose, never by a library. */
const ENGINES = ['classic-level', 'level', 'lmdb', 'better-sqlite3']
const NODE_FILE = /^src\/(?:node\.ts$|node-|node\/)/
const NODE_GLOBALS = /(?<![.\w$])(?:Buffer(?![\w$])(?!\s*:)|process(?=\s*(?:\?\.|[.[]))|__dirname(?![\w$])|__filename(?![\w$])|NodeJS(?=\s*\.)|(?:setImmediate|clearImmediate)(?![\w$]))|(?<=globalThis\s*\.\s*)(?:Buffer|process)(?![\w$])/g

/** What in a file needs Node, each with its line. */
export const nodeUses = (file: SourceFile, nodePackages: ReadonlySet<string>): readonly { line: number, what: string }[] => {
  const imports = scanImports(file.text).flatMap(({ specifier, line }) => {
    const name = packageOf(specifier)
    if (specifier.startsWith('node:') || builtinModules.includes(specifier) || specifier === 'node') return [{ line, what: `imports "${specifier}"` }]
    if (name !== undefined && (nodePackages.has(name) || ENGINES.includes(name))) return [{ line, what: `imports "${name}", which needs Node` }]
    if (/^@dagstore\/[a-z0-9-]+\/node$/.test(specifier)) return [{ line, what: `imports "${specifier}"` }]
    return []
  })
  const globals = [...scanSource(file.text).code.matchAll(NODE_GLOBALS)].map((match) => ({ line: lineAt(file.text, match.index), what: `uses ${match[0]}` }))
  return [...imports, ...globals]
}

export const checkPlatform = (packages: readonly Package[], layers: ReadonlyMap<string, LayerRow> = LAYERS): readonly Violation[] => {
  const nodePackages = new Set([...layers].filter(([, { node }]) => node).map(([name]) => `@dagstore/${name}`))
  return packages.filter((pkg) => !nodePackages.has(pkg.manifest.name ?? '')).flatMap((pkg) => {
    const anywhere = reachableFrom(pkg.files, entriesOf(pkg).filter(({ subpath }) => subpath !== './node').map(({ path }) => path))
    return pkg.files.filter(({ path }) => path.startsWith('src/')).flatMap((file) => {
      const uses = nodeUses(file, nodePackages)
      if (anywhere.has(file.path)) return uses.map(({ line, what }) => `${pkg.folder}/${file.path}:${line}: ${what}, but runs outside Node`)
      if (uses.length > 0 && !NODE_FILE.test(file.path)) return [`${pkg.folder}/${file.path}: needs Node, so its name is src/node.ts, src/node-*.ts or src/node/*`]
      return []
    })
  })
}
