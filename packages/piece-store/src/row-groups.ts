/** Rows of a table, a deal each, as deals by piece. */
import { type PieceCidFacts, pieceCidV1 } from '@dagstore/piece'
import { equalBytes } from './bytes.ts'
import type { PieceDeal, PieceDeals } from './piece-deals.ts'
import type { Report } from './report.ts'

export interface DealRow {
  readonly piece: PieceCidFacts
  readonly deal: PieceDeal
}

/** Deals of one piece that are held back at most, to give those that stand together at once. */
const MAX_TOGETHER = 1000

/** Deals of one piece that stand together come together. */
export async function * groupByPiece (rows: AsyncIterable<DealRow>): AsyncGenerator<PieceDeals, void, undefined> {
  let group: { readonly commitment: Uint8Array, readonly deals: PieceDeal[] } | undefined
  for await (const { piece, deal } of rows) {
    if (group !== undefined && group.deals.length < MAX_TOGETHER && equalBytes(group.commitment, piece.commitment)) {
      group.deals.push(deal)
      continue
    }
    if (group !== undefined) yield { pieceCid: pieceCidV1(group.commitment), deals: group.deals }
    group = { commitment: piece.commitment, deals: [deal] }
  }
  if (group !== undefined) yield { pieceCid: pieceCidV1(group.commitment), deals: group.deals }
}

/** Rows that can be read; of the others, `placeOf` is reported. */
export async function * readRows<R> (rows: AsyncIterable<R>, read: (row: R) => DealRow, placeOf: (row: R) => string, report: Report): AsyncGenerator<DealRow, void, undefined> {
  for await (const row of rows) {
    let dealRow: DealRow
    try {
      dealRow = read(row)
    } catch (error) {
      report(placeOf(row), error)
      continue
    }
    yield dealRow
  }
}
