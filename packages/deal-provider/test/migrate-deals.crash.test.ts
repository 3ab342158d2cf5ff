/** A migration cut off after each of its writes: whatever stays, the next run makes it whole. */
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { expect, it } from 'vitest'
import { isMigrated } from '../src/index.ts'
import { deal, keysOf, type Listed, type MigrateHarness, openMigrateHarness, pieceAt, rowsOf } from './migrate-harness.ts'

// two groups, with pieces that come again, one of them in no sector, and one that was there
const LISTED: readonly Listed[] = [
  ...Array.from({ length: 1100 }, (_, at) => ({ pieceCid: pieceAt(at), deals: [deal(String(at), at === 7 ? { sector: undefined } : {})] })),
  { pieceCid: pieceAt(3), deals: [deal('5003')] },
  { pieceCid: pieceAt(1099), deals: [deal('6099')] },
]
const THERE = pieceAt(9)

const using = async <T>({ db, fs }: CrashWorld, run: (h: MigrateHarness) => Promise<T>): Promise<T> => {
  const h = await openMigrateHarness({ db, files: fs.directory })
  try {
    return await run(h)
  } finally {
    await h.dagstore.close()
  }
}

it('finds every deal again after a cut, tells nothing that was not durable, and is complete only at its end', async () => {
  let lines: string[] = []
  const cuts = await everyCrash({
    seed: 'migrate',
    chances: 2,
    prepare: (world) => using(world, async ({ dagstore }) => { await dagstore.register(THERE.toString(), `lotus://${THERE}`) }),
    run: (world) => using(world, async (h) => {
      lines = []
      await h.migrate(LISTED, { onReport: (more) => { for (const line of more) if ('deal' in line) lines.push(line.deal) } })
    }),
    check: (world) => using(world, async (h) => {
      const keys = new Set(await keysOf(h.dagstore))
      const complete = await isMigrated(h.db, 'test')
      // a line says what is durable
      for (const id of lines) {
        const at = Number(id) % 5000
        expect(keys.has(pieceAt(at).toString())).toBe(true)
        if (at !== 7) expect((await h.pieces.get(pieceAt(at))).some(({ sector }) => sector === BigInt(id))).toBe(true)
      }
      if (complete) expect(keys.size).toBe(1100)
      const result = await h.migrate(LISTED)
      expect(result).toMatchObject({ deals: 1102, merged: 2, failed: 0, complete: true })
      expect(result.registered + result.already).toBe(1100)
      expect(result.registered).toBe(1100 - keys.size)
      expect(await keysOf(h.dagstore)).toHaveLength(1100)
      expect((await h.pieces.get(pieceAt(3))).map(({ sector }) => sector)).toEqual([3n, 5003n])
      expect(await h.pieces.get(pieceAt(7))).toEqual([])
      const before = await rowsOf(h.db)
      expect(await h.migrate(LISTED)).toMatchObject({ registered: 0, already: 1100, merged: 2 })
      expect(await rowsOf(h.db)).toEqual(before)
    }),
  })
  expect(cuts).toBeGreaterThan(6)
})
