import { everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { openTopLevelIndex, shardNumber } from '../src/index.ts'
import { sha, shas } from './support.ts'

const manual = { purge: 'manual', batchEntries: 100 } as const
const [old, fresh, other] = [shardNumber(1), shardNumber(2), shardNumber(3)]

describe('embedded top-level index after a crash', () => {
  it('has all of a published shard or nothing (seed publish)', async () => {
    const cuts = await everyCrash({
      seed: 'publish',
      prepare: async ({ db }) => { await (await openTopLevelIndex(db, manual)).publish(old, shas(0, 150)) },
      run: async ({ db }) => { await (await openTopLevelIndex(db, manual)).publish(fresh, shas(0, 250)) },
      check: async ({ db }, cut) => {
        const index = await openTopLevelIndex(db, manual)
        const found = await index.findMany([sha(0), sha(149), sha(249)])
        const whole = found[2]?.shards.length === 1
        expect(found.map(({ shards }) => shards)).toEqual(whole ? [[1, 2], [1, 2], [2]] : [[1], [1], []])
        if (cut === 3) expect(whole).toBe(true)
        // the next try replaces whatever this one left
        await index.publish(fresh, shas(200, 10))
        expect((await index.findMany([sha(0), sha(209), sha(249)])).map(({ shards }) => shards)).toEqual([[1], [2], []])
        await index.purge()
        expect((await index.findMany([sha(0), sha(209), sha(249)])).map(({ shards }) => shards)).toEqual([[1], [2], []])
      },
    })
    expect(cuts).toBe(3)
  })

  it('has the old entries of a shard or the new ones, when it is replaced (seed replace)', async () => {
    await everyCrash({
      seed: 'replace',
      prepare: async ({ db }) => { await (await openTopLevelIndex(db, manual)).publish(old, shas(0, 150)) },
      run: async ({ db }) => { await (await openTopLevelIndex(db, manual)).publish(old, shas(100, 150)) },
      check: async ({ db }) => {
        const index = await openTopLevelIndex(db, manual)
        const found = (await index.findMany([sha(0), sha(120), sha(249)])).map(({ shards }) => shards.length)
        expect([[1, 1, 0], [0, 1, 1]]).toContainEqual(found)
      },
    })
  })

  it('does not bring a retired shard back, nor lose another one, wherever a purge was cut (seed retire)', async () => {
    await everyCrash({
      seed: 'retire',
      prepare: async ({ db }) => {
        const index = await openTopLevelIndex(db, manual)
        await index.publish(old, shas(0, 50))
        await index.publish(other, shas(0, 50))
      },
      run: async ({ db }) => {
        const index = await openTopLevelIndex(db, manual)
        await index.retire(old)
        await index.purge()
        await index.publish(fresh, shas(25, 10))
      },
      check: async ({ db, faults }, cut) => {
        const index = await openTopLevelIndex(db, manual)
        const gone = (await index.find(sha(0))).shards.length === 1
        if (cut > 0) expect(gone).toBe(true)
        expect((await index.find(sha(49))).shards.includes(other)).toBe(true)
        // run numbers are free only after their entries are gone
        await index.publish(shardNumber(9), shas(9000, 10))
        const found = await index.find(sha(1))
        expect(found.shards).toEqual(gone ? [other] : [old, other])
        await index.purge()
        expect((await index.find(sha(1))).shards).toEqual(gone ? [other] : [old, other])
        expect(faults.crashed).toBe(false)
      },
    })
  })
})
