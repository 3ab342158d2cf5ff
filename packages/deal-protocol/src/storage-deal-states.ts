/**
 * The states of a storage deal, with the names and numbers of Lotus, as its API and its records have them.
 *
 * Source: go-fil-markets storagemarket/dealstatus.go `DealStates`; storagemarket/impl/providerstates/provider_fsm.go
 * `ProviderFinalityStates`, `StatesKnownBySealingSubsystem`.
 */

/** By name, in the order of their numbers. A provider is never in those that concern the client alone. */
export const STORAGE_DEAL_STATES: Readonly<Record<StorageDealState, number>> = Object.freeze({
  StorageDealUnknown: 0,
  StorageDealProposalNotFound: 1,
  StorageDealProposalRejected: 2,
  StorageDealProposalAccepted: 3,
  StorageDealStaged: 4,
  StorageDealSealing: 5,
  StorageDealFinalizing: 6,
  StorageDealActive: 7,
  StorageDealExpired: 8,
  StorageDealSlashed: 9,
  StorageDealRejecting: 10,
  StorageDealFailing: 11,
  StorageDealFundsReserved: 12,
  StorageDealCheckForAcceptance: 13,
  StorageDealValidating: 14,
  StorageDealAcceptWait: 15,
  StorageDealStartDataTransfer: 16,
  StorageDealTransferring: 17,
  StorageDealWaitingForData: 18,
  StorageDealVerifyData: 19,
  StorageDealReserveProviderFunds: 20,
  StorageDealReserveClientFunds: 21,
  StorageDealProviderFunding: 22,
  StorageDealClientFunding: 23,
  StorageDealPublish: 24,
  StorageDealPublishing: 25,
  StorageDealError: 26,
  StorageDealProviderTransferAwaitRestart: 27,
  StorageDealClientTransferRestart: 28,
  StorageDealAwaitingPreCommit: 29,
  StorageDealTransferQueued: 30,
})

export type StorageDealState =
  | 'StorageDealUnknown'
  | 'StorageDealProposalNotFound'
  | 'StorageDealProposalRejected'
  | 'StorageDealProposalAccepted'
  | 'StorageDealStaged'
  | 'StorageDealSealing'
  | 'StorageDealFinalizing'
  | 'StorageDealActive'
  | 'StorageDealExpired'
  | 'StorageDealSlashed'
  | 'StorageDealRejecting'
  | 'StorageDealFailing'
  | 'StorageDealFundsReserved'
  | 'StorageDealCheckForAcceptance'
  | 'StorageDealValidating'
  | 'StorageDealAcceptWait'
  | 'StorageDealStartDataTransfer'
  | 'StorageDealTransferring'
  | 'StorageDealWaitingForData'
  | 'StorageDealVerifyData'
  | 'StorageDealReserveProviderFunds'
  | 'StorageDealReserveClientFunds'
  | 'StorageDealProviderFunding'
  | 'StorageDealClientFunding'
  | 'StorageDealPublish'
  | 'StorageDealPublishing'
  | 'StorageDealError'
  | 'StorageDealProviderTransferAwaitRestart'
  | 'StorageDealClientTransferRestart'
  | 'StorageDealAwaitingPreCommit'
  | 'StorageDealTransferQueued'

const NAMES: ReadonlyMap<number, StorageDealState> = new Map(
  (Object.keys(STORAGE_DEAL_STATES) as StorageDealState[]).map((name) => [STORAGE_DEAL_STATES[name], name]))

/** `undefined`: no state has this number. */
export const storageDealState = (number: number): StorageDealState | undefined => NAMES.get(number)

/** A deal is never in another state after one of these. */
export const FINAL_STATES: ReadonlySet<StorageDealState> = new Set(['StorageDealError', 'StorageDealExpired', 'StorageDealSlashed'])

/** The data are checked, and on their way into a sector or in one: such deals have shards. Looser: Staged too, whose hand-off is under way, as in Lotus 1.11. */
export const STATES_WITH_PIECE: ReadonlySet<StorageDealState> = new Set([
  'StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive',
])
