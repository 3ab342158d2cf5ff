/** What deals cost that wait: for their end, or for data. */
import { createCrashFs, createCrashLevel, type FakeClock } from '@dagstore-tooling/testkit'
import type { ProviderDeal } from '@dagstore/deal-protocol'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { openDealTable } from '../src/deal-table.ts'
import { dealOf, makeCar, openHarness, turn, until } from './harness.ts'

const car = makeCar(1)
const turns = async (): Promise<void> => { for (let at = 0; at < 30; at++) await turn() }

const recordOf = (name: string, state: 'StorageDealActive' | 'StorageDealWaitingForData'): ProviderDeal => ({
  clientSignature: undefined, dealId: undefined, publishCid: undefined, payloadCid: undefined, transferType: 'manual', fastRetrieval: true, clientPeer: undefined,
  ...dealOf(name, car.bytes), createdAt: 1, state, message: '', updatedAt: 1, staged: undefined, failure: undefined, slashEpoch: undefined,
  ...state === 'StorageDealActive'
    ? { payloadBytes: car.bytes.byteLength, place: { miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: 2048 }, shard: { state: 'registered' as const } }
    : { payloadBytes: undefined, place: undefined, shard: { state: 'pending' as const } },
})

/** A provider that finds these deals, and whom sealing was asked about. */
const openWith = async (deals: readonly ProviderDeal[]) => {
  const fs = createCrashFs({ seed: 'resting' })
  const db = await createCrashLevel({ seed: 'resting', faults: fs.faults })
  const table = await openDealTable(db)
  for (const deal of deals) await table.add(deal)
  const asked: CID[] = []
  const h = await openHarness({
    world: { fs, db },
    sealing: { addPiece: async () => { throw new TypeError('nothing is to be sealed') }, status: async ({ proposalCid }) => { asked.push(proposalCid); return { status: 'active' } } },
  })
  await turns()
  const minute = async (): Promise<void> => {
    await (h.clock as FakeClock).advance(60_000)
    await turns()
  }
  return { h, asked, minute }
}

describe('deals at rest', () => {
  it('are asked about once in 30 polls, a share at each, those of an earlier process too', async () => {
    const deals = Array.from({ length: 95 }, (_, at) => recordOf(`d${at}`, 'StorageDealActive'))
    const { h, asked, minute } = await openWith(deals)
    const shares: number[] = []
    for (let poll = 0; poll < 60; poll++) {
      if (poll > 0) await minute()
      const before = shares.reduce((sum, share) => sum + share, 0)
      await until(() => asked.length >= Math.ceil(95 * ((poll % 30) + 1) / 30) + 95 * Math.floor(poll / 30))
      shares.push(asked.length - before)
      if (poll === 29) expect(new Set(asked.map(String))).toEqual(new Set(deals.map(({ proposalCid }) => proposalCid.toString())))
    }
    expect(Math.max(...shares)).toBeLessThanOrEqual(5)
    expect(asked).toHaveLength(2 * 95)
    expect(h.problems).toEqual([])
    await h.close()
  })

  it('and deals that wait for their data are not read at each poll', async () => {
    const readsOf = async (rest: number, waiting: number): Promise<number> => {
      const deals = [...Array.from({ length: rest }, (_, at) => recordOf(`r${at}`, 'StorageDealActive')), ...Array.from({ length: waiting }, (_, at) => recordOf(`w${at}`, 'StorageDealWaitingForData'))]
      const { h, asked, minute } = await openWith(deals)
      await until(() => asked.length >= Math.ceil(rest / 30))
      const before = h.fs.faults.operations
      for (let at = 0; at < 3; at++) await minute()
      const reads = h.fs.faults.operations - before
      await h.close()
      return reads
    }
    const few = await readsOf(30, 2)
    expect(await readsOf(30, 200)).toBe(few)
    // ten are asked about at each poll in place of one: a read for each, and not one for each of the others
    expect(await readsOf(300, 2)).toBeLessThanOrEqual(few + 3 * (10 - 1) * 2)
  })
})
