/** The walk that gives back space: it rests, goes on after a restart, and is never in the way. */
import { createFakeClock, everyCrash } from '@dagstore-tooling/testkit'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { clearTopLevelIndex, openTopLevelIndex, shardNumber } from '../src/index.ts'
import { damageShard, keysByTag, sha, shas } from './support.ts'

const manual = { purge: 'manual', batchEntries: 1000 } as const
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

describe('a purge', () => {
  it('goes on where one before it was stopped, also after a restart, and then takes what has died since', async () => {
    const db = new MemoryLevel()
    const first = await openTopLevelIndex(db, manual)
    for (let shard = 0; shard < 4; shard++) await first.publish(shardNumber(shard), shas(shard * 5000, 5000))
    await first.retire(shardNumber(0))
    await first.retire(shardNumber(3))
    const stopping = new AbortController()
    const stopped = first.purge({ signal: stopping.signal, onProgress: ({ removedEntries }) => { if (removedEntries >= 3000) stopping.abort('enough') } })
    await expect(stopped).rejects.toBe('enough')
    await first.retire(shardNumber(1))
    await first.close()
    const left = await keysByTag(db)
    expect(left).toMatchObject({ w: 1, c: 1, d: 3 })
    const second = await openTopLevelIndex(db, manual)
    const walked: number[] = []
    const report = await second.purge({ onProgress: ({ walkedEntries }) => { walked.push(walkedEntries) } })
    expect(report).toEqual({ removedEntries: left['e']! - 5000, removedRuns: 3 })
    // the rest of the first walk, and one over what was left then
    expect(walked.at(-1)).toBe(left['e']! + 5000 + 5000)
    expect(await keysByTag(db)).toEqual({ e: 5000, l: 1, n: 1, s: 1, t: 1, v: 1 })
    expect(await second.findMany([sha(0), sha(5000), sha(10_000), sha(15_000)])).toMatchObject([{ shards: [] }, { shards: [] }, { shards: [2] }, { shards: [] }])
  })

  it('begins anew when what is written of the last one cannot be read', async () => {
    const db = new MemoryLevel()
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), shas(0, 3000))
    await index.retire(shardNumber(1))
    await db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).put('w', Uint8Array.of(1, 2, 3))
    expect(await index.purge()).toEqual({ removedEntries: 3000, removedRuns: 1 })
    expect(await keysByTag(db)).toEqual({ n: 1, t: 1, v: 1 })
  })

  it('loses nothing and leaves nothing, wherever it was cut (seed purge)', async () => {
    const small = { purge: 'manual', batchEntries: 500 } as const
    await everyCrash({
      seed: 'purge',
      prepare: async ({ db }) => {
        const index = await openTopLevelIndex(db, small)
        for (let shard = 0; shard < 4; shard++) await index.publish(shardNumber(shard), shas(shard * 500, 1500))
        await index.retire(shardNumber(0))
        await index.retire(shardNumber(2))
      },
      run: async ({ db }) => { await (await openTopLevelIndex(db, small)).purge() },
      check: async ({ db }) => {
        const index = await openTopLevelIndex(db, small)
        const wanted = [[], [1], [1, 3], [3]]
        const asked = [sha(0), sha(600), sha(1700), sha(2900)]
        expect((await index.findMany(asked)).map(({ shards }) => shards)).toEqual(wanted)
        // a number that is free must not be met in what is left
        await index.publish(shardNumber(9), shas(9000, 10))
        expect((await index.findMany(asked)).map(({ shards }) => shards)).toEqual(wanted)
        await index.purge()
        expect((await index.findMany(asked)).map(({ shards }) => shards)).toEqual(wanted)
        expect((await keysByTag(db))['e']).toBe(3010)
      },
    })
  })

  it('does not give run numbers out again when all of them are gone', async () => {
    const db = new MemoryLevel()
    for (let round = 0; round < 3; round++) {
      const index = await openTopLevelIndex(db, manual)
      await index.publish(shardNumber(1), [sha(round)])
      await index.retire(shardNumber(1))
      await index.purge()
      await index.close()
    }
    const next = await db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).get('n')
    expect([...next!]).toEqual([0, 0, 0, 3])
  })

  it('rests in the background; whoever waits for it wakes it up', async () => {
    const db = new MemoryLevel()
    const clock = createFakeClock()
    // time goes by whenever it is asked for, so that each page takes some
    const slow = { ...clock, monotonic: () => { void clock.advance(1); return clock.monotonic() } }
    const index = await openTopLevelIndex(db, { clock: { ...slow, sleep: (_, options) => new Promise((_resolve, reject) => { options?.signal?.addEventListener('abort', () => { reject(new Error('woken')) }) }) } })
    await index.publish(shardNumber(1), shas(0, 12_000))
    await index.publish(shardNumber(2), shas(0, 12_000))
    await index.retire(shardNumber(1))
    while ((await keysByTag(db))['c'] === undefined) await turn()
    for (let at = 0; at < 20; at++) await turn()
    // it sleeps behind its first page; lookups and publishes go on
    expect((await keysByTag(db))['e']).toBeGreaterThan(22_000)
    expect((await index.find(sha(11_999))).shards).toEqual([2])
    await index.publish(shardNumber(3), shas(0, 10))
    await index.purge()
    expect(await keysByTag(db)).toMatchObject({ e: 12_010, l: 2 })
    await index.close()
  })

  it('is left by close while it rests, and by its caller while it waits', async () => {
    const db = new MemoryLevel()
    const clock = createFakeClock()
    let pages = 0
    const index = await openTopLevelIndex(db, { clock: { ...clock, monotonic: () => ++pages * 10 } })
    await index.publish(shardNumber(1), shas(0, 12_000))
    await index.retire(shardNumber(1))
    while ((await keysByTag(db))['c'] === undefined) await turn()
    await index.close()
    expect((await keysByTag(db))['w']).toBe(1)
    const again = await openTopLevelIndex(db, manual)
    expect(await again.deadEntries()).toBe(12_000)
    expect((await again.purge()).removedRuns).toBe(1)
  })

  it('takes a share of the time above 0 and up to 1', async () => {
    for (const purgeShare of [0, -1, 1.1, Number.NaN]) await expect(openTopLevelIndex(new MemoryLevel(), { purgeShare })).rejects.toBeInstanceOf(RangeError)
  })
})

