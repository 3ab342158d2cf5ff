/** Every way a file names another module. */
import { lineAt, scanSource } from './scanner.ts'

export interface ImportReference {
  readonly specifier: string
  /** From 1. */
  readonly line: number
  /** Erased at compile time; a mixed `import { type A, b }` is not. */
  readonly typeOnly: boolean
}

/** The group named `q` stands on the opening quote of the specifier. */
const FORMS: readonly RegExp[] = [
  // import 'x', import a, { b } from 'x', import type { a } from 'x'
  /(?<![.\w$])import\s+(?<type>type\s+(?!from\s*['"]))?(?:[\w$*{][^;'"()]*?\sfrom\s*|(?=['"]))(?<q>['"])/dg,
  /(?<![.\w$])import\s*(?:\{[^;'"()]*\}\s*from\s*)?(?<q>['"])/dg,
  // export * from 'x', export { a } from 'x', export type { a } from 'x'
  /(?<![.\w$])export\s*(?<type>type\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\})\s*from\s*(?<q>['"])/dg,
  // import('x'), also as a type; require('x')
  /(?<![.\w$])(?:import|require)\s*\(\s*(?<q>['"`])/dg,
  // new URL('./x', import.meta.url): workers and files beside the code
  /(?<![.\w$])new\s+URL\s*\(\s*(?<q>['"`])[^()]*['"`]\s*,\s*import\.meta\.url/dg,
  /(?<![.\w$])import\.meta\.resolve\s*\(\s*(?<q>['"`])/dg,
]
const TRIPLE_SLASH = /^\/\/\/\s*<reference\s+(?:types|path)\s*=\s*["']([^"']+)["']/gm

/** All module references of a source, in order of their place, each place once. */
export const scanImports = (source: string): readonly ImportReference[] => {
  const { code, strings } = scanSource(source)
  const found = new Map<number, ImportReference>()
  for (const form of FORMS) {
    for (const match of code.matchAll(form)) {
      const quote = match.indices?.groups?.['q']?.[0]
      const specifier = quote === undefined ? undefined : strings.get(quote)
      if (quote === undefined || specifier === undefined || found.has(quote)) continue
      found.set(quote, { specifier, line: lineAt(source, quote), typeOnly: match.groups?.['type'] !== undefined })
    }
  }
  for (const match of source.matchAll(TRIPLE_SLASH)) {
    if (match[1] !== undefined) found.set(match.index, { specifier: match[1], line: lineAt(source, match.index), typeOnly: true })
  }
  return [...found].sort(([a], [b]) => a - b).map(([, reference]) => reference)
}

/** `@scope/name` or `name` of a bare specifier; `undefined` for relative ones and Node's built-ins by prefix. */
export const packageOf = (specifier: string): string | undefined => {
  if (specifier.startsWith('.') || specifier.startsWith('/') || specifier.startsWith('node:')) return undefined
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}
