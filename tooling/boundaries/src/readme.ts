/** Each package's README is short, shows a use that runs, and lists its error codes, all of them and no invented ones. */
import { scanSource } from './scanner.ts'
import { nameOf, type Package, type SourceFile, type Violation } from './workspace.ts'

export const README_LINES = 60
const UNION = /export\s+type\s+\w*ErrorCode\s*=/g
const FIRST_CELL = /^\|((?:[\s,]*`[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+`)+)\s*\|/gm

/** The members of every exported `…ErrorCode` union of string literals in these files. */
export const errorCodesOf = (files: readonly SourceFile[]): ReadonlySet<string> => {
  const codes = new Set<string>()
  for (const file of files) {
    const { code, strings } = scanSource(file.text)
    for (const match of code.matchAll(UNION)) {
      const start = match.index + match[0].length
      // the union ends with the first token that neither is a literal nor joins two
      const body = /^(?:\s*\|?\s*(?:'[^']*'|"[^"]*"))+/.exec(code.slice(start))?.[0] ?? ''
      for (const [at, value] of strings) if (at >= start && at < start + body.length) codes.add(value)
    }
  }
  return codes
}

/** The codes in the first cell of table rows whose first cell holds nothing else. */
export const documentedCodes = (readme: string): ReadonlySet<string> => new Set(
  [...readme.matchAll(FIRST_CELL)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].flatMap(([, code]) => code ?? [])))

/** The ```js blocks of a README. */
export const examplesOf = (readme: string): readonly string[] => [...readme.matchAll(/^```js\n(.*?)^```$/gms)].flatMap(([, code]) => code ?? [])

const checkReadme = (readme: string, codes: ReadonlySet<string>, foreign: ReadonlySet<string>): string[] => {
  const problems: string[] = []
  const lines = readme.trimEnd().split('\n').length
  if (lines > README_LINES) problems.push(`has ${lines} lines; at most ${README_LINES}`)
  if (examplesOf(readme).length === 0) problems.push('has no example in a ```js block')
  if (!/^(?:\*\*)?Runs in\b/im.test(readme)) problems.push('does not say what it runs in ("Runs in: …" at the start of a line)')
  if (/npx\s+(?:--?\S+\s+)*dagstore\b/.test(readme)) problems.push('says npx dagstore; the package is @dagstore/cli')
  const documented = documentedCodes(readme)
  for (const code of codes) if (!documented.has(code)) problems.push(`does not list the error code ${code}`)
  for (const code of documented) if (!codes.has(code) && !foreign.has(code)) problems.push(`lists ${code}, which is in no error-code union of the package or of what it depends on`)
  return problems
}

/** Codes of the packages that this one depends on, at any depth: what may come through. */
const foreignCodes = (pkg: Package, byName: ReadonlyMap<string, Package>, seen: Set<string> = new Set()): ReadonlySet<string> => {
  const codes = new Set<string>()
  for (const name of Object.keys(pkg.manifest.dependencies ?? {})) {
    const other = byName.get(name)
    if (other === undefined || seen.has(name)) continue
    seen.add(name)
    for (const code of [...ownCodes(other), ...foreignCodes(other, byName, seen)]) codes.add(code)
  }
  return codes
}

const ownCodes = (pkg: Package): ReadonlySet<string> => errorCodesOf(pkg.files.filter(({ path }) => path.startsWith('src/')))

export const checkReadmes = (packages: readonly Package[]): readonly Violation[] => {
  const byName = new Map(packages.map((pkg) => [nameOf(pkg), pkg]))
  return packages.flatMap((pkg) => {
    if (pkg.readme === undefined) return [`${pkg.folder}/README.md: missing`]
    return checkReadme(pkg.readme, ownCodes(pkg), foreignCodes(pkg, byName)).map((problem) => `${pkg.folder}/README.md: ${problem}`)
  })
}
