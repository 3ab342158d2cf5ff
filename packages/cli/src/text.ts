/** Plain text for people: sizes, times, tables, and JSON with exact integers. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1.5 MiB`; whole bytes below 1 KiB. */
export const showBytes = (bytes: number): string => {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit++ }
  return `${Number(value.toFixed(value < 10 ? 2 : 1))} ${UNITS[unit] ?? ''}`
}

/** `12 ms`, `3.4 s`, `2 min 5 s`. */
export const showMs = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** Control characters, which a terminal would act on, as `\\x1b`. */
// oxlint-disable-next-line no-control-regex
export const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** `1 block`, `2 blocks`. */
export const count = (n: number, noun: string): string => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`

/** Digits exact: a bigint becomes a decimal string, as all ids above 2^53 do in our own JSON. */
export const toJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), indent)

export type Color = 'red' | 'green' | 'yellow' | 'blue' | 'dim' | 'bold'
const CODES: Record<Color, string> = { red: '31', green: '32', yellow: '33', blue: '34', dim: '2', bold: '1' }
export const paint = (text: string, color: Color, enabled: boolean): string => (enabled ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text)

/** A cell may be painted; its width is that of the plain text. */
export interface Cell { readonly text: string, readonly color?: Color }

/** Columns two spaces apart, header row first; '' without rows. */
export const table = (header: readonly string[], rows: readonly (readonly Cell[])[], colors: boolean): string => {
  if (rows.length === 0) return ''
  const widths = tableWidths(header, rows)
  return [header.map((text) => ({ text })), ...rows].map((cells) => `${tableLine(cells, widths, colors)}\n`).join('')
}

/** How wide each column has to be. */
export const tableWidths = (header: readonly string[], rows: readonly (readonly Cell[])[]): readonly number[] =>
  header.map((title, column) => rows.reduce((width, row) => Math.max(width, row[column]?.text.length ?? 0), title.length))

/** One row of such a table, without the end of the line. */
export const tableLine = (cells: readonly Cell[], widths: readonly number[], colors: boolean): string => cells.map(({ text, color }, column) => {
  const padding = column === cells.length - 1 ? '' : ' '.repeat(Math.max(0, (widths[column] ?? 0) - text.length))
  return (color === undefined ? text : paint(text, color, colors)) + padding
}).join('  ').trimEnd()
