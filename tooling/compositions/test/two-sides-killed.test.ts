/** Either process gone at any of its writes: the next one goes on, and what comes back is the same. */
import { seededRandom } from '@dagstore-tooling/testkit'
import { openSector } from '@dagstore/unsealed-sector'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { below, collect, GoneError, type SideName, Sides, sorted } from './two-sides/both-sides.ts'

const LONG = process.env['DAGSTORE_LONG'] !== undefined
/** Cuts of a short run; a long one makes all. */
const CUTS = 16

/** What a user does, over and over until it is done. */
const roundTrip = async (sides: Sides, transferType: 'http-push' | 'http-pull'): Promise<CID> => {
  const root = await sides.import()
  await sides.deal(root, { transferType })
  const got = await sides.retrieve(root)
  if (got.state !== 'DealStatusCompleted') throw new Error(`${got.state}: ${got.code} ${got.message}`)
  expect(sorted(await sides.exported(got))).toEqual(below(sides.user))
  return root
}

const checkEnd = async (sides: Sides, root: CID): Promise<void> => {
  const deals = await collect(sides.client.deals.deals())
  expect(deals.map((deal) => [deal.root?.toString(), deal.state])).toEqual([[root.toString(), 'StorageDealActive']])
  const [{ proposal: { pieceCid, pieceSize } }] = deals as [typeof deals[0] & object]
  const atProvider = await collect(sides.provider.deals.deals())
  expect(atProvider.map(({ proposalCid }) => proposalCid.toString())).toEqual(deals.map(({ proposalCid }) => proposalCid.toString()))
  expect(await sides.provider.pieces.get(pieceCid)).toMatchObject([{ miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: pieceSize }])
  const sector = await openSector(await sides.files('provider').openSource('unsealed/s-t01000-1'))
  expect(sector.allocated).toEqual([{ start: 0, length: pieceSize }])
  await sides.until(() => sides.staged().length === 0)
  expect((await collect(sides.client.imports.list())).length).toBe(1)
}

describe.each(['client', 'provider'] as const)('the %s, cut off at any write,', (name: SideName) => {
  it.each(['http-push', 'http-pull'] as const)('goes on by itself, and the user by doing what he did: %s', async (transferType) => {
    const whole = await Sides.open({ seed: `${name} ${transferType}` })
    const before = whole.world(name).faults.changes
    await roundTrip(whole, transferType)
    const all = whole.world(name).faults.changes - before
    await whole.close()
    expect(all).toBeGreaterThan(CUTS)

    const random = seededRandom(`killed ${name} ${transferType}`)
    const cuts = LONG ? Array.from({ length: all }, (_, cut) => cut) : Array.from({ length: CUTS }, (_, part) => Math.floor(all * part / CUTS) + random.int(Math.floor(all / CUTS)))
    for (const cut of cuts) {
      const sides = await Sides.open({ seed: `${name} ${transferType}` })
      const { faults } = sides.world(name)
      faults.crashAfter(faults.changes + cut)
      try {
        let root: CID | undefined
        for (let run = 0; root === undefined; run++) {
          root = await roundTrip(sides, transferType).catch(async (error: unknown) => {
            if (!(error instanceof GoneError) || run > 0) throw error
            await sides.restart(error.side, cut)
            return undefined
          })
        }
        await checkEnd(sides, root)
        expect([...sides.client.problems, ...sides.provider.problems]).toEqual([])
        await sides.close()
      } catch (cause) {
        throw new Error(`broken after a cut; cut=${cut} of ${all}\n${faults.log.slice(-30).join('\n')}\n${String(cause instanceof Error ? cause.stack : cause)}`, { cause })
      }
    }
  })
})
