/** The deals of a piece that this provider has taken itself, read beside an open provider, or without one. */
import { DealError, type ProviderDeal } from '@dagstore/deal-protocol'
import type { AnyLevel, CallOptions } from '@dagstore/io'
import { type AnyPieceCid, toPieceCidV1 } from '@dagstore/piece'
import { type DealTable, openDealTable } from './deal-table.ts'

/** One for each database: a sublevel stays with its database until that is closed. */
const tables: WeakMap<AnyLevel, Promise<DealTable>> = new WeakMap()

/**
 * Those that have not ended. Records that cannot be read are left out: the provider tells of them. Nothing is written.
 *
 * @param db - of the store
 * @throws {DealProviderError} `DEAL_BAD_FORMAT`: written by a later version. `DEAL_STORAGE_FAILED`
 */
export const dealsOfPiece = async (db: AnyLevel, piece: AnyPieceCid, { signal }: CallOptions = {}): Promise<readonly ProviderDeal[]> => {
  const table = await tableOf(db)
  const found: ProviderDeal[] = []
  for await (const name of table.withPiece(toPieceCidV1(piece))) {
    signal?.throwIfAborted()
    try {
      const deal = await table.get(name)
      if (deal !== undefined) found.push(deal)
    } catch (error) {
      if (!(error instanceof DealError && error.code === 'DEAL_BAD_RECORD')) throw error
    }
  }
  return found
}

const tableOf = (db: AnyLevel): Promise<DealTable> => {
  const known = tables.get(db)
  if (known !== undefined) return known
  const opening = openDealTable(db, false)
  tables.set(db, opening)
  opening.catch(() => { tables.delete(db) }) // whoever asked is told, and the next one tries again
  return opening
}
