/**
 * The states of Lotus's deals, and which of them are with sealing.
 *
 * Source: go-fil-markets v1.28.3 storagemarket/dealstatus.go; storagemarket/impl/providerstates/provider_fsm.go
 * `StatesKnownBySealingSubsystem`.
 */
const NAMES = [
  'Unknown', 'ProposalNotFound', 'ProposalRejected', 'ProposalAccepted', 'Staged', 'Sealing', 'Finalizing', 'Active', 'Expired', 'Slashed',
  'Rejecting', 'Failing', 'FundsReserved', 'CheckForAcceptance', 'Validating', 'AcceptWait', 'StartDataTransfer', 'Transferring', 'WaitingForData',
  'VerifyData', 'ReserveProviderFunds', 'ReserveClientFunds', 'ProviderFunding', 'ClientFunding', 'Publish', 'Publishing', 'Error',
  'ProviderTransferAwaitRestart', 'ClientTransferRestart', 'AwaitingPreCommit', 'TransferQueued',
] as const

const WITH_SEALING: ReadonlySet<string> = new Set(['StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive'])

/** `StorageDealActive` and the like; a number that no known version of Lotus has is told as it is. */
export const lotusStateName = (state: number): string => `StorageDeal${NAMES[state] ?? state}`

/** Whether sealing has a deal in that state of Lotus. */
export const isLotusStateWithSealing = (state: string): boolean => WITH_SEALING.has(state)