describe('a damaged index', () => {
  it('retires and replaces a shard whose own row names another run', async () => {
    const db = new MemoryLevel()
    const level = db.sublevel<Uint8Array, Uint8Array>('tli', { keyEncoding: 'view', valueEncoding: 'view' })
    const rowOf = (shard: number): Uint8Array => Uint8Array.of(0x73, 0, 0, 0, shard)
    for (const wrong of [Uint8Array.of(1), Uint8Array.of(0, 0, 0, 9), Uint8Array.of(0, 0, 0, 1)]) {
      await level.clear()
      const index = await openTopLevelIndex(db, manual)
      await index.publish(shardNumber(1), [sha(1)])
      await index.publish(shardNumber(2), [sha(2)])
      await level.put(rowOf(1), wrong)
      await index.publish(shardNumber(1), [sha(3)])
      expect((await index.findMany([sha(1), sha(2), sha(3)])).map(({ shards }) => shards)).toEqual([[], [2], [1]])
      await level.put(rowOf(1), wrong)
      await index.retire(shardNumber(1))
      expect((await index.findMany([sha(1), sha(2), sha(3)])).map(({ shards }) => shards)).toEqual([[], [2], []])
      await index.close()
    }
  })

  it('names the run whose row cannot be read, and passes over rows that are none of its own', async () => {
    const db = new MemoryLevel()
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), [sha(1)])
    await damageShard(db, 1)
    await db.sublevel<Uint8Array, Uint8Array>('tli', { keyEncoding: 'view', valueEncoding: 'view' }).batch([
      { type: 'put', key: Uint8Array.of(0x6c, 0, 0), value: Uint8Array.of(1) }, { type: 'put', key: Uint8Array.of(0x64, 0, 0, 0, 0, 0), value: Uint8Array.of(1) },
    ])
    const next = await openTopLevelIndex(db, manual)
    await expect(next.find(sha(1))).rejects.toMatchObject({ code: 'TOP_LEVEL_INDEX_DAMAGED' })
    expect(await next.deadEntries()).toBe(0)
    expect(await next.purge()).toEqual({ removedEntries: 0, removedRuns: 0 })
  })
})

