/** Rows as they come: a table for people, one JSON array for programs. */
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { type Cell, tableLine, tableWidths, toJson } from '../text.ts'

export interface ListedRow { readonly json: object, readonly cells: readonly Cell[] }

/** Rows that the widths of the columns are made from; a longer cell further down moves its own row only. */
const MEASURED = 1000

/** Nothing is printed where there are none, besides an empty array. @returns how many there were */
export const listRows = async (rows: AsyncIterable<ListedRow>, header: readonly string[], options: CommonOptions, terminal: Terminal): Promise<number> => {
  const writer = options.json === true ? jsonWriter() : tableWriter(header, options.color ?? terminal.colors)
  let count = 0
  let waiting: ListedRow[] = []
  const write = async (): Promise<void> => {
    terminal.stdout(writer.some(waiting))
    waiting = []
    await terminal.drained?.()
  }
  for await (const row of rows) {
    terminal.signal.throwIfAborted()
    count++
    waiting.push(row)
    if (waiting.length >= MEASURED) await write()
  }
  await write()
  terminal.stdout(writer.end())
  return count
}

interface Writer { some (rows: readonly ListedRow[]): string, end (): string }

const jsonWriter = (): Writer => {
  let begun = false
  return {
    some: (rows) => rows.map(({ json }) => {
      const lead = begun ? ',\n ' : '['
      begun = true
      return `${lead}${toJson(json)}`
    }).join(''),
    end: () => `${begun ? '' : '['}]\n`,
  }
}

const tableWriter = (header: readonly string[], colors: boolean): Writer => {
  let widths: readonly number[] | undefined
  return {
    some: (rows) => {
      const cells = rows.map((row) => row.cells)
      const titles = widths === undefined && rows.length > 0 ? [header.map((text) => ({ text }))] : []
      const columns = widths ??= tableWidths(header, cells)
      return [...titles, ...cells].map((line) => `${tableLine(line, columns, colors)}\n`).join('')
    },
    end: () => '',
  }
}
