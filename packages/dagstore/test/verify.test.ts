import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { createIndexBuilder, openIndex, readLayout, scanSections, wrapCar } from '@dagstore/carv2'
import { indexName, openIndexRepo } from '@dagstore/index-repo'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { openTopLevelIndex, shardNumber } from '@dagstore/top-level-index'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { openCatalogue } from '../src/index.ts'
import { codeOf, gate, type Harness, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

const indexed = async (h: Harness, key: string, car = makeCar(1), options = {}): Promise<void> => {
  await h.store.register(key, h.sources.put(key, car, options), { indexing: 'eager' })
}

/** Flip a bit of the first page that is not among those read with the end. */
const damagePage = async (h: Harness, key: string): Promise<void> => {
  const directory = h.files.child('index')
  const name = indexName(key, 1)
  const source = await directory.openSource(name)
  const bytes = await source.read(0, source.sizeBytes)
  await source.close()
  bytes[5000]! ^= 1
  await directory.writeAtomic(name, [bytes])
}

const offsetOf = (bytes: Uint8Array, data: Uint8Array): number => Buffer.from(bytes).indexOf(data)

describe('verify', () => {
  it.each([
    { mode: 'structure', checked: 0 },
    { mode: 'sampled', checked: 64 },
    { mode: 'full', checked: 200 },
  ] as const)('finds nothing wrong with a shard that is right: $mode', async ({ mode, checked }) => {
    await using h = await openHarness()
    const car = makeCar(3, 200, 100)
    await indexed(h, 'a', car)
    const seen: number[] = []
    const report = await h.store.verify('a', { mode, onProgress: ({ doneBytes }) => { seen.push(doneBytes) } })
    expect(report).toEqual({ key: 'a', mode, blocks: 200, bytes: car.bytes.byteLength - 100, checked, bad: [], badCount: 0, repaired: [] })
    expect(seen.length).toBeGreaterThan(0)
    expect(h.sources.open).toBe(0)
  })

  it('lists each block that does not match its CID, and says where', async () => {
    await using h = await openHarness()
    const car = makeCar(3, 200)
    await indexed(h, 'a', car)
    const bytes = car.bytes.slice()
    const broken = [17, 90].map((at) => car.blocks[at]!)
    for (const { data } of broken) bytes[offsetOf(car.bytes, data)]! ^= 1
    h.sources.place('a').bytes = bytes
    const report = await h.store.verify('a', { mode: 'full' })
    expect(report.bad.map(({ code, cid }) => ({ code, cid }))).toEqual(broken.map(({ cid }) => ({ code: 'BLOCKSTORE_HASH_MISMATCH', cid: cid.toString() })))
    for (const [at, { offset }] of report.bad.entries()) {
      expect(offset).toBeLessThan(offsetOf(car.bytes, broken[at]!.data))
      expect(offset).toBeGreaterThan(offsetOf(car.bytes, broken[at]!.data) - 60)
    }
    expect(report).toMatchObject({ checked: 200, badCount: 2, repaired: [] })
    expect(await h.store.verify('a', { mode: 'structure' })).toMatchObject({ badCount: 0 })
  })

  it('lists so many faults at the most, and counts all', async () => {
    await using h = await openHarness()
    const car = makeCar(3, 300)
    await indexed(h, 'a', car)
    const bytes = car.bytes.slice()
    for (const { data } of car.blocks) bytes[offsetOf(car.bytes, data)]! ^= 1
    h.sources.place('a').bytes = bytes
    const report = await h.store.verify('a', { mode: 'full' })
    expect(report.bad).toHaveLength(100)
    expect(report.badCount).toBe(300)
    const sampled = await h.store.verify('a', { mode: 'sampled', seed: 7 })
    expect(sampled).toMatchObject({ checked: 64, badCount: 64 })
    expect(await h.store.verify('a', { mode: 'sampled', seed: 7 })).toEqual(sampled)
    expect((await h.store.verify('a', { mode: 'sampled', seed: 8 })).bad).not.toEqual(sampled.bad)
  })

  it('says where the structure breaks off', async () => {
    await using h = await openHarness()
    const car = makeCar(3, 20)
    await indexed(h, 'a', car)
    const bytes = car.bytes.slice()
    bytes.fill(0xff, bytes.byteLength - 500)
    h.sources.place('a').bytes = bytes
    const report = await h.store.verify('a', { mode: 'structure' })
    expect(report.badCount).toBe(1)
    expect(report.bad[0]).toMatchObject({ code: expect.stringMatching(/^CARV2_/), offset: expect.any(Number) })
    expect(report.blocks).toBeGreaterThan(5)
    expect(report.repaired).toEqual([])
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
  })

  it('builds an index anew that lists other blocks than there are, though its checksums are right', async () => {
    const first = await openHarness()
    const car = makeCar(3, 20)
    await indexed(first, 'a', car)
    await first.store.close()
    const repo = openIndexRepo(first.files.child('index'))
    const view = await openIndex(await repo.open('a', 1), { owns: true })
    const source = createBytesSource(car.bytes)
    const layout = await readLayout(source)
    const builder = createIndexBuilder()
    let at = 0
    for await (const section of scanSections(source, layout)) if (at++ !== 5) builder.add(section)
    const { facts } = view
    const wrong = builder.finish({ payloadStart: 0, payloadEnd: facts.payloadEnd!, carV1Header: car.bytes.slice(0, layout.headerBytes), source: facts.source })
    await view.close()
    await repo.remove('a', 1)
    await repo.write('a', 1, wrong.encode())
    await using h = await openHarness({}, { db: first.db, files: first.files, sources: first.sources })
    const report = await h.store.verify('a', { mode: 'structure' })
    expect(report).toMatchObject({ bad: [], repaired: [{ part: 'index', code: 'CARV2_BAD_INDEX' }] })
    expect(await h.store.shard('a')).toMatchObject({ indexGeneration: 2, health: 'available' })
    expect(h.events.filter(({ type }) => type === 'index-unusable')).toHaveLength(1)
    expect(await h.store.verify('a')).toMatchObject({ repaired: [] })
    expect(await h.store.blockstore.bytes(car.blocks[5]!.cid)).toEqual(car.blocks[5]!.data)
    await until(async () => (await namesIn(h.files)).length === 1)
  })

  it('builds an index anew that is lost or damaged, and says so', async () => {
    await using h = await openHarness()
    await indexed(h, 'a', makeCar(3, 20))
    const [name] = await namesIn(h.files)
    await h.files.remove(name!)
    expect(await h.store.verify('a')).toMatchObject({ bad: [], repaired: [{ part: 'index', code: 'INDEX_MISSING' }] })
    expect(await h.store.verify('a')).toMatchObject({ bad: [], repaired: [] })
  })

  it('finds a damaged page in the middle of an index, and builds it anew', async () => {
    await using h = await openHarness()
    await indexed(h, 'a', makeCar(3, 3000))
    await damagePage(h, 'a')
    const report = await h.store.verify('a', { mode: 'structure' })
    expect(report).toMatchObject({ blocks: 3000, bad: [], repaired: [{ part: 'index', code: 'CARV2_INDEX_DAMAGED' }] })
    expect(await h.store.verify('a', { mode: 'structure' })).toMatchObject({ bad: [], repaired: [] })
  })

  it('says that the mount has other bytes than those that were indexed', async () => {
    await using h = await openHarness()
    await indexed(h, 'a', makeCar(3, 20))
    h.sources.put('a', makeCar(4, 30))
    h.sources.place('a').version = 2
    expect(await h.store.verify('a', { mode: 'full' })).toMatchObject({ blocks: 30, checked: 30, bad: [], repaired: [{ part: 'index', code: 'IO_SOURCE_CHANGED' }] })
  })

  it('counts places of a CARv2 from the start of its file', async () => {
    await using h = await openHarness()
    const car = makeCar(3, 40)
    const directory = createMemoryDirectory('cars')
    const file = await directory.openWritable('a.car', 'new')
    await wrapCar(createBytesSource(car.bytes), file)
    await file.close()
    const source = await directory.openSource('a.car')
    const bytes = await source.read(0, source.sizeBytes)
    const { data, cid } = car.blocks[30]!
    const at = offsetOf(bytes, data)
    bytes[at]! ^= 1
    await h.store.register('a', h.sources.put('a', bytes), { indexing: 'eager' })
    const { bad } = await h.store.verify('a', { mode: 'full' })
    expect(bad).toMatchObject([{ code: 'BLOCKSTORE_HASH_MISMATCH', cid: cid.toString() }])
    expect(at - bad[0]!.offset!).toBeLessThan(50)
    expect(at).toBeGreaterThan(bad[0]!.offset!)
  })

  it('ends when the shard is destroyed by force', async () => {
    await using h = await openHarness()
    await indexed(h, 'a', makeCar(3, 300))
    let reads = 0
    const { passed, open } = gate()
    h.sources.place('a').before = async (step) => { if (step === 'read' && reads++ > 0) await passed }
    const verifying = rejection(h.store.verify('a', { mode: 'full' }))
    await until(() => reads > 1)
    const destroyed = h.store.destroy('a', { mode: 'force' })
    await verifying
    await destroyed
    open()
    expect(h.sources.open).toBe(0)
    expect(await namesIn(h.files)).toEqual(expect.not.arrayContaining([expect.stringMatching(/\.idx$/)]))
  })

  it('writes the entries of a shard again that the top-level index has lost', async () => {
    const first = await openHarness()
    const car = makeCar(3, 600)
    await indexed(first, 'a', car)
    await first.store.close()
    const catalogue = await openCatalogue(first.db)
    const number = shardNumber((await catalogue.get('a'))!.record.index!.shardNumber)
    const top = await openTopLevelIndex(first.db)
    await top.publish(number, car.blocks.slice(0, 590).map(({ cid }) => cid.multihash.bytes)) // a part of it
    await top.close()
    await using h = await openHarness({}, { db: first.db, files: first.files, sources: first.sources })
    const lost = car.blocks[595]!.cid
    expect(await h.store.find(lost.multihash.bytes)).toEqual([])
    expect(await h.store.verify('a')).toMatchObject({ bad: [], repaired: [{ part: 'entries', code: 'TOP_LEVEL_INDEX_INCOMPLETE' }] })
    expect(await h.store.find(lost.multihash.bytes)).toEqual(['a'])
    expect(await h.store.verify('a')).toMatchObject({ repaired: [] })
  })

  it.each(['sampled', 'full'] as const)('keeps and restores the entries of roots that are no sections: %s', async (mode) => {
    const first = await openHarness()
    const made = makeBlocks(3, 20, { min: 10, max: 400 })
    const bytes = carV1([made[0]!.cid], made.slice(1))
    const [away, ...there] = made.map(({ cid }) => ({ cid: CID.decode(cid) }))
    await first.store.register('a', first.sources.put('a', bytes), { indexing: 'eager' })
    const root = away!.cid.multihash.bytes
    expect(await first.store.find(root)).toEqual(['a'])
    await first.store.close()
    const number = shardNumber((await (await openCatalogue(first.db)).get('a'))!.record.index!.shardNumber)
    // first a block is lost and the root is there, then the other way round
    for (const kept of [[away!, ...there.slice(1)], there]) {
      const top = await openTopLevelIndex(first.db)
      await top.publish(number, kept.map(({ cid }) => cid.multihash.bytes))
      await top.close()
      const h = await openHarness({}, { db: first.db, files: first.files, sources: first.sources })
      expect(await h.store.verify('a', { mode })).toMatchObject({ bad: [], repaired: [{ part: 'entries', code: 'TOP_LEVEL_INDEX_INCOMPLETE' }] })
      expect(await h.store.find(root)).toEqual(['a'])
      expect(await h.store.find(there[0]!.cid.multihash.bytes)).toEqual(['a'])
      expect(await h.store.verify('a', { mode })).toMatchObject({ repaired: [] })
      await h.store.close()
    }
  })

  it('misses no lost entry when all are looked up', async () => {
    const first = await openHarness()
    const car = makeCar(3, 3000)
    await indexed(first, 'a', car)
    await first.store.close()
    const number = shardNumber((await (await openCatalogue(first.db)).get('a'))!.record.index!.shardNumber)
    const top = await openTopLevelIndex(first.db)
    await top.publish(number, car.blocks.filter((_, at) => at !== 1234).map(({ cid }) => cid.multihash.bytes))
    await top.close()
    await using h = await openHarness({}, { db: first.db, files: first.files, sources: first.sources })
    expect(await h.store.verify('a', { mode: 'full' })).toMatchObject({ repaired: [{ part: 'entries', code: 'TOP_LEVEL_INDEX_INCOMPLETE' }] })
    expect(await h.store.find(car.blocks[1234]!.cid.multihash.bytes)).toEqual(['a'])
  })

  it('verifies a CARv2 and a copy as well, one verification of a shard after another', async () => {
    await using h = await openHarness()
    await indexed(h, 'a', makeCar(3, 50), { access: 'sequential' })
    const reports = await Promise.all([h.store.verify('a', { mode: 'full' }), h.store.verify('a', { mode: 'full' })])
    for (const report of reports) expect(report).toMatchObject({ blocks: 50, checked: 50, badCount: 0, repaired: [] })
  })

  it('rejects for a shard that cannot be acquired, and when its signal fires', async () => {
    await using h = await openHarness()
    expect(codeOf(await rejection(h.store.verify('a')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    expect(codeOf(await rejection(h.store.verify('')))).toBe('DAGSTORE_BAD_KEY')
    await indexed(h, 'a', makeCar(3, 50))
    const { passed, open } = gate()
    let reads = 0
    h.sources.place('a').before = async (step) => { if (step === 'read' && ++reads > 0) await passed }
    const leaving = new AbortController()
    const verifying = rejection(h.store.verify('a', { signal: leaving.signal, mode: 'full' }))
    await until(() => reads > 0)
    leaving.abort(new Error('gone'))
    expect(await verifying).toBe(leaving.signal.reason)
    open()
    await h.store.close()
    expect(h.sources.open).toBe(0)
  })
})
