/**
 * The states of a retrieval, with the names and numbers of Lotus, as its API and its records have them. Many belong to payments and to older
 * protocols, and occur nowhere here.
 *
 * Source: go-fil-markets retrievalmarket/dealstatus.go `DealStatuses`.
 */

/** By name, in the order of their numbers. */
export const RETRIEVAL_DEAL_STATES: Readonly<Record<RetrievalDealState, number>> = Object.freeze({
  DealStatusNew: 0,
  DealStatusUnsealing: 1,
  DealStatusUnsealed: 2,
  DealStatusWaitForAcceptance: 3,
  DealStatusPaymentChannelCreating: 4,
  DealStatusPaymentChannelAddingFunds: 5,
  DealStatusAccepted: 6,
  DealStatusFundsNeededUnseal: 7,
  DealStatusFailing: 8,
  DealStatusRejected: 9,
  DealStatusFundsNeeded: 10,
  DealStatusSendFunds: 11,
  DealStatusSendFundsLastPayment: 12,
  DealStatusOngoing: 13,
  DealStatusFundsNeededLastPayment: 14,
  DealStatusCompleted: 15,
  DealStatusDealNotFound: 16,
  DealStatusErrored: 17,
  DealStatusBlocksComplete: 18,
  DealStatusFinalizing: 19,
  DealStatusCompleting: 20,
  DealStatusCheckComplete: 21,
  DealStatusCheckFunds: 22,
  DealStatusInsufficientFunds: 23,
  DealStatusPaymentChannelAllocatingLane: 24,
  DealStatusCancelling: 25,
  DealStatusCancelled: 26,
  DealStatusRetryLegacy: 27,
  DealStatusWaitForAcceptanceLegacy: 28,
  DealStatusWaitingForLastBlocks: 29,
  DealStatusPaymentChannelAddingInitialFunds: 30,
  DealStatusErroring: 31,
  DealStatusRejecting: 32,
  DealStatusDealNotFoundCleanup: 33,
  DealStatusFinalizingBlockstore: 34,
})

export type RetrievalDealState =
  | 'DealStatusNew'
  | 'DealStatusUnsealing'
  | 'DealStatusUnsealed'
  | 'DealStatusWaitForAcceptance'
  | 'DealStatusPaymentChannelCreating'
  | 'DealStatusPaymentChannelAddingFunds'
  | 'DealStatusAccepted'
  | 'DealStatusFundsNeededUnseal'
  | 'DealStatusFailing'
  | 'DealStatusRejected'
  | 'DealStatusFundsNeeded'
  | 'DealStatusSendFunds'
  | 'DealStatusSendFundsLastPayment'
  | 'DealStatusOngoing'
  | 'DealStatusFundsNeededLastPayment'
  | 'DealStatusCompleted'
  | 'DealStatusDealNotFound'
  | 'DealStatusErrored'
  | 'DealStatusBlocksComplete'
  | 'DealStatusFinalizing'
  | 'DealStatusCompleting'
  | 'DealStatusCheckComplete'
  | 'DealStatusCheckFunds'
  | 'DealStatusInsufficientFunds'
  | 'DealStatusPaymentChannelAllocatingLane'
  | 'DealStatusCancelling'
  | 'DealStatusCancelled'
  | 'DealStatusRetryLegacy'
  | 'DealStatusWaitForAcceptanceLegacy'
  | 'DealStatusWaitingForLastBlocks'
  | 'DealStatusPaymentChannelAddingInitialFunds'
  | 'DealStatusErroring'
  | 'DealStatusRejecting'
  | 'DealStatusDealNotFoundCleanup'
  | 'DealStatusFinalizingBlockstore'

const NAMES: ReadonlyMap<number, RetrievalDealState> = new Map(
  (Object.keys(RETRIEVAL_DEAL_STATES) as RetrievalDealState[]).map((name) => [RETRIEVAL_DEAL_STATES[name], name]))

/** `undefined`: no state has this number. */
export const retrievalDealState = (number: number): RetrievalDealState | undefined => NAMES.get(number)

/** A retrieval is never in another state after one of these. */
export const FINAL_RETRIEVAL_STATES: ReadonlySet<RetrievalDealState> =
  new Set(['DealStatusCompleted', 'DealStatusRejected', 'DealStatusCancelled', 'DealStatusDealNotFound', 'DealStatusErrored'])
