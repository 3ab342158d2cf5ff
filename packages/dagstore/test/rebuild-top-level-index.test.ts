import { everyCrash } from '@dagstore-tooling/testkit'
import { indexName } from '@dagstore/index-repo'
import type { Directory } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { abortable } from '../src/abortable.ts'
import { openCatalogue } from '../src/index.ts'
import { codeOf, collectAll, gate, type Harness, makeCar, openHarness, rejection, Sources, type TestCar, until } from './harness.ts'

const cars: Record<string, TestCar> = Object.fromEntries(['a', 'b', 'c', 'd'].map((key, at) => [key, makeCar(at + 1, 5)]))
const sources = (): Sources => {
  const made = new Sources()
  for (const [key, car] of Object.entries(cars)) made.put(key, car)
  return made
}
const fill = async (h: Harness): Promise<void> => {
  for (const key of Object.keys(cars)) await h.store.register(key, `test:${key}`, { indexing: 'eager' })
}
/** The store closed, its top-level index emptied, and opened again. */
const emptied = async (h: Harness): Promise<Harness> => {
  await h.store.close()
  await h.db.sublevel('tli').clear()
  return openHarness({}, { db: h.db, files: h.files, sources: h.sources })
}
const found = (h: Harness): Promise<string[][]> =>
  Promise.all(Object.values(cars).map(async ({ blocks }) => [...await h.store.find(blocks[2]!.cid.multihash.bytes)]))

