/** The life of a deal at the client, in full: every state times every event. */
import { type DealFailure, FINAL_STATES, STORAGE_DEAL_STATES, type StorageDealState } from '@dagstore/deal-protocol'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { ClientDealProgress } from '../src/index.ts'
import { type ClientDealEvent, step } from '../src/machine/index.ts'

const states = Object.keys(STORAGE_DEAL_STATES) as StorageDealState[]
const failure: DealFailure = { code: 'X', message: 'why', at: 1, retry: 'later', attempts: 1, nextRetryAt: 5 }
/** The others are the provider's. */
const OURS: readonly StorageDealState[] = [
  'StorageDealReserveClientFunds', 'StorageDealClientFunding', 'StorageDealFundsReserved', 'StorageDealStartDataTransfer', 'StorageDealTransferQueued', 'StorageDealTransferring', 'StorageDealClientTransferRestart',
  'StorageDealCheckForAcceptance', 'StorageDealProposalAccepted', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealActive', 'StorageDealFailing', 'StorageDealExpired', 'StorageDealSlashed', 'StorageDealError',
]
const progressOf = (state: StorageDealState, more: Partial<ClientDealProgress> = {}): ClientDealProgress => ({
  state, message: '', updatedAt: 1, sentBytes: 5, dealId: undefined, publishCid: undefined, reservedFunds: 7n, repeats: 0, failure: undefined, stages: [{ state, message: '', at: 1 }], ...more,
})
const events: readonly ClientDealEvent[] = [
  { type: 'fund' }, { type: 'funded', amount: 9n }, { type: 'accepted' }, { type: 'queued' }, { type: 'sending' }, { type: 'sent', sentBytes: 10 }, { type: 'cut', failure, sentBytes: 8 }, { type: 'send-again', failure },
  ...states.map((state) => ({ type: 'told', status: { state, message: 'why', receivedBytes: 5 } }) as const),
  { type: 'postponed', failure }, { type: 'retry' }, { type: 'failed', message: 'why' }, { type: 'given-up', message: 'why' }, { type: 'expired' }, { type: 'released' }, { type: 'restart' },
]

const bigints = (_: string, value: unknown): unknown => typeof value === 'bigint' ? value.toString() : value
const nameOf = (event: ClientDealEvent): string => event.type === 'told' ? `told ${event.status.state.replace('StorageDeal', '')}` : event.type
const show = (before: ClientDealProgress, after: ClientDealProgress | undefined): string => {
  if (after === undefined) return '-'
  const changed = (Object.keys(after) as (keyof ClientDealProgress)[]).filter((name) => !['state', 'updatedAt', 'stages'].includes(name) && JSON.stringify(before[name], bigints) !== JSON.stringify(after[name], bigints))
  return [after.state === before.state ? 'stays' : after.state.replace('StorageDeal', ''), ...changed.map((name) => after[name] === undefined || after[name] === '' ? `no ${name}` : name)].join(', ')
}

describe('the life of a deal', () => {
  it('matches the reviewed table, every state times every event', async () => {
    const rows = OURS.flatMap((state) => events.map((event) => `${state.replace('StorageDeal', '')} + ${nameOf(event)} → ${show(progressOf(state), step(progressOf(state), event, 2))}`))
    await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot('step.table.txt')
  })

  it('is total, takes the time of each change, and changes nothing that was given', () => {
    for (const state of states) {
      for (const event of events) {
        const after = step(Object.freeze(progressOf(state, { failure })), event, 7)
        if (after !== undefined) expect(after.updatedAt).toBe(7)
      }
    }
  })

  it('is never left once it has ended', () => {
    for (const state of FINAL_STATES) {
      for (const event of events) {
        expect(step(progressOf(state), event, 2)?.state ?? state).toBe(state)
        expect(step(progressOf(state, { reservedFunds: 0n }), event, 2)).toBeUndefined()
      }
    }
  })

  it('is not given up once all bytes are at the provider', () => {
    const done = OURS.slice(OURS.indexOf('StorageDealCheckForAcceptance'))
    for (const state of OURS) expect(step(progressOf(state), { type: 'given-up', message: 'why' }, 2)?.state).toBe(done.includes(state) ? undefined : 'StorageDealFailing')
  })

  it('never goes back from where the provider has had the data, but to send them again', () => {
    const order = OURS.indexOf.bind(OURS)
    for (const state of OURS.slice(order('StorageDealCheckForAcceptance'), order('StorageDealFailing'))) {
      for (const event of events) {
        const after = step(progressOf(state), event, 2)
        if (after !== undefined && event.type !== 'send-again') expect(order(after.state)).toBeGreaterThanOrEqual(order(state))
      }
    }
  })

  it('remembers its newest fifty states', () => {
    let progress = progressOf('StorageDealCheckForAcceptance')
    for (let i = 0; i < 40; i++) {
      progress = step(progress, { type: 'send-again', failure }, i)!
      progress = step(progress, { type: 'sent', sentBytes: 1 }, i)!
    }
    expect(progress.stages).toHaveLength(50)
    expect(progress.stages.at(-1)).toEqual({ state: 'StorageDealCheckForAcceptance', message: '', at: 39 })
    expect(progress.repeats).toBe(40)
  })

  it('forgets a row of failures with an answer of the provider, and keeps what it said of numbers', () => {
    const publishCid = CID.parse('bafyreigduup4jkhntfq2cxejbiritls6fcezctbqastzcz7fr4npzsixtq')
    const before = progressOf('StorageDealSealing', { failure, message: 'why' })
    const after = step(before, { type: 'told', status: { state: 'StorageDealSealing', message: '', dealId: 3n, publishCid } }, 2)!
    expect(after).toMatchObject({ failure: undefined, message: '', dealId: 3n })
    expect(step(after, { type: 'told', status: { state: 'StorageDealSealing', message: '' } }, 3)).toBeUndefined()
    expect(step(after, { type: 'told', status: { state: 'StorageDealActive', message: '' } }, 3)).toMatchObject({ state: 'StorageDealActive', dealId: 3n, publishCid })
  })
})
