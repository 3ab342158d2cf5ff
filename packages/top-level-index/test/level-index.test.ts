import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { openTopLevelIndex, shardNumber } from '../src/index.ts'
import { keysByTag, sha, shas } from './support.ts'

interface Counts { reads: number, batches: { puts: number, empty: number, sync: boolean, bytes: number }[], iterators: number }

/** A database that counts what is asked of it, and can be made to fail. */
class Watched extends MemoryLevel<string, string> {
  readonly counts: Counts = { reads: 0, batches: [], iterators: 0 }
  failNext: 'batch' | 'get' | 'iterator' | undefined
  /** Called before each batch. */
  onBatch: (() => void) | undefined

  #fail (at: string): void {
    if (this.failNext !== at) return
    this.failNext = undefined
    throw new Error(`injected at ${at}`)
  }

  async _get (...args: unknown[]): Promise<unknown> {
    this.counts.reads++
    this.#fail('get')
    return Reflect.apply(Reflect.get(MemoryLevel.prototype, '_get') as () => unknown, this, args)
  }

  async _batch (operations: { type: string, value?: Uint8Array }[], options: { sync?: boolean }): Promise<unknown> {
    this.onBatch?.()
    this.#fail('batch')
    const puts = operations.filter(({ type }) => type === 'put')
    this.counts.batches.push({ puts: puts.length, empty: puts.filter(({ value }) => value?.byteLength === 0).length, sync: options.sync === true, bytes: puts.reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0) })
    return Reflect.apply(Reflect.get(MemoryLevel.prototype, '_batch') as () => unknown, this, [operations, options])
  }

  _keys (...args: unknown[]): unknown {
    this.counts.iterators++
    this.#fail('iterator')
    return Reflect.apply(Reflect.get(MemoryLevel.prototype, '_keys') as () => unknown, this, args)
  }
}

const manual = { purge: 'manual', batchEntries: 1000 } as const
const failed = { name: 'TopLevelIndexError', code: 'TOP_LEVEL_INDEX_FAILED', cause: expect.any(Error) as unknown }

