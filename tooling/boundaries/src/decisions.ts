/** Each runtime dependency of others, one that only some users install too, is a decision, with a line that says why: `docs/decisions/0001-runtime-dependencies.md`. */
import type { Package, Violation } from './workspace.ts'

/** Names in the first cells of the table's rows. */
export const decidedDependencies = (markdown: string): ReadonlySet<string> => new Set(
  markdown.split('\n').filter((line) => line.startsWith('|'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].flatMap(([, name]) => name ?? [])))

export const checkDecisions = (packages: readonly Package[], markdown: string): readonly Violation[] => {
  const decided = decidedDependencies(markdown)
  const used = new Map<string, string>()
  for (const pkg of packages) {
    const { dependencies, peerDependencies, optionalDependencies } = pkg.manifest
    for (const name of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })) if (!name.startsWith('@dagstore/')) used.set(name, pkg.folder)
  }
  return [
    ...[...used].filter(([name]) => !decided.has(name)).map(([name, folder]) => `${folder}/package.json: ${name} has no line in docs/decisions/0001-runtime-dependencies.md`),
    ...[...decided].filter((name) => !used.has(name)).map((name) => `docs/decisions/0001-runtime-dependencies.md: ${name} is no runtime dependency of any package`),
  ]
}
