/** Facts of one thing, a line each: names in one column, what they are in the next. */
import { type Color, paint, printable } from './text.ts'

export type Row = readonly [name: string, text: string | undefined, color?: Color | undefined]

/** Those without a text are left out. @param indent - spaces in front */
export const rows = (all: readonly Row[], colors: boolean, indent: number = 0): string => {
  const told = all.filter(([, text]) => text !== undefined && text !== '')
  const width = Math.max(0, ...told.map(([name]) => name.length + 1))
  return told.map(([name, text = '', color]) => {
    const shown = printable(text)
    return `${' '.repeat(indent)}${`${name}:`.padEnd(width)} ${color === undefined ? shown : paint(shown, color, colors)}\n`
  }).join('')
}
