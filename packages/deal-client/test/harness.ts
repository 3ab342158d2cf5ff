/** A client on a database that may crash, and a provider whose network the test owns. */
import { createCrashLevel, createFakeClock, type CrashLevel, type FakeClock, seededRandom } from '@dagstore-tooling/testkit'
import type { AnyLevel } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { type ClientDeal, type ClientDealProblem, type DealClient, type DealClientOptions, openDealClient } from '../src/index.ts'
import { hashes, makeDag, sourcesOf, type TestDag, type TestSources } from './dags.ts'
import { createFakeProvider, type FakeProvider } from './fake-provider.ts'

export interface Harness {
  readonly client: DealClient
  readonly provider: FakeProvider
  readonly sources: TestSources
  readonly dag: TestDag
  readonly clock: FakeClock
  readonly db: CrashLevel
  readonly problems: ClientDealProblem[]
  /** Waits until the condition holds; time goes on meanwhile, slowly. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>
  dealIs(proposalCid: CID, is: (deal: ClientDeal) => boolean): Promise<ClientDeal>
  /** The next process on the same database; the provider stays. */
  reopen(more?: Partial<DealClientOptions>): Promise<Harness>
  close(): Promise<void>
}

export interface HarnessOptions extends Partial<Omit<DealClientOptions, 'db' | 'sources'>> {
  readonly world?: Partial<Pick<Harness, 'db' | 'provider' | 'clock' | 'dag' | 'sources'>>
  readonly dags?: readonly TestDag[]
}

export const PUBLIC = 'http://client.example:2351/'
const shared: Promise<TestDag> = makeDag(1)
let worlds = 0

export const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

export const openHarness = async ({ world = {}, dags, ...more }: HarnessOptions = {}): Promise<Harness> => {
  // a copy: tests take blocks away
  const first = await shared
  const dag = world.dag ?? dags?.[0] ?? { ...first, blocks: new Map(first.blocks) }
  const clock = world.clock ?? createFakeClock()
  const db = world.db ?? await createCrashLevel({ seed: `client ${worlds++}` })
  const provider = world.provider ?? createFakeProvider(clock)
  const sources = world.sources ?? sourcesOf(dags ?? [dag])
  const problems: ClientDealProblem[] = []
  const client = await openDealClient({
    db: db as AnyLevel, sources, hashes, clock, fetch: provider.fetch, random: seededRandom('client'), publicUrl: PUBLIC, onProblem: (problem) => { problems.push(problem) }, ...more,
  })
  provider.fetchBack = async (input, init) => await client.payloadHandler(new Request(input as string | URL, init)) ?? new Response(null, { status: 404 })
  const until: Harness['until'] = async (condition) => {
    for (let turns = 1; !await condition(); turns++) {
      if (db.faults.crashed) throw new Error('the process is gone')
      await turn()
      if (turns % 20 === 0) await clock.advance(500)
    }
  }
  return {
    client, provider, sources, dag, clock, db, problems, until,
    dealIs: async (proposalCid, is) => {
      let deal: ClientDeal | undefined
      await until(async () => {
        deal = await client.deal(proposalCid)
        return deal !== undefined && is(deal)
      })
      return deal!
    },
    reopen: async (next = {}) => {
      await client.close()
      return openHarness({ ...more, ...next, world: { db, provider, clock, dag, sources } })
    },
    close: async () => {
      await client.close()
      await provider.close()
    },
  }
}

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export const inState = (state: ClientDeal['state']) => (deal: ClientDeal): boolean => deal.state === state
