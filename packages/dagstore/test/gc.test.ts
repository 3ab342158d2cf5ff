import { everyCrash } from '@dagstore-tooling/testkit'
import { indexName } from '@dagstore/index-repo'
import { transientName } from '@dagstore/mounts'
import { openTopLevelIndex, shardNumber } from '@dagstore/top-level-index'
import { describe, expect, it } from 'vitest'
import { type GcReport, openCatalogue } from '../src/index.ts'
import { codeOf, collectAll, gate, type Harness, makeCar, namesIn, openHarness, rejection, Sources, until } from './harness.ts'

const car = makeCar(1)
const brief = ({ items }: GcReport): string[] => items.map(({ key, kind }) => `${kind} ${key ?? '-'}`).sort()
const copies = async (h: Pick<Harness, 'files'>): Promise<string[]> => (await namesIn(h.files)).filter((name) => name.startsWith('transients/') && name.endsWith('.transient'))
const sequential = async (h: Harness, ...keys: string[]): Promise<void> => {
  for (const key of keys) await h.store.register(key, h.sources.put(key, car, { access: 'sequential' }), { indexing: 'eager' })
}

describe('gc', () => {
  it('gives back copies that nobody reads, and says before what would go', async () => {
    await using h = await openHarness()
    await sequential(h, 'a', 'b')
    await h.store.register('c', h.sources.put('c', car), { indexing: 'eager' })
    const lease = await h.store.acquire('b')
    const before = await namesIn(h.files)
    const progress: unknown[] = []
    const dry = await h.store.gc({ dryRun: true, onProgress: (event) => { progress.push(event) } })
    expect(brief(dry)).toEqual(['transient a'])
    expect(dry).toMatchObject({ failures: 0, unreadRecords: 0 })
    expect(dry.reclaimedBytes).toBeGreaterThanOrEqual(car.bytes.byteLength)
    expect(progress).toEqual([{ done: 1, failed: 0, total: undefined }])
    expect(await namesIn(h.files)).toEqual(before)
    expect(await h.store.gc()).toEqual(dry)
    expect(await copies(h)).toEqual([`transients/${transientName('b', 1)}`])
    expect(await lease.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    await lease.close()
    // fetched again when it is needed
    const again = await h.store.acquire('a')
    expect(await again.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    await again.close()
    expect(h.sources.opens.get('a')).toBeGreaterThan(1)
    await until(async () => (await h.store.gc({ dryRun: true })).items.length === 2)
  })

  it('deletes index files of ours that no record names, and leaves those that it needs and all others', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    await h.store.register('lazy', 'test:a')
    const ours = [indexName('a', 0), indexName('gone', 4), indexName('lazy', 2)]
    const foreign = ['index/a.full.idx', 'index/5e/notes.txt', 'index/zz/a.1.full.idx', 'index/readme', `index/00/${indexName('b', 1).slice(3)}`, 'transients/3f/mine.car', 'transients/notes', 'other/file']
    for (const name of [...ours.map((one) => `index/${one}`), ...foreign]) await h.files.writeAtomic(name, [new Uint8Array(10)])
    const dry = await h.store.gc({ dryRun: true })
    expect(dry.items.map(({ key, kind, name, bytes }) => [key, kind, name, bytes]).sort()).toEqual([['a', ours[0]], ['gone', ours[1]], ['lazy', ours[2]]].map(([key, name]) => [key, 'orphan', name, 10]))
    expect(await h.store.gc()).toEqual(dry)
    expect((await namesIn(h.files)).sort()).toEqual([...foreign, `index/${indexName('a', 1)}`].sort())
    expect(await h.store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    expect((await h.store.gc()).items).toEqual([])
  })

  it('deletes no index file of a shard that is used', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    await h.files.writeAtomic(`index/${indexName('a', 7)}`, [new Uint8Array(10)])
    expect((await h.store.gc()).items).toEqual([])
    await lease.close()
    await until(async () => (await h.store.gc()).items.some(({ kind, key }) => kind === 'orphan' && key === 'a'))
    expect(await namesIn(h.files)).toEqual([`index/${indexName('a', 1)}`])
  })

  it('D19: counts nothing as an orphan while a record cannot be read', async () => {
    await using h = await openHarness()
    await sequential(h, 'a', 'b')
    const rows = h.db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
    const row = new TextEncoder().encode('rb')
    const good = await rows.get(row)
    await rows.put(row, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0x7b))
    await h.files.writeAtomic(`index/${indexName('gone', 1)}`, [new Uint8Array(10)])
    const report = await h.store.gc()
    expect(report.unreadRecords).toBe(1)
    expect(brief(report)).toEqual(['transient a'])
    expect(await namesIn(h.files)).toEqual(expect.arrayContaining([`index/${indexName('gone', 1)}`, `index/${indexName('b', 1)}`, `transients/${transientName('b', 1)}`]))
    await rows.put(row, good!)
    expect(brief(await h.store.gc())).toEqual(['orphan gone', 'transient b'])
  })

  it('retires what was published under numbers that nobody knows, and nothing of what is being built', async () => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    const catalogue = await openCatalogue(first.db)
    const top = await openTopLevelIndex(first.db)
    const other = makeCar(7).blocks[0]!.cid.multihash.bytes
    const used = (await catalogue.get('a'))!.record.index!.shardNumber
    const stored = (await catalogue.get('a'))!
    // numbers of a process that ended before it named them; the last commit has counted further
    const lost = [used + 1, used + 2]
    for (const number of lost) await top.publish(shardNumber(number), [other, car.blocks[0]!.cid.multihash.bytes])
    for (let taken = 0; taken < 3; taken++) catalogue.takeNumber()
    await catalogue.commit([{ key: 'a', ifVersion: stored.version, record: stored.record }])
    await using h = await first.reopen()
    const dry = await h.store.gc({ dryRun: true })
    expect(dry.items.map(({ kind, name }) => `${kind} ${name}`)).toEqual(lost.map((number) => `orphan shard number ${number}`))
    const { passed, open } = gate()
    h.sources.put('b', car)
    h.sources.place('b').before = async (step) => { if (step === 'open') await passed }
    const building = h.store.register('b', 'test:b', { indexing: 'eager' })
    await until(async () => (await h.store.shard('b'))?.health === 'initializing')
    expect(brief(await h.store.gc())).toEqual(['entries -', 'orphan -', 'orphan -'])
    open()
    await building
    expect((await h.store.gc()).items).toEqual([])
    expect((await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toSorted()).toEqual(['a', 'b'])
    expect(await h.store.find(other)).toEqual([])
  })

  it('deletes what a crash left to be deleted, and retires its entries', async () => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    await using h = await first.reopen()
    await until(async () => (await h.store.shard('a'))?.health === 'available')
    const catalogue = await openCatalogue(h.db)
    const stored = (await catalogue.get('a'))!
    await h.files.writeAtomic(`index/${indexName('a', 7)}`, [new Uint8Array(33)])
    await catalogue.commit([{ key: 'a', ifVersion: stored.version, record: stored.record, garbage: [{ kind: 'index', generation: 7, shardNumber: 1000 }] }])
    expect((await h.store.gc({ dryRun: true })).items).toEqual([{ key: 'a', kind: 'index', name: indexName('a', 7), bytes: 33 }])
    expect((await h.store.gc())).toMatchObject({ reclaimedBytes: 33, failures: 0 })
    expect(await collectAll(catalogue.garbage(undefined))).toEqual([])
    expect((await namesIn(h.files))).toEqual([`index/${indexName('a', 1)}`])
  })

  it('gives back the space of retired entries', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    await h.store.destroy('a')
    expect((await h.store.gc({ dryRun: true })).items).toEqual([{ key: undefined, kind: 'entries', name: String(car.blocks.length), bytes: 0 }])
    expect(brief(await h.store.gc())).toEqual(['entries -'])
    expect((await h.store.gc()).items).toEqual([])
  })

  it('tells what it could not delete, and goes on', async () => {
    const first = await openHarness()
    for (const key of ['x', 'y']) await first.files.writeAtomic(`index/${indexName(key, 1)}`, [new Uint8Array(5)])
    const failing = (directory: typeof first.files): typeof first.files => ({
      ...directory,
      child: (name) => failing(directory.child(name)),
      remove: async (name) => {
        if (name.endsWith(indexName('x', 1))) throw Object.assign(new Error('read only'), { code: 'IO_FORBIDDEN' })
        return directory.remove(name)
      },
    })
    await using h = await openHarness({}, { db: first.db, files: failing(first.files), sources: first.sources })
    await first.store.close()
    const report = await h.store.gc()
    expect(report).toMatchObject({ failures: 1, reclaimedBytes: 5 })
    expect(report.items.map(({ key, error }) => [key, codeOf(error)]).sort()).toEqual([['x', 'IO_FORBIDDEN'], ['y', undefined]])
  })

  it('D32: is left by its caller, and ended by the store, without holding up anybody', async () => {
    const first = await openHarness()
    await first.files.writeAtomic(`index/${indexName('x', 1)}`, [new Uint8Array(5)])
    const { passed, open } = gate()
    let reached = 0
    const slow = (directory: typeof first.files): typeof first.files => ({
      ...directory,
      child: (name) => slow(directory.child(name)),
      list: async (name) => {
        reached++
        await passed
        return directory.list(name)
      },
    })
    const h = await openHarness({}, { db: first.db, files: slow(first.files), sources: first.sources })
    await first.store.close()
    const controller = new AbortController()
    const left = rejection(h.store.gc({ signal: controller.signal }))
    await until(() => reached > 0)
    controller.abort(new Error('left'))
    expect(await left).toBe(controller.signal.reason)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    expect(await lease.blockstore.has(car.blocks[0]!.cid)).toBe(true)
    await lease.close()
    const cut = rejection(h.store.gc())
    const closed = h.store.close()
    expect(codeOf(await cut)).toBe('DAGSTORE_CLOSED')
    open()
    await closed
    expect(codeOf(await rejection(h.store.gc()))).toBe('DAGSTORE_CLOSED')
  })

  it('harms nobody who registers, acquires, recovers and destroys meanwhile', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 4 })
    const keys = Array.from({ length: 12 }, (_, at) => `k${at}`)
    for (const key of keys) h.sources.put(key, makeCar(Number(key.slice(1)) + 1), { access: Number(key.slice(1)) % 2 === 0 ? 'sequential' : 'random' })
    let busy = true
    const collecting = (async () => { while (busy) await h.store.gc() })()
    await Promise.all(keys.map(async (key, at) => {
      const blocks = makeCar(at + 1).blocks
      for (let round = 0; round < 4; round++) {
        const lease = await h.store.acquire(key, { registerAs: `test:${key}` })
        for (const { cid, data } of blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
        await lease.close()
        if (round === 1 && at % 3 === 0) await h.store.destroy(key)
      }
    }))
    busy = false
    await collecting
    expect((await collectAll(h.store.shards({ health: 'available' })))).toHaveLength(12)
    expect(h.events.filter(({ type }) => type === 'index-unusable' || type === 'unsaved' || type === 'postponed')).toEqual([])
  })

  it('leaves every shard as it was when it is cut off after any write', async () => {
    const put = (): Sources => {
      const sources = new Sources()
      for (const key of ['a', 'b']) sources.put(key, car, { access: key === 'a' ? 'sequential' : 'random' })
      return sources
    }
    const cuts = await everyCrash({
      seed: 'gc',
      prepare: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: put() })
        for (const key of ['a', 'b', 'c']) await h.store.register(key, `test:${key === 'c' ? 'a' : key}`, { indexing: 'eager' })
        await h.store.destroy('c')
        await fs.directory.writeAtomic(`index/${indexName('x', 1)}`, [new Uint8Array(5)])
        await h.store.close()
      },
      run: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: put() })
        try {
          await h.store.gc()
        } finally {
          await h.store.close()
        }
      },
      check: async ({ db, fs }) => {
        await using h = await openHarness({}, { db, files: fs.directory, sources: put() })
        for (const key of ['a', 'b']) {
          const lease = await h.store.acquire(key)
          expect(await lease.blockstore.bytes(car.blocks[2]!.cid)).toEqual(car.blocks[2]!.data)
          expect(lease.indexGeneration).toBe(1)
          await lease.close()
        }
        expect([...await h.store.find(car.blocks[2]!.cid.multihash.bytes)].sort()).toEqual(['a', 'b'])
        await h.store.gc()
        expect((await namesIn(fs.directory)).filter((name) => name.startsWith('index/')).sort()).toEqual([`index/${indexName('a', 1)}`, `index/${indexName('b', 1)}`].sort())
      },
    })
    expect(cuts).toBeGreaterThan(1)
  })
})
