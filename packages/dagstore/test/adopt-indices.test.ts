import { everyCrash } from '@dagstore-tooling/testkit'
import { buildIndex } from '@dagstore/carv2'
import { indexName } from '@dagstore/index-repo'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, createMemoryDirectory, type Directory } from '@dagstore/io'
import { createMountRegistry } from '@dagstore/mounts'
import { createMemoryTopLevelIndex, type TopLevelIndex } from '@dagstore/top-level-index'
import { describe, expect, it } from 'vitest'
import { createMemoryCatalogue, openDagstore } from '../src/index.ts'
import { codeOf, collectAll, gate, type Harness, makeCar, namesIn, openHarness, rejection, Sources, type TestCar, until } from './harness.ts'

const car = makeCar(1)
const joined = (chunks: Iterable<Uint8Array>): Uint8Array => Uint8Array.from([...chunks].flatMap((chunk) => [...chunk]))
const goIndex = async ({ bytes }: Pick<TestCar, 'bytes'>, codec: 0x0400 | 0x0401 = 0x0401): Promise<Uint8Array> =>
  joined((await buildIndex(createBytesSource(bytes))).encodeStandard(codec))
const folderOf = async (files: Readonly<Record<string, Uint8Array>>, version: number | undefined = 0x31): Promise<Directory> => {
  const folder = createMemoryDirectory('go')
  if (version !== undefined) await folder.writeAtomic('.version', [Uint8Array.of(version)])
  for (const [name, bytes] of Object.entries(files)) await folder.writeAtomic(name, [bytes])
  return folder
}
/** Waits until a source has been read so far that its scan is under way, and keeps it there. */
const holdScans = (h: Harness, name: string): () => void => {
  const { passed, open } = gate()
  let opens = 0
  h.sources.place(name).before = async (step, signal) => {
    if (step !== 'open' || ++opens < 2) return
    await Promise.race([passed, new Promise((_, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason) }) })])
  }
  return open
}

