/** What becomes of the deals of one piece. Pure: what was found out goes in, what is to be written and told comes out. */
import type { PieceDeal } from '@dagstore/piece-store'
import { placeOf } from './journal.ts'
import type { DealOutcome } from './report-line.ts'

/** What is known of the piece's shard. */
export type ShardFact =
  | { readonly is: 'added' }
  /** `note`: for people. */
  | { readonly is: 'there', readonly note?: string | undefined }
  | { readonly is: 'refused', readonly reason: string }

/** The first deal of a piece, where that has come before. */
export interface EarlierDeal {
  /** `undefined`: nobody has written it down. */
  readonly dealId: string | undefined
  readonly place: string
}

export interface SettledDeal {
  readonly deal: PieceDeal
  readonly outcome: DealOutcome
  readonly reason: string | undefined
  /** What the journal is to say; `undefined`: it says that already, or nothing is to be said. */
  readonly row: { readonly as: 'first' | 'further', readonly place: string } | undefined
  /** Whether the piece store is to be told of its place. */
  readonly isNewPlace: boolean
}

/**
 * @param deals - at least one
 * @param first - as the journal has it, or a dry run has seen it
 * @param placeBefore - as the journal has it, of a further deal
 */
export const settlePiece = (deals: readonly PieceDeal[], shard: ShardFact, first: EarlierDeal | undefined, placeBefore: (deal: PieceDeal) => string | undefined): readonly SettledDeal[] => {
  if (shard.is === 'refused') return deals.map((deal) => ({ deal, outcome: 'failed', reason: shard.reason, row: undefined, isNewPlace: false }))
  const firstId = first === undefined ? deals[0]?.dealId : first.dealId
  let firstSeen = false
  return deals.map((deal) => {
    const isFirst = !firstSeen && deal.dealId === firstId
    if (isFirst) firstSeen = true
    const before = isFirst ? first?.place : placeBefore(deal)
    const place = placeOf(deal)
    return {
      deal,
      outcome: isFirst ? (shard.is === 'added' ? 'registered' : 'already') : 'merged',
      reason: isFirst ? (shard.is === 'there' ? shard.note : undefined) : firstId === undefined ? 'same piece as an earlier deal' : `same piece as deal ${firstId}`,
      row: before === place ? undefined : { as: isFirst ? 'first' : 'further', place },
      isNewPlace: place !== '' && place !== before,
    }
  })
}