describe('rebuildTopLevelIndex', () => {
  it('makes an emptied index whole from the index files, without the data', async () => {
    const h = await emptied(await (async () => { const first = await openHarness({}, { sources: sources() }); await fill(first); return first })())
    expect(await found(h)).toEqual([[], [], [], []])
    h.sources.opens.clear()
    const progress: unknown[] = []
    const before = await collectAll(h.store.shards())
    expect(await h.store.rebuildTopLevelIndex({ onProgress: (event) => { progress.push(event) } })).toEqual({ shards: 4, entries: 20, failures: [] })
    expect(progress).toEqual([{ done: 4, failed: 0, total: 4 }])
    expect(h.sources.opens.size).toBe(0)
    expect(await found(h)).toEqual([['a'], ['b'], ['c'], ['d']])
    expect(await collectAll(h.store.shards())).toEqual(before)
    for (const { blocks } of Object.values(cars)) for (const { cid, data } of blocks) expect(await h.store.blockstore.bytes(cid)).toEqual(data)
    const again = await h.reopen()
    expect(await found(again)).toEqual([['a'], ['b'], ['c'], ['d']])
    // shards can be built anew and destroyed as ever
    await again.files.remove(`index/${indexName('a', 1)}`)
    await (await again.store.acquire('a')).close()
    for (const key of Object.keys(cars)) await again.store.destroy(key)
    expect(await found(again)).toEqual([[], [], [], []])
    await again.store.close()
  })

  it('gives new numbers and retires the old ones of an index that is whole', async () => {
    await using h = await openHarness({}, { sources: sources() })
    await fill(h)
    const catalogue = await openCatalogue(h.db)
    const numbers = async (): Promise<(number | undefined)[]> => Promise.all(Object.keys(cars).map(async (key) => (await catalogue.get(key))?.record.index?.shardNumber))
    const before = await numbers()
    const lease = await h.store.acquire('a')
    await h.store.rebuildTopLevelIndex()
    const after = await numbers()
    expect(Math.min(...after.map(Number))).toBeGreaterThan(Math.max(...before.map(Number)))
    expect(await found(h)).toEqual([['a'], ['b'], ['c'], ['d']])
    for (const number of before) expect(await catalogue.keyOf(Number(number))).toBeUndefined()
    expect(await collectAll(catalogue.garbage(undefined))).toEqual([])
    expect(await lease.blockstore.bytes(cars['a']!.blocks[0]!.cid)).toEqual(cars['a']!.blocks[0]!.data)
    await lease.close()
  })

  it('tells readers of the shards that are not done yet, also after a restart, which goes on with it', async () => {
    const first = await openHarness({}, { sources: sources() })
    await fill(first)
    await first.store.close()
    await first.db.sublevel('tli').clear()
    const { passed, open } = gate()
    const slow = (directory: typeof first.files): typeof first.files => ({
      ...directory,
      child: (name) => slow(directory.child(name)),
      openSource: async (name, options) => {
        await (options?.signal === undefined ? passed : abortable(passed, options.signal))
        return directory.openSource(name, options)
      },
    })
    const second = await openHarness({}, { db: first.db, files: slow(first.files), sources: first.sources })
    const cut = rejection(second.store.rebuildTopLevelIndex())
    const { cid } = cars['b']!.blocks[1]!
    const missing = async (h: Harness): Promise<unknown> => rejection(h.store.blockstore.bytes(cid))
    await until(async () => ((await missing(second)) as { unindexedShards?: number }).unindexedShards === 4)
    await second.store.close()
    expect(codeOf(await cut)).toBe('DAGSTORE_CLOSED')
    const third = await openHarness({}, { db: first.db, files: slow(first.files), sources: first.sources })
    expect(await missing(third)).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 4 })
    open()
    await until(async () => (await found(third)).every((keys) => keys.length === 1))
    await third.store.rebuildTopLevelIndex()
    expect(await third.store.blockstore.bytes(cid)).toEqual(cars['b']!.blocks[1]!.data)
    expect(await rejection(third.store.blockstore.bytes(makeCar(99).blocks[0]!.cid))).toMatchObject({ unindexedShards: 0 })
    await third.store.close()
  })

  it('is joined by a second caller, and left by the first without ending', async () => {
    await using h = await openHarness({}, { sources: sources() })
    await fill(h)
    const controller = new AbortController()
    const left = rejection(h.store.rebuildTopLevelIndex({ signal: controller.signal }))
    const both = h.store.rebuildTopLevelIndex()
    controller.abort(new Error('left'))
    expect(await left).toBe(controller.signal.reason)
    expect(await both).toMatchObject({ shards: 4 })
  })

  it('counts a shard whose index file is gone or damaged as unindexed, and lets it be indexed when it is needed', async () => {
    const first = await openHarness({}, { sources: sources() })
    await fill(first)
    const h = await emptied(first)
    await h.files.remove(`index/${indexName('a', 1)}`)
    h.wrong.below.add(`index/${indexName('b', 1)}`)
    const report = await h.store.rebuildTopLevelIndex()
    expect(report.shards).toBe(2)
    expect(report.failures.map(({ key, error }) => [key, codeOf(error)]).sort()).toEqual([['a', 'INDEX_MISSING'], ['b', expect.stringMatching(/^CARV2_/u)]])
    expect(await rejection(h.store.blockstore.bytes(cars['a']!.blocks[1]!.cid))).toMatchObject({ unindexedShards: 2 })
    expect(await h.store.shard('b')).toMatchObject({ health: 'new', indexGeneration: 0 })
    h.wrong.below.clear()
    for (const key of ['a', 'b']) await (await h.store.acquire(key)).close()
    expect(await found(h)).toEqual([['a'], ['b'], ['c'], ['d']])
    await h.store.close()
  })

  it('has a shard in use whose index file is damaged rebuilt at once', async () => {
    const first = await openHarness({}, { sources: sources() })
    await fill(first)
    const h = await emptied(first)
    const lease = await h.store.acquire('a')
    await h.files.remove(`index/${indexName('a', 1)}`)
    expect((await h.store.rebuildTopLevelIndex()).failures).toHaveLength(1)
    await until(async () => (await h.store.shard('a'))?.indexGeneration !== 1)
    await lease.close()
    await until(async () => (await found(h))[0]?.[0] === 'a')
    await h.store.close()
  })

  it('is whole after it was cut off at any write', async () => {
    const cuts = await everyCrash({
      seed: 'rebuild-tli',
      prepare: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        await fill(h)
        await h.store.close()
        // durably: a part of it that comes back is another kind of damage
        const rows = db.sublevel<Uint8Array, Uint8Array>('tli', { keyEncoding: 'view', valueEncoding: 'view' })
        await rows.batch((await rows.keys().all()).map((key) => ({ type: 'del', key })), { sync: true } as object)
      },
      run: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        try {
          await h.store.rebuildTopLevelIndex()
        } finally {
          await h.store.close()
        }
      },
      check: async ({ db, fs }) => {
        await using h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        const shards = await collectAll(h.store.shards())
        expect(shards.map(({ key, health, indexGeneration }) => [key, health, indexGeneration])).toEqual(['a', 'b', 'c', 'd'].map((key) => [key, 'available', 1]))
        await h.store.rebuildTopLevelIndex()
        expect(await found(h)).toEqual([['a'], ['b'], ['c'], ['d']])
        for (const key of Object.keys(cars)) await h.store.destroy(key)
        expect(await found(h)).toEqual([[], [], [], []])
        expect(h.events.filter(({ type }) => type === 'unsaved' || type === 'postponed')).toEqual([])
      },
    })
    expect(cuts).toBeGreaterThan(8)
  })

  it.each([[], [7, 7]])('happens by itself when nobody can say how the index was written (%j), and until then nothing is called absent', async (...bytes) => {
    const first = await openHarness({}, { sources: sources() })
    await fill(first)
    await first.store.close()
    await first.db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).put('v', Uint8Array.from(bytes))
    const { passed, open } = gate()
    const slow: Directory = {
      ...first.files,
      child: (name) => {
        const child = first.files.child(name)
        return name === 'index' ? { ...child, openSource: async (...asked) => { await passed; return child.openSource(...asked) } } : child
      },
    }
    const h = await openHarness({}, { db: first.db, files: slow, sources: first.sources })
    expect(h.events).toContainEqual({ type: 'index-unusable', key: undefined, reason: expect.objectContaining({ code: 'TOP_LEVEL_INDEX_DAMAGED' }) })
    const absent = makeCar(9).blocks[0]!.cid
    expect(codeOf(await rejection(h.store.blockstore.has(absent, { complete: true })))).toBe('BLOCKSTORE_UNREADABLE')
    expect(await rejection(h.store.blockstore.bytes(absent))).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 1 })
    open()
    await until(async () => await h.store.blockstore.has(absent, { complete: true }).catch(() => true) === false)
    expect(await found(h)).toEqual([['a'], ['b'], ['c'], ['d']])
    await h.store.close()
  })

  it('leaves an index of a later version alone', async () => {
    const first = await openHarness({}, { sources: sources() })
    await fill(first)
    await first.store.close()
    await first.db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).put('v', Uint8Array.of(2))
    expect(await rejection(openHarness({}, { db: first.db, files: first.files }))).toMatchObject({
      name: 'DagstoreError', code: 'DAGSTORE_BAD_FORMAT', message: expect.stringMatching(/later version .*needed.* supported=1 found=2/u), cause: { code: 'TOP_LEVEL_INDEX_BAD_FORMAT' },
    })
    expect(await first.db.sublevel<string, Uint8Array>('tli', { valueEncoding: 'view' }).get('v')).toEqual(Uint8Array.of(2))
  })
})
