/** The index against a map, with one key that very many shards hold. */
import fc from 'fast-check'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { createMemoryTopLevelIndex, openTopLevelIndex, shardNumber, type TopLevelIndex } from '../src/index.ts'
import { sha } from './support.ts'

const HOT = 0
const SHARDS = 40

interface Subject { index: TopLevelIndex, readonly reopen: () => Promise<TopLevelIndex>, readonly close: () => Promise<void> }

const forms: Record<string, () => Promise<Subject>> = {
  'in memory': async () => {
    const index = createMemoryTopLevelIndex()
    return { index, reopen: async () => index, close: () => index.close() }
  },
  'memory-level': async () => {
    const db = new MemoryLevel()
    const subject: Subject = {
      index: await openTopLevelIndex(db, { batchEntries: 3 }),
      reopen: async () => {
        await subject.index.close()
        return openTopLevelIndex(db, { batchEntries: 3 })
      },
      close: async () => {
        await subject.index.close()
        await db.close()
      },
    }
    return subject
  },
}

const shard = fc.nat({ max: SHARDS - 1 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('publish' as const), shard, keys: fc.array(fc.nat({ max: 6 }), { maxLength: 8 }), fails: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('retire' as const), shard }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('purge' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('find' as const), key: fc.nat({ max: 6 }), limit: fc.integer({ min: 1, max: 45 }), prefer: fc.array(shard, { maxLength: 4 }) }) },
)

describe.each(Object.entries(forms))('a top-level index %s', (_, open) => {
  it('answers as a map of sets does (seed 42)', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const subject = await open()
      const model = new Map<number, ReadonlySet<number>>()
      // all shards hold the hot key to begin with
      for (let at = 0; at < SHARDS; at++) {
        await subject.index.publish(shardNumber(at), [sha(HOT)])
        model.set(at, new Set([HOT]))
      }
      for (const next of steps) {
        if (next.type === 'publish') {
          const keys = [HOT, ...next.keys]
          const failure = new Error('source')
          const done = subject.index.publish(shardNumber(next.shard), (function * () {
            for (const key of keys) yield sha(key)
            if (next.fails) throw failure
          })())
          if (next.fails) await expect(done).rejects.toBe(failure)
          else await done
          if (!next.fails) model.set(next.shard, new Set(keys))
        } else if (next.type === 'retire') {
          await subject.index.retire(shardNumber(next.shard))
          model.delete(next.shard)
        } else if (next.type === 'purge') {
          await subject.index.purge()
          expect(await subject.index.deadEntries()).toBe(0)
        } else if (next.type === 'reopen') {
          subject.index = await subject.reopen()
        } else {
          const { key, limit } = next
          const prefer = [...new Set(next.prefer)]
          const holding = [...model].filter(([, keys]) => keys.has(key)).map(([at]) => at)
          const { shards, more } = await subject.index.find(sha(key), { limit, prefer: prefer.map(shardNumber) })
          expect(new Set(shards).size).toBe(shards.length)
          expect(shards.every((at) => holding.includes(at))).toBe(true)
          expect([shards.length, more]).toEqual([Math.min(limit, holding.length), holding.length > limit])
          const first = prefer.filter((at) => holding.includes(at)).slice(0, limit)
          expect(shards.slice(0, first.length)).toEqual(first)
        }
      }
      await subject.close()
    }), { seed: 42, numRuns: 60 })
  })
})

describe('a key that 100,000 shards hold', () => {
  it('costs a lookup no more than its limit, and a publish nothing that is there', async () => {
    let keys = 0
    class Counting extends MemoryLevel<string, string> {
      _keys (options: object): unknown {
        const iterator = Reflect.apply(Reflect.get(MemoryLevel.prototype, '_keys') as () => unknown, this, [options]) as { nextv: (size: number) => Promise<unknown[]> }
        const nextv = iterator.nextv.bind(iterator)
        iterator.nextv = async (size) => {
          const page = await nextv(size)
          keys += page.length
          return page
        }
        return iterator
      }
    }
    const db = new Counting({ storeEncoding: 'view' })
    const index = await openTopLevelIndex(db, { purgeShare: 1 })
    // written as publishing 100,000 shards writes them, in larger batches
    const rows = db.sublevel<Uint8Array, Uint8Array>('tli', { keyEncoding: 'view', valueEncoding: 'view' })
    await rows.open()
    const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
    const part = sha(HOT).subarray(0, 22)
    const empty = new Uint8Array(0)
    for (let run = 0; run < 100_000; run += 10_000) {
      const batch = rows.batch()
      for (let at = run; at < run + 10_000; at++) {
        batch.put(Uint8Array.from([0x65, ...part, ...u32(at)]), empty)
        batch.put(Uint8Array.from([0x6c, ...u32(at)]), Uint8Array.from([...u32(at), 0, 0, 0, 0, 0, 0, 0, 1]))
        batch.put(Uint8Array.from([0x73, ...u32(at)]), Uint8Array.from(u32(at)))
      }
      await batch.write()
    }
    await index.close()
    const next = await openTopLevelIndex(db, { purgeShare: 1 })
    keys = 0
    const found = await next.find(sha(HOT), { prefer: [shardNumber(99_999), shardNumber(50_000)] })
    expect([found.shards.length, found.shards.slice(0, 2), found.more]).toEqual([16, [99_999, 50_000], true])
    expect(keys).toBeLessThanOrEqual(17)
    keys = 0
    await next.publish(shardNumber(100_000), [sha(HOT), sha(1)])
    expect(keys).toBe(0)
    expect((await next.find(sha(HOT), { prefer: [shardNumber(100_000)] })).shards[0]).toBe(100_000)
    expect((await next.find(sha(1))).shards).toEqual([100_000])
    // the first ones go: the next lookup steps over them, and clears them away for those that follow
    for (let at = 0; at < 2000; at++) await next.retire(shardNumber(at))
    keys = 0
    expect((await next.find(sha(HOT))).shards[0]).toBe(2000)
    expect(keys).toBeGreaterThan(2000)
    await next.close()
    const last = await openTopLevelIndex(db, { purge: 'manual' })
    keys = 0
    expect((await last.find(sha(HOT))).shards[0]).toBe(2000)
    expect(keys).toBeLessThanOrEqual(17)
    expect((await last.purge()).removedRuns).toBe(2000)
    expect((await last.find(sha(HOT), { limit: 200_000 })).shards.length).toBe(98_001)
  })
})
