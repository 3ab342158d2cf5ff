/** Reads deals from a list that anybody can write. Described in docs/formats/piece-deals.md. */
import type { CallOptions } from '@dagstore/io'
import { type AnyPieceCid, pieceCidV1 } from '@dagstore/piece'
import { isBoostStateWithSealing } from '../boost/deal-states.ts'
import { factsOf } from '../cid-facts.ts'
import { PARKED } from '../curio/parked.ts'
import { PieceStoreError } from '../errors.ts'
import { isLotusStateWithSealing } from '../lotus/deal-states.ts'
import type { PieceDeal, PieceDealReader, PieceDeals, ReadDealsOptions } from '../piece-deals.ts'
import { reportTo } from '../report.ts'
import { type DealRow, groupByPiece } from '../row-groups.ts'
import { readLines } from './lines.ts'
import { readCsvHeader, readJsonLine, type Row } from './list-rows.ts'

export interface ListReaderOptions {
  /** For messages and places: the name of the file. */
  readonly name: string
  /** The list from its beginning, each time; closed when reading ends. */
  readonly open: (options: CallOptions) => AsyncIterable<Uint8Array>
}

/**
 * Deals of a list in NDJSON, or in CSV with a line of names; which of the two, the first line says. Places are
 * `name:line:column`, from 1. A deal without a state is with sealing, and so is one whose state is one of Lotus's, Boost's or
 * Curio's that are. `get` reads the whole list.
 */
export const createListReader = ({ name, open }: ListReaderOptions): PieceDealReader => {
  let closed = false
  const readList = async function * (options: ReadDealsOptions): AsyncGenerator<DealRow, void, undefined> {
    const { signal } = options
    const report = reportTo(options)
    let read: ((line: string) => readonly Row[]) | undefined
    for await (const { number, text } of readLines(open({ signal }), signal)) {
      if (typeof text !== 'string') {
        report(`${name}:${number}:1`, text)
        continue
      }
      if (read === undefined) {
        if (text.trimStart().startsWith('{')) {
          read = readJsonLine
        } else {
          read = readCsvHeader(text)
          continue
        }
      }
      for (const row of read(text)) {
        if ('error' in row) report(`${name}:${number}:${row.column}`, row.error)
        else yield row
      }
    }
  }
  const list = async function * (options: ReadDealsOptions = {}): AsyncGenerator<PieceDeals, void, undefined> {
    if (closed) throw new PieceStoreError('PIECE_STORE_FAILED', 'reader is closed')
    options.signal?.throwIfAborted()
    yield * groupByPiece(readList(options))
  }
  return {
    name,
    list,
    get: async (piece: AnyPieceCid, options: ReadDealsOptions = {}) => {
      const { commitment } = factsOf(piece)
      const pieceCid = pieceCidV1(commitment)
      const deals: PieceDeal[] = []
      for await (const found of list(options)) if (found.pieceCid.equals(pieceCid)) deals.push(...found.deals)
      return deals.length === 0 ? undefined : { pieceCid, deals }
    },
    isWithSealing: ({ state }) => state === undefined || isLotusStateWithSealing(state) || isBoostStateWithSealing(state) || state === PARKED,
    close: async () => { closed = true },
  }
}
