/** The life of a deal, in full: every state times every event. */
import { type DealFailure, type DealProgress, FINAL_STATES, STORAGE_DEAL_STATES, type StagedPiece, type StorageDealState } from '@dagstore/deal-protocol'
import { describe, expect, it } from 'vitest'
import { type DealEvent, step } from '../src/machine/index.ts'

const staged: StagedPiece = { mode: 'copy', path: 'in/a.car', window: { start: 0, length: 100 } }
const failure: DealFailure = { code: 'X', message: 'why', at: 1, retry: 'later', attempts: 1, nextRetryAt: 5 }
const place = { miner: 1n, sector: 2n, offsetPadded: 0, lengthPadded: 128 }
const states = (Object.keys(STORAGE_DEAL_STATES) as StorageDealState[])
/** Those of the client, and those that take no time here, are all alike. */
const OURS: readonly StorageDealState[] = [
  'StorageDealValidating', 'StorageDealAcceptWait', 'StorageDealRejecting', 'StorageDealWaitingForData', 'StorageDealTransferring', 'StorageDealProviderTransferAwaitRestart', 'StorageDealVerifyData',
  'StorageDealStaged', 'StorageDealAwaitingPreCommit', 'StorageDealSealing', 'StorageDealFinalizing', 'StorageDealActive', 'StorageDealExpired', 'StorageDealSlashed', 'StorageDealFailing', 'StorageDealError',
]
const progressOf = (state: StorageDealState): DealProgress =>
  ({ state, message: '', updatedAt: 1, staged, payloadBytes: 100, place: undefined, shard: { state: 'pending' }, failure: undefined, slashEpoch: undefined })
const events: readonly DealEvent[] = [
  { type: 'import', staged },
  { type: 'receive', staged },
  { type: 'received' },
  { type: 'cut', message: 'why' },
  { type: 'asked-again' },
  { type: 'verified', window: { start: 0, length: 100 }, shard: undefined },
  { type: 'verified', window: { start: 0, length: 100 }, shard: failure },
  { type: 'refused', message: 'why' },
  { type: 'handed-off', place },
  { type: 'postponed', failure },
  ...(['waiting', 'precommit', 'sealing', 'finalizing', 'active', 'expired', 'slashed', 'failed'] as const).map((status) => ({ type: 'sealing', report: { status, slashEpoch: status === 'slashed' ? 9n : undefined } } as const)),
  { type: 'activated', staged: undefined },
  { type: 'cleaned' },
  { type: 'registered' },
  { type: 'unregistered', failure },
  { type: 'retired', staged: undefined },
  { type: 'failed', message: 'why' },
  { type: 'discarded', staged: undefined, message: 'why' },
  { type: 'restart' },
]

const nameOf = (event: DealEvent): string =>
  event.type === 'sealing' ? `sealing ${event.report.status}` : event.type === 'verified' && event.shard !== undefined ? 'verified, no CAR' : event.type

const show = (before: DealProgress, after: DealProgress | undefined): string => {
  if (after === undefined) return '-'
  const changed = (Object.keys(after) as (keyof DealProgress)[]).filter((name) => name !== 'state' && name !== 'updatedAt' && JSON.stringify(before[name], bigints) !== JSON.stringify(after[name], bigints))
  const what = changed.map((name) => name === 'shard' ? `shard ${after.shard.state}` : after[name] === undefined || after[name] === '' ? `no ${name}` : name)
  return [after.state === before.state ? 'stays' : after.state.replace('StorageDeal', ''), ...what].join(', ')
}

const bigints = (_: string, value: unknown): unknown => typeof value === 'bigint' ? value.toString() : value

describe('the life of a deal', () => {
  it('matches the reviewed table, every state times every event', async () => {
    const rows = OURS.flatMap((state) => events.map((event) => `${state.replace('StorageDeal', '')} + ${nameOf(event)} → ${show(progressOf(state), step(progressOf(state), event, 2))}`))
    await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot('step.table.txt')
  })

  it('is never left once it has ended, and no event means anything after that', () => {
    for (const state of FINAL_STATES) {
      for (const event of events) {
        const after = step({ ...progressOf(state), shard: { state: 'retired' } }, event, 2)
        expect(after).toBeUndefined()
      }
    }
  })

  it('takes the time of each change, and changes nothing that was given', () => {
    for (const state of states) {
      for (const event of events) {
        const before = Object.freeze(progressOf(state))
        const after = step(before, event, 7)
        if (after !== undefined) expect(after.updatedAt).toBe(7)
      }
    }
  })

  it('forgets a row of failures with the first answer of sealing', () => {
    const before = { ...progressOf('StorageDealSealing'), failure, message: 'why' }
    expect(step(before, { type: 'sealing', report: { status: 'sealing' } }, 2)).toMatchObject({ state: 'StorageDealSealing', failure: undefined, message: '' })
  })
})
