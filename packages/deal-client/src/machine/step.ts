/**
 * The life of a deal at the client. Pure and total; what is written down is what comes out, before anything else happens.
 *
 *     ReserveClientFunds ──fund──► ClientFunding ──funded──► FundsReserved ──accepted──► StartDataTransfer ──queued──► TransferQueued
 *           └──────────────────────────funded──────────────────▲                           ▲    │  ▲                      │ sending
 *                                                                                 send-again    │  │      ┌───────cut───────▼
 *     any that has not ended ──failed──► Failing ──released──► Error                       │  manual  ClientTransferRestart ─► Transferring
 *                                                                                          │    ▼                            │ sent
 *     Expired, Slashed ◄── Active ◄── Sealing ◄── AwaitingPreCommit ◄── ProposalAccepted ◄── CheckForAcceptance ◄────────────┘
 *
 * From CheckForAcceptance on it is where the provider says, never back; until then it may be given up.
 *
 * Source: go-fil-markets storagemarket/impl/clientstates/client_fsm.go. Left out: checks of the chain. Looser: a proposal is taken before its
 * data come, as go-fil-markets does; one that the provider has forgotten meanwhile is proposed again.
 */
import type { ClientDealProgress, StorageDealState } from '@dagstore/deal-protocol'
import type { ClientDealEvent } from './event.ts'

type Change = Partial<ClientDealProgress>

const MAX_STAGES = 50
const CALM: Change = { message: '', failure: undefined }

/** `undefined`: the event means nothing in this state, and nothing changes. */
export const step = (progress: ClientDealProgress, event: ClientDealEvent, now: number): ClientDealProgress | undefined => {
  const change = changeOf(progress, event)
  if (change === undefined) return undefined
  const next = { ...progress, ...change, updatedAt: now }
  return next.state === progress.state ? next : { ...next, stages: [...progress.stages, { state: next.state, message: next.message, at: now }].slice(-MAX_STAGES) }
}

const UNAGREED: readonly StorageDealState[] = ['StorageDealReserveClientFunds', 'StorageDealClientFunding', 'StorageDealFundsReserved']
const SENDING: readonly StorageDealState[] = ['StorageDealStartDataTransfer', 'StorageDealTransferQueued', 'StorageDealTransferring', 'StorageDealClientTransferRestart']
/** In the order in which a deal comes to them; each with what the provider says then. */
const FOLLOWED: readonly (readonly [StorageDealState, readonly StorageDealState[]])[] = [
  ['StorageDealCheckForAcceptance', ['StorageDealVerifyData', 'StorageDealReserveProviderFunds', 'StorageDealProviderFunding', 'StorageDealPublish', 'StorageDealPublishing']],
  ['StorageDealProposalAccepted', ['StorageDealStaged', 'StorageDealProposalAccepted']],
  ['StorageDealAwaitingPreCommit', ['StorageDealAwaitingPreCommit']],
  ['StorageDealSealing', ['StorageDealSealing', 'StorageDealFinalizing']],
  ['StorageDealActive', ['StorageDealActive']],
]
/** `FINAL_STATES` of deal-protocol. */
const FINAL: ReadonlySet<StorageDealState> = new Set(['StorageDealError', 'StorageDealExpired', 'StorageDealSlashed'])
const LOST: ReadonlySet<StorageDealState> = new Set([
  'StorageDealUnknown', 'StorageDealProposalNotFound', 'StorageDealProposalRejected', 'StorageDealRejecting', 'StorageDealFailing', 'StorageDealError',
])

/** The provider has the data and has checked them. */
export const ACCEPTED: ReadonlySet<StorageDealState> = new Set(FOLLOWED.slice(1).map(([state]) => state))

/** In this state of the provider nothing comes of the deal. */
export const isLost = (state: StorageDealState): boolean => LOST.has(state)

/** Whether, in this state of the provider, the data are there, checked or not. */
export const providerHas = (state: StorageDealState): boolean => rankAtProvider(state) >= 0 || state === 'StorageDealExpired' || state === 'StorageDealSlashed'

