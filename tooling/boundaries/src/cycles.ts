/** Circles of files that import each other, types included: such files cannot be understood one at a time. */
import { neighboursOf } from './entries.ts'
import type { Package, Violation } from './workspace.ts'

/** Each circle once, as the path from its first file back to itself. */
export const findCycles = (edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] => {
  const done = new Set<string>()
  const cycles: string[][] = []
  const visit = (node: string, path: readonly string[]): void => {
    const start = path.indexOf(node)
    if (start >= 0) {
      cycles.push([...path.slice(start), node])
      return
    }
    if (done.has(node)) return
    for (const next of edges.get(node) ?? []) visit(next, [...path, node])
    done.add(node)
  }
  for (const node of [...edges.keys()].sort()) visit(node, [])
  return cycles
}

export const checkCycles = (packages: readonly Package[]): readonly Violation[] => packages.flatMap((pkg) => {
  const edges = new Map(pkg.files.map((file) => [file.path, neighboursOf(file)]))
  return findCycles(edges).map((cycle) => `${pkg.folder}: files import each other in a circle: ${cycle.join(' -> ')}`)
})