describe('adoptIndices', () => {
  it.each([{ codec: 0x0401 as const, listed: ['a'] }, { codec: 0x0400 as const, listed: [] }])('serves hits of an index of codec $codec before the data is scanned, then replaces it', async ({ codec, listed }) => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', car))
    const folder = await folderOf({ 'a.full.idx': await goIndex(car, codec), 'notes.txt': Uint8Array.of(1), '.full.idx': Uint8Array.of(1) })
    const progress: unknown[] = []
    expect(await collectAll(h.store.adoptIndices(folder, { onProgress: (event) => { progress.push(event) } }))).toEqual([{ key: 'a', ok: true, adopted: true, entries: car.blocks.length }])
    // it may not list all blocks, so the shard waits to be indexed
    expect((await collectAll(h.store.shards({ unindexed: true }))).map(({ key, health }) => ({ key, health }))).toContainEqual({ key: 'a', health: 'available' })
    expect(progress).toEqual([{ done: 1, failed: 0, total: 1 }])
    expect(h.sources.opens.size).toBe(0)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
    expect(await h.store.find(car.blocks[1]!.cid.multihash.bytes)).toEqual(listed)
    // nobody knows whether it lists every section
    expect(await rejection(h.store.blockstore.bytes(makeCar(9).blocks[0]!.cid))).toMatchObject({ unindexedShards: 1 })
    const open = holdScans(h, 'a')
    const first = await h.store.acquire('a')
    const second = await h.store.acquire('a')
    for (const { cid, data } of car.blocks) expect(await first.blockstore.bytes(cid)).toEqual(data)
    expect(await second.blockstore.has(car.blocks[0]!.cid)).toBe(true)
    expect([first.indexGeneration, second.indexGeneration]).toEqual([1, 1])
    open()
    await until(async () => (await h.store.shard('a'))?.indexGeneration === 2)
    await first.close()
    await second.close()
    expect(await h.store.find(car.blocks[1]!.cid.multihash.bytes)).toEqual(['a'])
    expect(await rejection(h.store.blockstore.bytes(makeCar(9).blocks[0]!.cid))).toMatchObject({ unindexedShards: 0 })
    await until(async () => (await namesIn(h.files)).join() === `index/${indexName('a', 2)}`)
    expect(await namesIn(folder)).toHaveLength(4)
    expect(h.events.filter(({ type }) => type === 'index-unusable' || type === 'ignored')).toEqual([])
  })

  it('takes no miss of an adopted index for absence', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', car))
    const shorter = makeCar(1, 5)
    expect(car.bytes.subarray(0, shorter.bytes.byteLength)).toEqual(shorter.bytes)
    const partial = await goIndex(shorter)
    await collectAll(h.store.adoptIndices(await folderOf({ 'a.full.idx': partial })))
    const lease = await h.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[6]!.cid)).toEqual(car.blocks[6]!.data)
    expect(await lease.blockstore.has(car.blocks[7]!.cid)).toBe(true)
    expect(await lease.blockstore.has(makeCar(9).blocks[0]!.cid)).toBe(false)
    await lease.close()
  })

  it('finds out an index of other bytes, and builds one', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', car))
    await collectAll(h.store.adoptIndices(await folderOf({ 'a.full.idx': await goIndex(makeCar(2)) })))
    const lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(2)
    for (const { cid, data } of car.blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
    await lease.close()
    expect(await h.store.find(makeCar(2).blocks[0]!.cid.multihash.bytes)).toEqual([])
  })

  it.each(['acquired', 'destroyed'])('takes the place of nothing in a shard that is %s while its index is copied, and leaves nothing behind', async (what) => {
    const top = createMemoryTopLevelIndex()
    const [begun, passed] = [gate(), gate()]
    let publishes = 0
    const slow: TopLevelIndex = {
      ...top,
      publish: async (...args) => {
        begun.open()
        if (++publishes === 1) await passed.passed
        return top.publish(...args)
      },
    }
    const [files, sources] = [createMemoryDirectory('test'), new Sources()]
    await using store = await openDagstore({ catalogue: createMemoryCatalogue(), topLevelIndex: slow, files, mounts: createMountRegistry([sources]), hashes: createHashes() })
    await store.register('a', sources.put('a', car))
    const adopting = collectAll(store.adoptIndices(await folderOf({ 'a.full.idx': await goIndex(car) })))
    await begun.passed
    const meanwhile = what === 'destroyed' ? store.destroy('a') : store.acquire('a').then((lease) => lease.close())
    await (what === 'destroyed' ? until(async () => (await store.shard('a'))?.destroying === true) : meanwhile)
    passed.open()
    expect(await adopting).toEqual([{ key: 'a', ok: true, adopted: false, entries: 0 }])
    await meanwhile
    await until(async () => (await namesIn(files)).join() === (what === 'destroyed' ? '' : `index/${indexName('a', 2)}`))
    expect((await top.find(car.blocks[0]!.cid.multihash.bytes)).shards).toHaveLength(what === 'destroyed' ? 0 : 1)
    expect(await store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual(what === 'destroyed' ? [] : ['a'])
  })

  it('tells of each file what became of it', async () => {
    await using h = await openHarness()
    for (const key of ['a', 'b', 'c', 'd', 'e']) await h.store.register(key, h.sources.put(key, car))
    await (await h.store.acquire('b')).close()
    h.sources.put('e', new Uint8Array(5))
    await h.store.acquire('e').catch(() => {})
    const good = await goIndex(car)
    const folder = await folderOf({
      'a.full.idx': good, 'b.full.idx': good, 'c.full.idx': good.subarray(0, 40), 'd.full.idx': new Uint8Array(10), 'e.full.idx': good, 'unknown.full.idx': good, [`${'x'.repeat(600)}.full.idx`]: good,
    })
    const outcomes = await collectAll(h.store.adoptIndices(folder))
    expect(outcomes.map((outcome) => [outcome.key.slice(0, 7), outcome.ok ? outcome.adopted : codeOf(outcome.error)])).toEqual([
      ['a', true], ['b', false], ['c', 'CARV2_BAD_INDEX'], ['d', 'CARV2_UNKNOWN_INDEX'], ['e', false], ['unknown', 'DAGSTORE_SHARD_UNKNOWN'], ['xxxxxxx', 'DAGSTORE_BAD_KEY'],
    ])
    expect((await collectAll(h.store.adoptIndices(folder)))[0]).toMatchObject({ adopted: false })
    expect(codeOf(await rejection(collectAll(h.store.adoptIndices(await folderOf({}, 0x32)))))).toBe('DAGSTORE_BAD_FORMAT')
    expect(await collectAll(h.store.adoptIndices(createMemoryDirectory('empty')))).toEqual([])
  })

  it('takes over those of the keys that are asked for, without a list of the folder', async () => {
    await using h = await openHarness()
    for (const key of ['a', 'b', 'c']) await h.store.register(key, h.sources.put(key, car))
    const good = await goIndex(car)
    const folder = { ...await folderOf({ 'a.full.idx': good, 'b.full.idx': good }), list: async () => { throw new Error('not to be listed') } }
    const outcomes = await collectAll(h.store.adoptIndices(folder, { keys: ['b', 'c', '../a'] }))
    expect(outcomes.map((outcome) => [outcome.key, outcome.ok ? outcome.adopted : codeOf(outcome.error)])).toEqual([['b', true], ['c', 'IO_NOT_FOUND'], ['../a', 'DAGSTORE_SHARD_UNKNOWN']])
    expect((await h.store.shard('a'))?.health).toBe('new')
  })

  it('goes round with exportIndices, and survives a restart, a rebuild of the top-level index, gc and destruction', async () => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    const folder = createMemoryDirectory('go')
    await collectAll(first.store.exportIndices(folder))
    await first.store.close()
    const second = await openHarness({}, { sources: first.sources })
    await second.store.register('a', 'test:a')
    await collectAll(second.store.adoptIndices(folder))
    await using h = await second.reopen()
    expect(await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual(['a'])
    expect(await h.store.rebuildTopLevelIndex()).toMatchObject({ shards: 1, failures: [] })
    expect((await h.store.gc()).items.filter(({ kind }) => kind !== 'entries')).toEqual([])
    expect(await h.store.blockstore.bytes(car.blocks[5]!.cid)).toEqual(car.blocks[5]!.data)
    await h.store.destroy('a')
    expect(await namesIn(h.files)).toEqual([])
  })

  it('leaves no shard worse than it was when it is cut off after any write', async () => {
    const sources = (): Sources => {
      const made = new Sources()
      made.put('a', car)
      return made
    }
    const index = await goIndex(car)
    const cuts = await everyCrash({
      seed: 'adopt-indices',
      prepare: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        await h.store.register('a', 'test:a')
        await h.store.close()
      },
      run: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        try {
          const [outcome] = await collectAll(h.store.adoptIndices(await folderOf({ 'a.full.idx': index })))
          if (outcome?.ok === false) throw outcome.error
        } finally {
          await h.store.close()
        }
      },
      check: async ({ db, fs }) => {
        await using h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        if ((await h.store.shard('a'))?.health === 'available') expect(await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual(['a'])
        expect(await collectAll(h.store.adoptIndices(await folderOf({ 'a.full.idx': index })))).toMatchObject([{ key: 'a', ok: true }])
        const lease = await h.store.acquire('a')
        expect(await lease.blockstore.bytes(car.blocks[2]!.cid)).toEqual(car.blocks[2]!.data)
        await lease.close()
        await h.store.gc()
        await h.store.destroy('a')
        await h.store.gc()
        expect((await namesIn(fs.directory)).filter((name) => name.startsWith('index/'))).toEqual([])
      },
    })
    expect(cuts).toBeGreaterThan(4)
  })
})
