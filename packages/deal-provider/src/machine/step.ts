/**
 * The life of a deal at the provider. Pure and total; what is written down is what comes out, before anything else happens.
 *
 *     WaitingForData ──import──► VerifyData ──verified──► Staged ──handed-off──► AwaitingPreCommit ──► Sealing ──► Finalizing ──► Active
 *          │    ▲                    │                       │                                                               │
 *          │    └─────refused────────┴────────refused────────┘                                              Expired, Slashed ◄┘
 *          └─receive─► Transferring ─received─► VerifyData          any that is not final ──failed──► Failing ──discarded──► Error
 *
 * Source: go-fil-markets storagemarket/impl/providerstates/provider_fsm.go. Left out: validation, funds and publishing, which take no time
 * here. Stricter: what is active waits for a deal's end through `sealing` alone. Looser: staged bytes that are lost before hand-off
 * may be given again.
 */
import type { DealProgress, SealingReport, StorageDealState } from '@dagstore/deal-protocol'
import type { DealEvent } from './event.ts'

type Change = Partial<DealProgress>

/** `undefined`: the event means nothing in this state, and nothing changes. */
export const step = (progress: DealProgress, event: DealEvent, now: number): DealProgress | undefined => {
  const change = changeOf(progress, event)
  return change === undefined ? undefined : { ...progress, ...change, updatedAt: now }
}

const CALM: Change = { message: '', failure: undefined }
/** `FINAL_STATES` of deal-protocol. */
const FINAL: ReadonlySet<StorageDealState> = new Set(['StorageDealError', 'StorageDealExpired', 'StorageDealSlashed'])
const SEALING: ReadonlySet<StorageDealState> = new Set(['StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive'])

const changeOf = (progress: DealProgress, event: DealEvent): Change | undefined => {
  const { state, staged } = progress
  const from = (...states: readonly StorageDealState[]): boolean => states.includes(state)
  switch (event.type) {
    case 'import':
      if (!from('StorageDealWaitingForData', 'StorageDealProviderTransferAwaitRestart')) return undefined
      return { ...CALM, state: 'StorageDealVerifyData', staged: event.staged }
    case 'receive':
      if (!from('StorageDealWaitingForData', 'StorageDealProviderTransferAwaitRestart')) return undefined
      return { ...CALM, state: 'StorageDealTransferring', staged: event.staged }
    case 'received':
      return from('StorageDealTransferring') ? { ...CALM, state: 'StorageDealVerifyData' } : undefined
    case 'cut':
      return from('StorageDealTransferring') ? { state: 'StorageDealProviderTransferAwaitRestart', message: event.message, failure: undefined } : undefined
    case 'asked-again':
      return from('StorageDealProviderTransferAwaitRestart') && progress.failure !== undefined ? { failure: undefined } : undefined
    case 'verified':
      if (!from('StorageDealVerifyData') || staged === undefined) return undefined
      return {
        ...CALM,
        state: 'StorageDealStaged',
        staged: { ...staged, window: event.window },
        payloadBytes: event.window.length,
        shard: event.shard === undefined ? { state: 'pending' } : { state: 'failed', failure: event.shard },
      }
    case 'refused':
      if (!from('StorageDealVerifyData', 'StorageDealStaged')) return undefined
      return { state: 'StorageDealWaitingForData', message: event.message, failure: undefined, staged: undefined, payloadBytes: undefined, shard: { state: 'pending' } }
    case 'handed-off':
      return from('StorageDealStaged') ? { ...CALM, state: 'StorageDealAwaitingPreCommit', place: event.place } : undefined
    case 'postponed': {
      const { failure } = event
      if (from('StorageDealTransferring')) return { state: 'StorageDealProviderTransferAwaitRestart', message: failure.message, failure }
      const isChecked = from('StorageDealVerifyData') && staged?.mode === 'transfer'
      const isTried = isChecked || SEALING.has(state) || from('StorageDealStaged', 'StorageDealFailing') || (FINAL.has(state) && progress.shard.state !== 'retired')
      return isTried ? { message: failure.message, failure } : undefined
    }
    case 'sealing':
      if (!SEALING.has(state)) return undefined
      // an answer ends a row of failures to get one
      return reported(state, event.report) ?? (progress.failure === undefined ? undefined : CALM)
    case 'activated':
      return from('StorageDealFinalizing') ? { ...CALM, state: 'StorageDealActive', staged: event.staged } : undefined
    case 'cleaned': return from('StorageDealActive') && staged !== undefined ? { staged: undefined } : undefined
    // before hand-off there is none, and after the end nobody keeps one
    case 'registered': return SEALING.has(state) && progress.shard.state !== 'registered' ? { shard: { state: 'registered' } } : undefined
    case 'unregistered': return SEALING.has(state) ? { shard: { state: 'failed', failure: event.failure } } : undefined
    case 'retired':
      return FINAL.has(state) && progress.shard.state !== 'retired' ? { failure: undefined, shard: { state: 'retired' }, staged: event.staged } : undefined
    case 'failed':
      return FINAL.has(state) || from('StorageDealFailing') ? undefined : { state: 'StorageDealFailing', message: event.message, failure: undefined }
    case 'discarded':
      if (!from('StorageDealFailing')) return undefined
      return { state: 'StorageDealError', message: event.message, failure: undefined, staged: event.staged, shard: { state: 'retired' } }
    case 'restart': return restarted(state)
  }
}

/** Never back; `undefined` where that says nothing new. */
const reported = (state: StorageDealState, { status, message = '', slashEpoch }: SealingReport): Change | undefined => {
  const to = (next: StorageDealState, ...before: readonly StorageDealState[]): Change | undefined => before.includes(state) ? { ...CALM, state: next } : undefined
  switch (status) {
    case 'waiting':
    case 'precommit': return undefined
    case 'sealing': return to('StorageDealSealing', 'StorageDealAwaitingPreCommit')
    case 'finalizing':
    case 'active': return to('StorageDealFinalizing', 'StorageDealAwaitingPreCommit', 'StorageDealSealing')
    case 'expired': return { ...CALM, message, state: 'StorageDealExpired' }
    case 'slashed': return { ...CALM, message, state: 'StorageDealSlashed', slashEpoch }
    case 'failed': return { state: 'StorageDealFailing', message: message === '' ? 'sealing has failed' : message, failure: undefined }
  }
}

/** States that belong to what ended with the process; the others go on where they were. */
const restarted = (state: StorageDealState): Change | undefined => {
  switch (state) {
    case 'StorageDealTransferring': return { state: 'StorageDealProviderTransferAwaitRestart', message: 'the provider was restarted' }
    case 'StorageDealValidating':
    case 'StorageDealAcceptWait':
    case 'StorageDealRejecting': return { state: 'StorageDealError', message: 'the provider was restarted before the deal was agreed on', shard: { state: 'retired' } }
    default: return undefined
  }
}
