/** Deals cut off after each write of the client: what the next process finds, and what it makes of it. */
import { type CrashWorld, createFakeClock, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { ClientDeal } from '../src/index.ts'
import { makeDag } from './dags.ts'
import { createFakeProvider, PROVIDER } from './fake-provider.ts'
import { collect, type Harness, type HarnessOptions, inState, openHarness, turn } from './harness.ts'

const dag = makeDag(2, 3, 500)

describe('a deal that is cut off', () => {
  it.each(['http-push', 'http-pull', 'manual'] as const)('at any of its steps comes to be active once, with its data sent once: %s', async (transferType) => {
    let around: Pick<NonNullable<HarnessOptions['world']>, 'provider' | 'clock' | 'dag'> = {}
    let known: ClientDeal | undefined
    const open = async ({ db }: CrashWorld): Promise<Harness> => openHarness({ world: { ...around, db } })
    /** What others do meanwhile. */
    const goOn = async (h: Harness): Promise<void> => {
      for (const deal of h.provider.deals.values()) {
        if (deal.state !== 'StorageDealWaitingForData' || deal.message.transfer.type === 'http-push') continue
        if (deal.message.transfer.type === 'manual') deal.state = 'StorageDealVerifyData'
        // a client that is gone gives nothing
        else await h.provider.pull(deal).catch(() => { deal.state = 'StorageDealWaitingForData' })
      }
    }
    const becomesActive = async (h: Harness, { proposalCid }: ClientDeal): Promise<void> => {
      await h.dealIs(proposalCid, (deal) => {
        if (deal.state === 'StorageDealError') throw new Error(deal.stages.map(({ state, message }) => `${state}: ${message}`).join('; '))
        void goOn(h)
        return inState('StorageDealActive')(deal)
      })
    }
    const cuts = await everyCrash({
      seed: `deal ${transferType}`,
      prepare: async () => {
        const clock = createFakeClock()
        around = { clock, provider: createFakeProvider(clock), dag: await dag }
        known = undefined
      },
      run: async (world) => {
        const h = await open(world)
        try {
          known = await h.client.start({ provider: PROVIDER, root: h.dag.root, transferType, price: 5n })
          await becomesActive(h, known)
        } finally {
          await h.client.close()
        }
      },
      check: async (world) => {
        const h = await open(world)
        const deals = await collect(h.client.deals())
        // what was given out is there; what is there may not have been given out
        if (known !== undefined) expect(deals.map(({ proposalCid }) => proposalCid.toString())).toEqual([known.proposalCid.toString()])
        else expect(deals.length).toBeLessThanOrEqual(1)
        const deal = deals[0] ?? await h.client.start({ provider: PROVIDER, root: h.dag.root, transferType, price: 5n })
        await becomesActive(h, deal)
        expect([...h.provider.deals.keys()]).toEqual([deal.proposalCid.toString()])
        expect(h.provider.asked.filter((name) => name === 'PUT transfers').length).toBeLessThanOrEqual(transferType === 'http-push' ? 1 : 0)
        expect(h.problems).toEqual([])
        await h.client.close()
        await turn()
        expect(h.clock.sleeping).toBe(0)
        expect(h.sources.open_()).toBe(0)
      },
    })
    expect(cuts).toBeGreaterThan(10)
  })
})
