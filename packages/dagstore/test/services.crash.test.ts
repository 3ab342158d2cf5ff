/** Verifications and checks, cut off after each of their writes: whatever stays, the next process can use the store. */
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { indexName } from '@dagstore/index-repo'
import { openTopLevelIndex, shardNumber } from '@dagstore/top-level-index'
import { describe, expect, it } from 'vitest'
import { openCatalogue } from '../src/index.ts'
import { collectAll, type Harness, makeCar, namesIn, openHarness, Sources, until } from './harness.ts'

const cars = { a: makeCar(1, 12), b: makeCar(2, 12) }

const sources = (): Sources => {
  const made = new Sources()
  for (const [key, car] of Object.entries(cars)) made.put(key, car)
  return made
}

const open = ({ db, fs }: CrashWorld, options = {}): Promise<Harness> => openHarness(options, { db, files: fs.directory, sources: sources() })

/** Two shards: the index of `a` is lost, and most of the top-level entries of `b`. */
const prepare = async (world: CrashWorld): Promise<void> => {
  const h = await open(world)
  for (const key of ['a', 'b']) await h.store.register(key, `test:${key}`, { indexing: 'eager' })
  await h.store.close()
  await world.fs.directory.remove(`index/${indexName('a', 1)}`)
  const number = shardNumber((await (await openCatalogue(world.db)).get('b'))!.record.index!.shardNumber)
  const top = await openTopLevelIndex(world.db)
  await top.publish(number, [cars.b.blocks[0]!.cid.multihash.bytes])
  await top.close()
}

const check = async (world: CrashWorld): Promise<void> => {
  const h = await open(world)
  for (const key of ['a', 'b'] as const) {
    expect(await h.store.verify(key, { mode: 'full' })).toMatchObject({ blocks: 12, checked: 12, bad: [] })
    expect(await h.store.verify(key)).toMatchObject({ repaired: [] })
    for (const { cid, data } of cars[key].blocks) {
      expect(await h.store.why(cid)).toMatchObject({ retrievable: true })
      expect(await h.store.blockstore.bytes(cid)).toEqual(data)
    }
  }
  const infos = await collectAll(h.store.shards())
  await until(async () => (await namesIn(world.fs.directory)).length === 2)
  expect((await namesIn(world.fs.directory)).sort()).toEqual(infos.map(({ key, indexGeneration }) => `index/${indexName(key, indexGeneration)}`).sort())
  for (const { findings } of await collectAll(h.store.doctorFindings())) expect(findings.length).toBeGreaterThan(0)
  for (const { key } of infos) await h.store.destroy(key)
  expect(await collectAll(h.store.doctorFindings())).toEqual([])
  await h.store.close()
}

describe('a store cut off after each write', () => {
  it('while shards are verified', async () => {
    const cuts = await everyCrash({
      seed: 'verify',
      prepare,
      run: async (world) => {
        const h = await open(world)
        try {
          for (const key of ['a', 'b']) await h.store.verify(key)
        } finally {
          await h.store.close()
        }
      },
      check,
    })
    expect(cuts).toBeGreaterThan(5)
  })

  it('while they are checked and repaired', async () => {
    const cuts = await everyCrash({
      seed: 'doctor',
      prepare,
      run: async (world) => {
        const h = await open(world, { doctor: { rowsPerSecond: 1e9, bytesPerSecond: 1e9 } })
        try {
          // what the cut ends is told as postponed
          await until(async () => h.events.some(({ type }) => type === 'postponed') || (await h.store.shard('b'))?.findings[0]?.repairedAt !== undefined)
        } finally {
          await h.store.close()
        }
      },
      check,
    })
    expect(cuts).toBeGreaterThan(8)
  })
})
