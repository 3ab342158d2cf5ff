/**
 * Which of Boost's deals are with sealing.
 *
 * Source: boost storagemarket/types/dealcheckpoints/checkpoints.go.
 */
const WITH_SEALING: ReadonlySet<string> = new Set(['AddedPiece', 'IndexedAndAnnounced', 'Complete'])

/** Whether sealing has a deal at that checkpoint of Boost, `AddedPiece` and the like. */
export const isBoostStateWithSealing = (state: string): boolean => WITH_SEALING.has(state)
