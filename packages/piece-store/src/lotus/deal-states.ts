/**
 * Which of Lotus's deals are with sealing.
 *
 * Source: go-fil-markets v1.28.3 storagemarket/impl/providerstates/provider_fsm.go `StatesKnownBySealingSubsystem`.
 */
const WITH_SEALING: ReadonlySet<string> = new Set(['StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive'])

/** Whether sealing has a deal in that state of Lotus, `StorageDealActive` and the like. */
export const isLotusStateWithSealing = (state: string): boolean => WITH_SEALING.has(state)
