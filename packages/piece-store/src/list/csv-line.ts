/** One line of CSV (RFC 4180, but a line ends where it ends: no quoted field holds a line break). */
import { badRow } from '../deal-fields.ts'
import type { PieceStoreError } from '../errors.ts'

/** A field and where it begins; columns count UTF-16 units from 1. */
export interface CsvField {
  readonly column: number
  readonly text: string
}

const PLAIN = /[^",]*/y
const QUOTED = /"([^"]*(?:""[^"]*)*)"/y

export const parseCsvLine = (line: string): readonly CsvField[] | { readonly column: number, readonly error: PieceStoreError } => {
  const fields: CsvField[] = []
  for (let at = 0; ; at++) {
    const column = at + 1
    QUOTED.lastIndex = at
    const quoted = QUOTED.exec(line)
    if (quoted === null) {
      PLAIN.lastIndex = at
      const text = PLAIN.exec(line)?.[0] ?? ''
      at += text.length
      if (line[at] === '"') return { column: at + 1, error: badRow(text === '' ? 'quote is left open' : 'quote inside of a field') }
      fields.push({ column, text })
    } else {
      at += quoted[0].length
      fields.push({ column, text: quoted[1]!.replaceAll('""', '"') })
      if (at < line.length && line[at] !== ',') return { column: at + 1, error: badRow('text behind a quoted field') }
    }
    if (at >= line.length) return fields
  }
}
