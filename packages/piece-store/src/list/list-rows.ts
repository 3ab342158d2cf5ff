/** What a line of a list says: deals, or why not. */
import type { PieceCidFacts } from '@dagstore/piece'
import { badRow, readDeal, readPieceCid } from '../deal-fields.ts'
import { PieceStoreError } from '../errors.ts'
import type { DealRow } from '../row-groups.ts'
import { parseCsvLine } from './csv-line.ts'
import { isNoJson, parseJsonLine, type Placed } from './json-line.ts'

/** One deal, or what is wrong at that column. */
export type Row = DealRow | { readonly column: number, readonly error: PieceStoreError }

/** What a value of the list looks like, and where it begins. */
interface Cell {
  readonly column: number
  readonly value: unknown
}

const FIELDS = ['pieceCid', 'dealId', 'miner', 'sector', 'offsetPadded', 'lengthPadded', 'rawSize', 'state'] as const
/** Every row has a value for them. */
const NEEDED = ['pieceCid', 'dealId', 'miner', 'lengthPadded'] as const

/** A record with its deals, or one deal, as a JSON object. */
export const readJsonLine = (line: string): readonly Row[] => {
  const parsed = parseJsonLine(line)
  if (isNoJson(parsed)) return [parsed]
  const record = parsed.value
  if (!(record instanceof Map)) return [{ column: parsed.column, error: badRow('no object') }]
  const pieceCid = record.get('pieceCid') ?? parsed
  const piece = attempt(() => readPieceCid(pieceCid === parsed ? undefined : pieceCid.value), () => pieceCid.column)
  if ('error' in piece) return [piece]
  const deals = record.get('deals')
  if (deals === undefined) return [jsonRow(piece, parsed)]
  if (!Array.isArray(deals.value)) return [{ column: deals.column, error: badRow('deals is no array') }]
  return deals.value.map((deal: Placed) => deal.value instanceof Map ? jsonRow(piece, deal) : { column: deal.column, error: badRow('no object') })
}

/** @throws {PieceStoreError} `PIECE_STORE_BAD_FORMAT`: a column is missing or stands twice */
export const readCsvHeader = (line: string): (line: string) => readonly Row[] => {
  const names = parseCsvLine(line)
  if ('error' in names) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', 'the line of names is no CSV', { cause: names.error })
  const at = new Map(names.map(({ text }, index) => [text.trim(), index]))
  for (const name of NEEDED) if (!at.has(name)) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', `list has no column ${name}; needed=${NEEDED.join()}`)
  const twice = FIELDS.find((name) => names.filter(({ text }) => text.trim() === name).length > 1)
  if (twice !== undefined) throw new PieceStoreError('PIECE_STORE_BAD_FORMAT', `column stands twice; name=${twice}`)
  return (text) => {
    const fields = parseCsvLine(text)
    if ('error' in fields) return [fields]
    if (fields.length !== names.length) return [{ column: text.length + 1, error: badRow(`number of fields; want=${names.length} got=${fields.length}`) }]
    const cell = (name: string): Cell => {
      const field = fields[at.get(name) ?? -1]
      return { column: field?.column ?? 1, value: field?.text }
    }
    const piece = attempt(() => readPieceCid(cell('pieceCid').value), () => cell('pieceCid').column)
    return ['error' in piece ? piece : rowOf(piece, cell, 1)]
  }
}

const jsonRow = (piece: PieceCidFacts, deal: Placed): Row =>
  rowOf(piece, (name) => (deal.value as ReadonlyMap<string, Placed>).get(name) ?? { column: deal.column, value: undefined }, deal.column)

const rowOf = (piece: PieceCidFacts, cell: (name: string) => Cell, start: number): Row => {
  const value = (name: string): unknown => cell(name).value
  const deal = attempt(() => readDeal(piece, {
    dealId: value('dealId'), miner: value('miner'), sector: value('sector'), offsetPadded: value('offsetPadded'), lengthPadded: value('lengthPadded'), rawSize: value('rawSize'), state: value('state'),
  }), (field) => field === undefined ? start : cell(field).column)
  return 'error' in deal ? deal : { piece, deal }
}

const attempt = <T extends object>(read: () => T, columnOf: (field: string | undefined) => number): T | { readonly column: number, readonly error: PieceStoreError } => {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof PieceStoreError)) throw error
    return { column: columnOf(error.field), error }
  }
}
