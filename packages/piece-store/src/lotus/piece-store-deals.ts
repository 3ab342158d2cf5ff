/** Deals of Lotus's piece store, with the states that its provider tells. */
import type { PieceCidFacts } from '@dagstore/piece'
import { readDeal, readId } from '../deal-fields.ts'
import type { PieceDeal } from '../piece-deals.ts'
import type { Report } from '../report.ts'
import { isLotusStateWithSealing } from './deal-states.ts'
import type { PieceStoreDeal } from './metadata-records.ts'
import type { ProviderDeals, RowSet } from './provider-deals.ts'

/** @param place - of the record, for problems. @param seen - gets the rows of deals that were met */
export const joinDeals = (piece: PieceCidFacts, deals: readonly PieceStoreDeal[], miner: bigint, known: ProviderDeals | undefined, place: string, report: Report, seen?: RowSet): readonly PieceDeal[] =>
  deals.flatMap((fields, at) => {
    try {
      const chainId = readId('dealId', fields.dealId)
      const deal = readDeal(piece, { ...fields, dealId: String(chainId), miner })
      const rows = known?.rowsOfDeal(chainId) ?? []
      for (const row of rows) seen?.add(row)
      return rows[0] === undefined ? [deal] : [{ ...deal, state: known!.stateOf(rows[0]) }]
    } catch (error) {
      report(`${place} Deals[${at}]`, error)
      return []
    }
  })

/**
 * Whether sealing has the deal. Without a state it is one of the piece store that its provider has forgotten: only sealing puts
 * deals there.
 */
export const isLotusDealWithSealing = ({ state, sector }: PieceDeal): boolean => state === undefined ? sector !== undefined : isLotusStateWithSealing(state)
