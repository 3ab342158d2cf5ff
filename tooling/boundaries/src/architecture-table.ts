/** The table of layers as people read it, in `docs/architecture.md`. */
import type { LayerRow } from './layers.ts'
import type { Violation } from './workspace.ts'

const HEAD = /^\|\s*layer\s*\|\s*package\s*\|/i

/** Rows of the table headed `| layer | package | …`: `| L0 | `io` | …`, several names and a bold N allowed in the second cell. */
export const readLayerTable = (markdown: string): ReadonlyMap<string, LayerRow> => {
  const lines = markdown.split('\n')
  const start = lines.findIndex((line) => HEAD.test(line))
  const rows = new Map<string, LayerRow>()
  if (start < 0) return rows
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break
    const [, layer = '', names = ''] = line.split('|').map((cell) => cell.trim())
    const number = /^L(\d+)$/.exec(layer)?.[1]
    if (number === undefined) continue
    for (const [, name] of names.matchAll(/`(?:@dagstore\/)?([a-z0-9-]+)`/g)) {
      if (name !== undefined) rows.set(name, { layer: Number(number), node: names.includes('**N**') })
    }
  }
  return rows
}

const show = (row: LayerRow | undefined): string => (row === undefined ? 'nothing' : `L${row.layer}${row.node ? ' N' : ''}`)

export const compareLayerTables = (code: ReadonlyMap<string, LayerRow>, docs: ReadonlyMap<string, LayerRow>): readonly Violation[] =>
  [...new Set([...code.keys(), ...docs.keys()])]
    .filter((name) => show(code.get(name)) !== show(docs.get(name)))
    .map((name) => `${name}: tooling/boundaries says ${show(code.get(name))}, docs/architecture.md says ${show(docs.get(name))}`)