const changeOf = (progress: ClientDealProgress, event: ClientDealEvent): Change | undefined => {
  const { state } = progress
  const from = (...states: readonly StorageDealState[]): boolean => states.includes(state)
  if (FINAL.has(state)) return ended(progress, event)
  switch (event.type) {
    case 'fund': return from('StorageDealReserveClientFunds') ? { ...CALM, state: 'StorageDealClientFunding' } : undefined
    case 'funded': return from('StorageDealReserveClientFunds', 'StorageDealClientFunding') ? { ...CALM, state: 'StorageDealFundsReserved', reservedFunds: event.amount } : undefined
    case 'accepted': return from('StorageDealFundsReserved') ? { ...CALM, state: 'StorageDealStartDataTransfer' } : undefined
    case 'queued': return from('StorageDealStartDataTransfer') ? { state: 'StorageDealTransferQueued', message: '' } : undefined
    // failures in a row are counted until a byte more is there
    case 'sending': return from(...SENDING) && state !== 'StorageDealTransferring' ? { state: 'StorageDealTransferring', message: '' } : undefined
    case 'sent': return from(...SENDING) ? { ...CALM, state: 'StorageDealCheckForAcceptance', sentBytes: event.sentBytes } : undefined
    case 'cut': return from(...SENDING) ? { state: 'StorageDealClientTransferRestart', message: event.failure.message, failure: event.failure, sentBytes: event.sentBytes } : undefined
    case 'send-again':
      if (!from('StorageDealCheckForAcceptance')) return undefined
      return { state: 'StorageDealStartDataTransfer', message: event.failure.message, failure: event.failure, repeats: progress.repeats + 1 }
    case 'told': return from('StorageDealFailing') ? undefined : told(progress, event.status)
    // why it has failed is not forgotten for what comes after
    case 'postponed': return from('StorageDealFailing') ? { failure: event.failure } : { message: event.failure.message, failure: event.failure }
    case 'retry': return progress.failure === undefined ? undefined : { failure: undefined }
    case 'failed': return from('StorageDealFailing') ? undefined : { state: 'StorageDealFailing', message: event.message, failure: undefined }
    case 'given-up': return from(...UNAGREED, ...SENDING) ? { state: 'StorageDealFailing', message: event.message, failure: undefined } : undefined
    case 'expired': return ACCEPTED.has(state) ? { ...CALM, state: 'StorageDealExpired' } : undefined
    case 'released': return from('StorageDealFailing') ? { state: 'StorageDealError', reservedFunds: 0n, failure: undefined } : undefined
    case 'restart': return from('StorageDealTransferring') ? { state: 'StorageDealClientTransferRestart', message: 'the client was restarted' } : undefined
  }
}

/** All that is left are its funds. */
const ended = ({ reservedFunds }: ClientDealProgress, event: ClientDealEvent): Change | undefined => {
  if (reservedFunds === 0n) return undefined
  return event.type === 'released' ? { reservedFunds: 0n, failure: undefined } : event.type === 'postponed' ? { failure: event.failure } : undefined
}

const told = (progress: ClientDealProgress, { state: at, message, dealId = progress.dealId, publishCid = progress.publishCid, receivedBytes = 0 }: Extract<ClientDealEvent, { type: 'told' }>['status']): Change | undefined => {
  const facts: Change = { dealId, publishCid, sentBytes: Math.max(progress.sentBytes, receivedBytes) }
  if (LOST.has(at)) return { ...facts, state: 'StorageDealFailing', message: message === '' ? `the provider has given the deal up; state=${at}` : `the provider says: ${message}`, failure: undefined }
  if (at === 'StorageDealExpired' || at === 'StorageDealSlashed') return { ...CALM, ...facts, message, state: at }
  const rank = FOLLOWED.findIndex(([state]) => state === progress.state)
  const next = FOLLOWED[Math.max(rank, rankAtProvider(at))]
  if (next !== undefined && next[0] !== progress.state) return { ...CALM, ...facts, state: next[0] }
  const isNew = dealId !== progress.dealId || publishCid?.toString() !== progress.publishCid?.toString() || facts.sentBytes !== progress.sentBytes
  // an answer ends a row of failures to get one
  const isCalming = rank >= 0 && progress.failure !== undefined
  return isNew || isCalming ? { ...facts, ...isCalming ? CALM : {} } : undefined
}

/** Below 0: it waits for the data. */
const rankAtProvider = (at: StorageDealState): number => FOLLOWED.findIndex(([, states]) => states.includes(at))