describe('embedded top-level index', () => {
  it('D42: reads nothing per entry while it publishes, and writes no lists', async () => {
    const db = new Watched()
    const index = await openTopLevelIndex(db, manual)
    for (let shard = 0; shard < 5; shard++) {
      db.counts.reads = 0
      db.counts.batches = []
      // the same blocks in every shard: Go's index read and rewrote a list for each of them
      await index.publish(shardNumber(shard), shas(0, 2500))
      expect(db.counts.reads).toBeLessThanOrEqual(2)
      expect(db.counts.iterators).toBe(0)
      expect(db.counts.batches.map(({ puts }) => puts)).toEqual([1001, 1001, 503])
      // of values: one for each entry, and the rows of the run
      expect(Math.max(...db.counts.batches.map(({ bytes }) => bytes))).toBeLessThanOrEqual(1000 + 24)
    }
    expect((await index.find(sha(2499))).shards).toEqual([0, 1, 2, 3, 4])
  })

  it('puts no value without bytes, whose memory classic-level never frees', async () => {
    const db = new Watched()
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), shas(0, 2500))
    await index.retire(shardNumber(1))
    await index.purge()
    expect(db.counts.batches.length).toBeGreaterThan(3)
    expect(db.counts.batches.map(({ empty }) => empty).filter((count) => count > 0)).toEqual([])
  })

  it('writes a small shard in one synced batch, and retires it in one', async () => {
    const db = new Watched()
    const index = await openTopLevelIndex(db, manual)
    db.counts.batches = []
    await index.publish(shardNumber(1), shas(0, 500))
    expect(db.counts.batches.map(({ puts, sync }) => [puts, sync])).toEqual([[503, true]])
    db.counts.batches = []
    await index.retire(shardNumber(1))
    expect(db.counts.batches.map(({ puts, sync }) => [puts, sync])).toEqual([[2, true]])
  })

  it('keeps no more entries in memory than it was told', async () => {
    for (const batchEntries of [1, 7, 5000]) {
      const db = new Watched()
      const index = await openTopLevelIndex(db, { purge: 'manual', batchEntries })
      db.counts.batches = []
      await index.publish(shardNumber(1), shas(0, 100))
      expect(Math.max(...db.counts.batches.map(({ puts }) => puts))).toBeLessThanOrEqual(batchEntries + 3)
      expect((await index.find(sha(99))).shards).toEqual([1])
    }
    for (const batchEntries of [0, -1, 1.5, Number.NaN]) await expect(openTopLevelIndex(new MemoryLevel(), { batchEntries })).rejects.toBeInstanceOf(RangeError)
  })

  it('counts equal neighbours once', async () => {
    const index = await openTopLevelIndex(new MemoryLevel(), manual)
    expect(await index.publish(shardNumber(1), [sha(1), sha(1), sha(2), sha(1)])).toEqual({ entryCount: 3 })
  })

  it('purges what is retired, replaced or unfinished, keeps the rest, and gives run numbers back last', async () => {
    const db = new MemoryLevel()
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), shas(0, 3000))
    await index.publish(shardNumber(2), shas(1000, 3000))
    await index.publish(shardNumber(2), shas(2000, 3000))
    await index.publish(shardNumber(3), shas(0, 3000))
    await index.retire(shardNumber(1))
    const unfinished = index.publish(shardNumber(4), (async function * () { yield * shas(0, 2500); throw new Error('source') })())
    await expect(unfinished).rejects.toThrow('source')
    expect(await keysByTag(db)).toEqual({ d: 3, e: 12_000 + 2000, l: 2, s: 2, t: 1, v: 1 })
    expect(await index.purge()).toEqual({ removedEntries: 6000 + 2000, removedRuns: 3 })
    expect(await keysByTag(db)).toEqual({ e: 6000, l: 2, n: 1, s: 2, t: 1, v: 1 })
    expect(await index.purge()).toEqual({ removedEntries: 0, removedRuns: 0 })
    expect((await index.find(sha(2999))).shards).toEqual([2, 3])
    expect((await index.find(sha(1500))).shards).toEqual([3])
  })

  it('does not purge what is being written', async () => {
    const db = new MemoryLevel()
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), (async function * () {
      yield * shas(0, 2500)
      expect(await index.purge()).toEqual({ removedEntries: 0, removedRuns: 0 })
      yield * shas(2500, 10)
    })())
    expect((await keysByTag(db))['e']).toBe(2510)
    expect((await index.find(sha(0))).shards).toEqual([1])
  })

  it('stops a purge at an abort, without loss', async () => {
    const index = await openTopLevelIndex(new MemoryLevel(), manual)
    for (let shard = 0; shard < 4; shard++) await index.publish(shardNumber(shard), shas(0, 5000))
    await index.retire(shardNumber(1))
    await expect(index.purge({ signal: AbortSignal.abort('early') })).rejects.toBe('early')
    const aborting = new AbortController()
    const purging = index.purge({ signal: aborting.signal })
    setImmediate(() => { aborting.abort('midway') })
    await purging.then(() => {}, (error: unknown) => { expect(error).toBe('midway') })
    expect((await index.find(sha(4999))).shards).toEqual([0, 2, 3])
    await index.purge()
    expect((await index.find(sha(4999))).shards).toEqual([0, 2, 3])
  })

  it('purges by itself once an eighth is dead', async () => {
    const db = new MemoryLevel()
    const index = await openTopLevelIndex(db)
    await index.publish(shardNumber(1), shas(0, 12_000))
    await index.publish(shardNumber(2), shas(0, 12_000))
    await index.retire(shardNumber(1))
    while ((await keysByTag(db))['d'] !== undefined || (await keysByTag(db))['w'] !== undefined) await new Promise((resolve) => { setImmediate(resolve) })
    expect(await keysByTag(db)).toEqual({ e: 12_000, l: 1, n: 1, s: 1, t: 1, v: 1 })
    await index.close()
  })

  it('goes on with the purge when it is opened again', async () => {
    const db = new MemoryLevel()
    const first = await openTopLevelIndex(db, manual)
    await first.publish(shardNumber(1), shas(0, 12_000))
    await first.retire(shardNumber(1))
    await first.close()
    const second = await openTopLevelIndex(db)
    while ((await keysByTag(db))['d'] !== undefined || (await keysByTag(db))['w'] !== undefined) await new Promise((resolve) => { setImmediate(resolve) })
    expect((await keysByTag(db))['e']).toBeUndefined()
    await second.close()
  })

  it('reports a failed purge of the background, and tries again after the next retirement', async () => {
    const db = new Watched()
    const failures: unknown[] = []
    const index = await openTopLevelIndex(db, { onPurgeFailure: (error) => failures.push(error) })
    await index.publish(shardNumber(1), shas(0, 12_000))
    await index.publish(shardNumber(2), shas(0, 10))
    db.failNext = 'iterator'
    await index.retire(shardNumber(1))
    while (failures.length === 0) await new Promise((resolve) => { setImmediate(resolve) })
    expect(failures).toEqual([expect.objectContaining(failed)])
    await index.retire(shardNumber(2))
    while ((await keysByTag(db))['d'] !== undefined || (await keysByTag(db))['w'] !== undefined) await new Promise((resolve) => { setImmediate(resolve) })
    await index.close()
  })

  it('gives failures of the database one code, with the cause', async () => {
    const db = new Watched()
    const index = await openTopLevelIndex(db, manual)
    db.failNext = 'batch'
    await expect(index.publish(shardNumber(1), shas(0, 10))).rejects.toMatchObject(failed)
    expect((await index.find(sha(0))).shards).toEqual([])
    await index.publish(shardNumber(1), shas(0, 10))
    db.failNext = 'iterator'
    await expect(index.find(sha(0))).rejects.toMatchObject(failed)
    db.failNext = 'batch'
    await expect(index.retire(shardNumber(1))).rejects.toMatchObject(failed)
    expect((await index.find(sha(0))).shards).toEqual([1])
    db.failNext = 'get'
    await expect(index.retire(shardNumber(1))).rejects.toMatchObject(failed)
    await db.close()
    await expect(index.find(sha(0))).rejects.toMatchObject(failed)
    await expect(openTopLevelIndex(db)).rejects.toMatchObject(failed)
  })

  it('does not hide a shard that is retired while its liveness is being read', async () => {
    const db = new MemoryLevel()
    const writer = await openTopLevelIndex(db, manual)
    for (let shard = 0; shard < 50; shard++) await writer.publish(shardNumber(shard), [sha(1)])
    await writer.close()
    // nothing cached: lookups load what the retirements change
    const index = await openTopLevelIndex(db, manual)
    const before = index.find(sha(1), { limit: 50 })
    const retired = index.retire(shardNumber(7))
    const answers = await Promise.all([before, retired.then(() => index.find(sha(1), { limit: 50 }))])
    expect(answers[0].shards.length).toBeGreaterThanOrEqual(49)
    expect(answers[1].shards).toEqual(Array.from({ length: 50 }, (_, at) => at).filter((at) => at !== 7))
  })

  it('refuses an index of a later version', async () => {
    const db = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    await db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).put('v', Uint8Array.of(2))
    await expect(openTopLevelIndex(db)).rejects.toMatchObject({ code: 'TOP_LEVEL_INDEX_BAD_FORMAT' })
  })

  it('shares the database with other users of it', async () => {
    const db = new MemoryLevel<string, string>()
    await db.put('e', 'mine')
    const index = await openTopLevelIndex(db, manual)
    await index.publish(shardNumber(1), shas(0, 10))
    await index.retire(shardNumber(1))
    await index.purge()
    expect(await db.get('e')).toBe('mine')
  })

  it('never gives the run number of anything that may be left to a new run', async () => {
    const db = new MemoryLevel()
    let index = await openTopLevelIndex(db, manual)
    const reopen = async (): Promise<void> => {
      await index.close()
      index = await openTopLevelIndex(db, manual)
    }
    await index.publish(shardNumber(1), [sha(1)])
    await index.publish(shardNumber(2), [sha(2)])
    await index.retire(shardNumber(2))
    await reopen()
    await index.publish(shardNumber(3), [sha(3)])
    expect(await index.find(sha(2))).toEqual({ shards: [], more: false })
    await index.retire(shardNumber(3))
    await index.purge()
    await reopen()
    await index.publish(shardNumber(4), [sha(4)])
    expect(await index.findMany([sha(1), sha(2), sha(3), sha(4)])).toEqual([[1], [], [], [4]].map((shards) => ({ shards, more: false })))
  })

  it('keeps what is live in bounded memory, however many runs there are', async () => {
    const db = new MemoryLevel()
    const index = await openTopLevelIndex(db, manual)
    for (let shard = 0; shard < 3000; shard++) await index.publish(shardNumber(shard), [sha(shard)])
    const next = await openTopLevelIndex(db, manual)
    for (const shard of [0, 1023, 1024, 2047, 2048, 2999]) expect((await next.find(sha(shard))).shards).toEqual([shard])
  })
})
