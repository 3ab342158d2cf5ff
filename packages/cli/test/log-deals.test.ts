import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { logDeals, type LoggedDeal } from '../src/daemon/log-deals.ts'

const proposalCid = CID.parse('bafyreib5wnzmhoj5ri6rj6shrjnzlhjndm6v3ukzj2tpgjnmvqwaz6k7xi')
const deal = (more: Partial<LoggedDeal> = {}): LoggedDeal => ({ proposalCid, state: 'StorageDealStaged', message: '', failure: undefined, ...more })
const full = (at: number, more: Partial<NonNullable<LoggedDeal['failure']>> = {}): LoggedDeal => deal({ failure: { code: 'IO_FULL', message: 'no room', at, retry: 'later', attempts: 1, nextRetryAt: at + 1000, ...more } })

const told = async (...deals: readonly LoggedDeal[]): Promise<readonly (readonly [string, Readonly<Record<string, unknown>>])[]> => {
  const lines: (readonly [string, Readonly<Record<string, unknown>>])[] = []
  await logDeals((async function * () { for (const one of deals) yield { type: 'deal' as const, deal: one } })(), { warn: (text, fields = {}) => { lines.push([text, fields]) } })
  return lines
}

it('tells what holds a deal up, once until it has gone on', async () => {
  const held = { deal: proposalCid.toString(), state: 'StorageDealStaged', code: 'IO_FULL', message: 'no room', again: '1970-01-01T00:00:02.000Z' }
  expect(await told(deal(), full(1000), full(2000), deal(), full(1000))).toEqual([['a deal is held up, and goes on later', held], ['a deal is held up, and goes on later', held]])
})

it('tells that a deal waits for somebody, and that it has failed', async () => {
  expect(await told(full(1000, { nextRetryAt: undefined, code: 'REF_CHANGED' }), deal({ state: 'StorageDealFailing', message: 'too late' }), deal({ state: 'StorageDealError', message: 'too late' }))).toEqual([
    ['a deal waits for somebody', { deal: proposalCid.toString(), state: 'StorageDealStaged', code: 'REF_CHANGED', message: 'no room' }],
    ['a deal has failed', { deal: proposalCid.toString(), message: 'too late' }],
  ])
})

it('ends where the updates fail, and says so', async () => {
  const lines: string[] = []
  await logDeals((async function * (): AsyncGenerator<{ readonly type: 'dropped' }> { yield { type: 'dropped' }; throw new Error('broken') })(), { warn: (text) => { lines.push(text) } })
  expect(lines).toEqual(['what holds deals up is not told any more'])
})
