/** An adoption cut off after each of its writes: whatever stays, the next run makes it whole. */
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { expect, it } from 'vitest'
import { type AdoptHarness, carAt, filesIn, folderOf, goIndex, goRecordsOf, keyAt, NUMBERS, openAdoptHarness } from './adopt-harness.ts'

const cars = { 1: carAt(1), 2: carAt(2), 3: carAt(3), 4: carAt(4) }

it('leaves shards that can be read, and has them all after the next run', async () => {
  const folder = await folderOf({
    [`index/${keyAt(1)}.full.idx`]: await goIndex(cars[1]), [`index/${keyAt(2)}.full.idx`]: await goIndex(cars[2]), [`index/${keyAt(3)}.full.idx`]: new Uint8Array(9),
    [`transients/${keyAt(2)}`]: cars[2].bytes, [`transients/${keyAt(3)}`]: cars[3].bytes,
  })
  const records = await goRecordsOf({ 1: {}, 2: { transient: `/x/transients/${keyAt(2)}` }, 3: { transient: `/x/transients/${keyAt(3)}` }, 4: { state: NUMBERS.errored, error: 'boom' } })
  const before = await filesIn(folder)
  const using = async <T>({ db, fs }: CrashWorld, run: (h: AdoptHarness) => Promise<T>): Promise<T> => {
    const h = await openAdoptHarness({ 1: cars[1] }, { db, files: fs.directory, lent: folder })
    try {
      return await run(h)
    } finally {
      await h.dagstore.close()
    }
  }
  const told: string[] = []
  const cuts = await everyCrash({
    seed: 'adopt',
    prepare: async () => { told.length = 0 },
    run: (world) => using(world, async (h) => { await h.adopt(folder, records, { onReport: (lines) => { for (const line of lines) if ('key' in line) told.push(line.key) } }) }),
    check: (world) => using(world, async (h) => {
      for (const key of told) expect(await h.dagstore.shard(key)).toBeDefined()
      const { registered, already, failed } = await h.adopt(folder, records)
      expect([registered + already, failed]).toEqual([4, 0])
      expect((await h.dagstore.shard(keyAt(1)))?.health).toBe('available')
      expect((await h.dagstore.shard(keyAt(2)))?.health).toBe('available')
      expect(await h.dagstore.shard(keyAt(4))).toMatchObject({ health: 'errored', error: { message: 'boom' } })
      // nobody has those with a transient but that
      for (const at of [1, 2, 3] as const) {
        const lease = await h.dagstore.acquire(keyAt(at))
        expect(await lease.blockstore.bytes(cars[at].blocks[2]!.cid)).toEqual(cars[at].blocks[2]!.data)
        await lease.close()
      }
      expect(await h.adopt(folder, records)).toMatchObject({ registered: 0, already: 4, indices: 0 })
      await h.dagstore.gc()
      for (const at of [1, 2, 3, 4]) await h.dagstore.destroy(keyAt(at))
      await h.dagstore.gc()
      expect(Object.keys(await filesIn(world.fs.directory)).filter((name) => name.startsWith('index/'))).toEqual([])
      expect(await filesIn(folder)).toEqual(before)
    }),
  })
  expect(cuts).toBeGreaterThan(10)
})
