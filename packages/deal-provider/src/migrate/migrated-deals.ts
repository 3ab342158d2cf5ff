/** The deals of a piece that migrations have taken over: a piece store knows where its copies are, and not of which deals. */
import type { AnyLevel, CallOptions } from '@dagstore/io'
import type { AnyPieceCid } from '@dagstore/piece'
import { toPieceCidV1 } from '@dagstore/piece'
import type { PieceLocation } from '@dagstore/piece-store'
import { type Journal, openJournal } from './journal.ts'

export interface MigratedDeal {
  /** As its system names it. */
  readonly dealId: string
  /** Where its copy was when it was taken over; `undefined`: in no sector. */
  readonly place: Pick<PieceLocation, 'miner' | 'sector' | 'offsetPadded' | 'lengthPadded'> | undefined
}

/** The first one that was taken over, then the others by their names; empty: none. Rows that cannot be read are left out. @param db - of the store */
export const migratedDeals = async (db: AnyLevel, piece: AnyPieceCid, options: CallOptions = {}): Promise<readonly MigratedDeal[]> => {
  const found: MigratedDeal[] = []
  for await (const { dealId, place } of journalOf(db).dealsOf(toPieceCidV1(piece).toString(), options)) {
    const read = parsePlace(place)
    if (read !== undefined) found.push({ dealId, place: read.place })
  }
  return found
}

/** One for each database: a sublevel stays with its database until that is closed. */
const journals: WeakMap<AnyLevel, Journal> = new WeakMap()

const journalOf = (db: AnyLevel): Journal => {
  const journal = journals.get(db) ?? openJournal(db)
  journals.set(db, journal)
  return journal
}

const parsePlace = (text: string): { readonly place: MigratedDeal['place'] } | undefined => {
  if (text === '') return { place: undefined }
  const [, miner, sector, offset, length] = /^(\d{1,20}) (\d{1,20}) (\d{1,16}) (\d{1,16})(?: \d{1,16})?$/.exec(text) ?? []
  if (miner === undefined || sector === undefined) return undefined
  return { place: { miner: BigInt(miner), sector: BigInt(sector), offsetPadded: Number(offset), lengthPadded: Number(length) } }
}
