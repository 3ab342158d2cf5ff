/** A network between client and provider that refuses, cuts, stalls and loses answers: what arrives is the same, and is taken once. */
import { seededRandom } from '@dagstore-tooling/testkit'
import type { Retrieval, RetrievalOrder } from '@dagstore/deal-client'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { below, collect, GATEWAY, Sides, sorted, userFiles } from './two-sides/both-sides.ts'
import { type Fate, PASS } from './two-sides/wire.ts'

const SEEDS = process.env['DAGSTORE_LONG'] === undefined ? [1, 2] : Array.from({ length: 40 }, (_, seed) => seed)
const BIG = 2_300_000

/** Most requests come to grief, as long as there is something left of so many troubles. */
const troubled = (seed: number | string, troubles: number): ((request: Request) => Fate) => {
  const random = seededRandom(`network ${seed}`)
  let left = troubles
  const some = (): number => Math.floor(2 ** (random.int(2150) / 100))
  const fates: readonly (() => Fate)[] = [
    () => ({ kind: 'refuse' }), () => ({ kind: 'lose-answer' }), () => ({ kind: 'stall' }), () => ({ kind: 'pass', request: some() }), () => ({ kind: 'pass', answer: some() }),
  ]
  return () => {
    if (left === 0 || random.chance(0.5)) return PASS
    left--
    return random.pick(fates)()
  }
}

/** One to whom nobody has answered for so long is told so, and asks again. */
const retrieved = async (sides: Sides, root: CID, order: Partial<RetrievalOrder> = {}): Promise<Retrieval> => {
  for (;;) {
    const got = await sides.retrieve(root, order)
    if (got.state === 'DealStatusCompleted') return got
    expect(got).toMatchObject({ state: 'DealStatusErrored', code: expect.stringMatching(/^(?:TRANSFER|DEAL_CLIENT)_(?:UNREACHABLE|STALLED|BUSY|TRUNCATED)$/) as unknown })
  }
}

describe('over a network that comes to grief again and again', () => {
  it.each(SEEDS.flatMap((seed) => (['http-push', 'http-pull'] as const).map((transferType) => ({ seed, transferType }))))('a deal and its retrieval come through; seed=$seed $transferType', async ({ seed, transferType }) => {
    const sides = await Sides.open({ seed: `network ${seed}`, user: userFiles(BIG) })
    const root = await sides.import()
    sides.fate = troubled(`deal ${seed} ${transferType}`, 20)
    const { proposalCid } = await sides.during(sides.client.deals.start({ provider: 'http://provider.test/', root, transferType })).catch(async (error: unknown) => {
      // nobody says what a provider asks for while it is not reached
      expect(error).toMatchObject({ retry: 'later' })
      const fate = sides.fate
      sides.fate = () => PASS
      const deal = await sides.during(sides.client.deals.start({ provider: 'http://provider.test/', root, transferType }))
      sides.fate = fate
      return deal
    })
    await sides.active(proposalCid)
    expect((await collect(sides.provider.deals.deals())).length).toBe(1)
    sides.fate = troubled(`retrieval ${seed}`, 12)
    const got = await retrieved(sides, root)
    expect(got).toMatchObject({ state: 'DealStatusCompleted', message: '' })
    expect(sorted(await sides.exported(got))).toEqual(below(sides.user))
    sides.fate = () => PASS
    await sides.close()
  })

  it.each(SEEDS)('a retrieval from a plain gateway comes through; seed=%i', async (seed) => {
    const sides = await Sides.open({ seed: `gateway ${seed}`, user: userFiles(BIG) })
    const root = await sides.import()
    await sides.deal(root)
    sides.fate = troubled(`gateway ${seed}`, 12)
    const got = await retrieved(sides, root, { providers: [GATEWAY] })
    expect(got).toMatchObject({ state: 'DealStatusCompleted', from: GATEWAY.slice(0, -1) })
    expect(sorted(await sides.exported(got))).toEqual(below(sides.user))
    await sides.close()
  })
})