describe('run numbers', () => {
  const rows = (db: MemoryLevel) => db.sublevel<Uint8Array, Uint8Array>('tli', { keyEncoding: 'view', valueEncoding: 'view' })

  it('go on behind the last one, whatever stands behind it that is none of ours', async () => {
    const db = new MemoryLevel()
    const first = await openTopLevelIndex(db, manual)
    await first.publish(shardNumber(1), [sha(1)])
    await first.publish(shardNumber(2), [sha(1)])
    await first.close()
    await rows(db).put(Uint8Array.of(0x6c, 0xff, 0, 0, 0, 0), Uint8Array.of(1))
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(3), [sha(2)])
    expect((await index.findMany([sha(1), sha(2)])).map(({ shards }) => shards)).toEqual([[1, 2], [3]])
  })

  it('are not given out beyond their last one', async () => {
    const db = new MemoryLevel()
    await (await openTopLevelIndex(db, manual)).close()
    await rows(db).put(Uint8Array.of(0x6e), Uint8Array.of(0xff, 0xff, 0xff, 0xfe))
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), [sha(1)])
    await expect(index.publish(shardNumber(2), [sha(1)])).rejects.toMatchObject({ code: 'TOP_LEVEL_INDEX_FAILED' })
    expect((await index.find(sha(1))).shards).toEqual([1])
    await index.retire(shardNumber(1))
    expect((await index.purge()).removedRuns).toBe(1)
    const next = await openTopLevelIndex(db, manual)
    await expect(next.publish(shardNumber(2), [sha(1)])).rejects.toMatchObject({ code: 'TOP_LEVEL_INDEX_FAILED' })
  })

  it('of more dead ones than one walk takes are all gone after a purge', async () => {
    const db = new MemoryLevel()
    await (await openTopLevelIndex(db, manual)).close()
    const count = 262_144 + 7
    for (let from = 0; from < count; from += 16_384) {
      await rows(db).batch(Array.from({ length: Math.min(16_384, count - from) }, (_, at) => ({
        type: 'put' as const, key: Uint8Array.of(0x64, (from + at) >>> 24, (from + at) >>> 16, (from + at) >>> 8, from + at), value: new Uint8Array(8),
      })))
    }
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), [sha(1)])
    expect((await index.purge()).removedRuns).toBe(count)
    expect(await keysByTag(db)).toEqual({ e: 1, l: 1, n: 1, s: 1, t: 1, v: 1 })
  })
})

describe('an index whose version cannot be read', () => {
  it.each([[], [0], [1, 1], [0, 0, 0, 1]])('is told from one of a later version: %j', async (...bytes) => {
    const db = new MemoryLevel()
    await (await openTopLevelIndex(db, manual)).close()
    await db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).put('v', Uint8Array.from(bytes))
    await expect(openTopLevelIndex(db, manual)).rejects.toMatchObject({ code: 'TOP_LEVEL_INDEX_DAMAGED' })
    await db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).put('v', Uint8Array.of(9))
    await expect(openTopLevelIndex(db, manual)).rejects.toMatchObject({ code: 'TOP_LEVEL_INDEX_BAD_FORMAT' })
  })

  it('makes room for a new one, wherever that was cut (seed clear)', async () => {
    await everyCrash({
      seed: 'clear',
      prepare: async ({ db }) => {
        const index = await openTopLevelIndex(db, manual)
        for (let shard = 0; shard < 3; shard++) await index.publish(shardNumber(shard), shas(shard * 6000, 6000))
        await index.retire(shardNumber(1))
        await index.close()
        await db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).put('v', new Uint8Array(0), { sync: true } as object)
      },
      run: async ({ db }) => { await clearTopLevelIndex(db) },
      check: async ({ db }) => {
        const index = await openTopLevelIndex(db, manual).catch(async (error: { readonly code?: string }) => {
          expect(error.code).toBe('TOP_LEVEL_INDEX_DAMAGED')
          await clearTopLevelIndex(db)
          return openTopLevelIndex(db, manual)
        })
        expect(await keysByTag(db)).toEqual({ v: 1 })
        await index.publish(shardNumber(1), [sha(1)])
        expect((await index.findMany([sha(0), sha(1)])).map(({ shards }) => shards)).toEqual([[], [1]])
      },
    })
  })
})
