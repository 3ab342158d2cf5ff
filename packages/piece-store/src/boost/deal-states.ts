/**
 * Which of Boost's deals are with sealing.
 *
 * Source: boost storagemarket/types/dealcheckpoints/checkpoints.go: Accepted, Transferred, Published, PublishConfirmed,
 * AddedPiece, IndexedAndAnnounced, Complete.
 */
import type { PieceDeal } from '../piece-deals.ts'

const WITH_SEALING: ReadonlySet<string> = new Set(['AddedPiece', 'IndexedAndAnnounced', 'Complete'])

/** Whether sealing has a deal at that checkpoint of Boost, `AddedPiece` and the like. A deal that failed is `Complete` too. */
export const isBoostStateWithSealing = (state: string): boolean => WITH_SEALING.has(state)

/** Boost names a sector as soon as the piece is in one; a deal that failed before has none, whatever its checkpoint. */
export const isBoostDealWithSealing = ({ state, sector }: PieceDeal): boolean => sector !== undefined && (state === undefined || isBoostStateWithSealing(state))
