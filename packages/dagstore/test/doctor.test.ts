import { readFileSync } from 'node:fs'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { indexName } from '@dagstore/index-repo'
import { IoError } from '@dagstore/io'
import { openTopLevelIndex, shardNumber } from '@dagstore/top-level-index'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it } from 'vitest'
import { decodeFindings, encodeFindings } from '../src/catalogue/finding.ts'
import { createBudget } from '../src/budget.ts'
import { createMemoryCatalogue, createMetrics, openCatalogue, type ShardCatalogue, type ShardRecord } from '../src/index.ts'
import { collectAll, type Harness, makeCar, openHarness, until } from './harness.ts'

const FAST = { bytesPerSecond: 1e12, rowsPerSecond: 1e12 }

const indexed = async (h: Harness, ...keys: readonly string[]): Promise<void> => {
  for (const [at, key] of keys.entries()) await h.store.register(key, h.sources.put(key, makeCar(at + 1, 20)), { indexing: 'eager' })
}

/** A store whose shards are checked from now on; `checked` counts them. */
const examined = async (from: Harness, doctor = {}): Promise<{ h: Harness, clock: ReturnType<typeof createFakeClock>, checked: () => number }> => {
  const clock = createFakeClock()
  const metrics = createMetrics()
  const h = await from.reopen({ clock, metrics, doctor: { ...FAST, ...doctor } })
  return { h, clock, checked: () => metrics.snapshot().counters.find(({ name }) => name === 'doctor.shards')?.value ?? 0 }
}

const codes = async (h: Harness, key: string): Promise<string[]> => (await h.store.shard(key))?.findings.map(({ code }) => code) ?? []

describe('a budget', () => {
  it('lets through what was saved up, and then so much per second', async () => {
    const clock = createFakeClock()
    const budget = createBudget(clock, 100)
    await budget.take(100)
    let done = false
    const late = budget.take(50).then(() => { done = true })
    await clock.advance(499)
    expect(done).toBe(false)
    await clock.advance(1)
    await late
    expect(budget.tryTake(1)).toBe(false)
    await clock.advance(10_000)
    expect(budget.tryTake(101)).toBe(false)
    expect(budget.tryTake(100)).toBe(true)
  })

  it('makes whoever comes after a large amount wait for it, and is left by a signal', async () => {
    const clock = createFakeClock()
    const budget = createBudget(clock, 10)
    const leaving = new AbortController()
    const large = budget.take(110, { signal: leaving.signal })
    const refused = large.catch((error: unknown) => error)
    leaving.abort(new Error('gone'))
    expect(await refused).toBe(leaving.signal.reason)
    let done = false
    const next = budget.take(10).then(() => { done = true })
    await clock.advance(10_000)
    expect(done).toBe(false)
    await clock.advance(1000)
    await next
  })
})

const record: ShardRecord = {
  url: 'test:a', localCopy: undefined, health: 'new', destroying: false, dataGeneration: 0, lastDataGeneration: 0, indexGeneration: 0, index: undefined, building: undefined, refresh: undefined, failure: undefined,
}

describe('findings as bytes', () => {
  const finding = { check: 'index', code: 'INDEX_MISSING', message: 'no such index; …', at: '2026-11-20T10:02:00.000Z', repairedAt: '2026-11-20T10:02:01.000Z' } as const

  it('are those of docs/formats/catalogue.md', () => {
    const page = readFileSync(new URL('../../../docs/formats/catalogue.md', import.meta.url), 'utf8').split('## Findings')[1]!
    const example = /^ {4}(\{.*)\n {5}(.*\})$/mu.exec(page)!
    expect(new TextDecoder().decode(encodeFindings({ shardNumber: 7, findings: [finding] }))).toBe(`${example[1]}${example[2]}`)
  })

  it('say nothing when they cannot be read', () => {
    expect(decodeFindings(encodeFindings({ shardNumber: 7, findings: [finding] }))).toEqual({ shardNumber: 7, findings: [finding] })
    const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
    const bad = [new Uint8Array(0), Uint8Array.of(0xff), json(7), json(null), json({ findings: [] }), json({ shardNumber: 1 }), json({ shardNumber: 1, findings: [{}] }), json({ shardNumber: 1, findings: [{ ...finding, check: 'x' }] }), json({ shardNumber: 1, findings: [{ ...finding, repairedAt: 1 }] })]
    for (const bytes of bad) expect(decodeFindings(bytes)).toBeUndefined()
  })
})

describe.each([
  { name: 'in memory', open: async (): Promise<ShardCatalogue> => createMemoryCatalogue() },
  { name: 'in a database', open: async (): Promise<ShardCatalogue> => openCatalogue(new MemoryLevel<any, any>({ storeEncoding: 'view' })) },
])('findings in a catalogue $name', ({ open }) => {
  it('are kept by shard, listed in pages, and go with the record', async () => {
    const catalogue = await open()
    const finding = { check: 'index', code: 'INDEX_MISSING', message: 'lost', at: '2026-11-20T10:02:00.000Z' } as const
    for (const key of ['a', 'b', 'c']) {
      await catalogue.commit([{ key, ifVersion: 'absent', record }])
      await catalogue.setFindings(key, { shardNumber: 7, findings: [finding, { ...finding, check: 'blocks', repairedAt: finding.at }] })
    }
    expect(await catalogue.findings('a')).toEqual({ shardNumber: 7, findings: [finding, { ...finding, check: 'blocks', repairedAt: finding.at }] })
    expect((await catalogue.findingsPage({ limit: 2 })).map(({ key }) => key)).toEqual(['a', 'b'])
    expect((await catalogue.findingsPage({ after: 'b', limit: 2 })).map(({ key }) => key)).toEqual(['c'])
    await catalogue.setFindings('b', { shardNumber: 7, findings: [] })
    await catalogue.commit([{ key: 'c', ifVersion: 1n, record: undefined }])
    expect((await catalogue.findingsPage({ limit: 9 })).map(({ key }) => key)).toEqual(['a'])
    expect(await catalogue.findings('c')).toBeUndefined()
  })
})

describe('the doctor', () => {
  it('finds nothing wrong with shards that are right, and reads none of what readers keep', async () => {
    const first = await openHarness()
    await indexed(first, 'a', 'b')
    await first.store.register('lazy', first.sources.put('lazy', makeCar(9)))
    const { h, checked } = await examined(first)
    await using _ = h
    await until(() => checked() === 2)
    expect(await collectAll(h.store.doctorFindings())).toEqual([])
    expect(h.sources.open).toBe(0)
    expect(await h.store.shard('lazy')).toMatchObject({ health: 'new', findings: [] })
  })

  it('finds a source that is gone, writes it down, shows it, and takes it back when it is there again', async () => {
    const first = await openHarness()
    await indexed(first, 'a', 'b')
    const { bytes } = first.sources.place('a')
    first.sources.place('a').bytes = undefined
    const { h, clock, checked } = await examined(first)
    await until(() => checked() === 2)
    await until(async () => (await codes(h, 'a')).length > 0)
    expect(await codes(h, 'a')).toEqual(['MOUNT_MISSING'])
    expect(await collectAll(h.store.doctorFindings())).toMatchObject([{ key: 'a', findings: [{ check: 'source', code: 'MOUNT_MISSING', at: '2021-08-17T00:00:00.000Z' }] }])
    expect(await collectAll(h.store.doctorFindings({ after: 'a' }))).toEqual([])
    expect(h.events.filter(({ type }) => type === 'finding')).toHaveLength(1)
    const why = await h.store.why(makeCar(1, 20).blocks[0]!.cid)
    expect(why.steps.find(({ name }) => name === 'state')?.detail).toBe('Available; found MOUNT_MISSING 2021-08-17 00:00')
    // found again in the next round: it is not news, and stays as old as it is
    await clock.advance(600_000)
    await until(() => checked() === 4)
    expect(h.events.filter(({ type }) => type === 'finding')).toHaveLength(1)
    expect((await h.store.shard('a'))?.findings[0]?.at).toBe('2021-08-17T00:00:00.000Z')
    h.sources.place('a').bytes = bytes
    await clock.advance(600_000)
    await until(() => checked() === 6)
    await until(async () => (await codes(h, 'a')).length === 0)
    await h.store.close()
  })

  it('goes on where the last process stopped', async () => {
    const first = await openHarness()
    await indexed(first, 'a', 'b', 'c')
    const { db } = first
    await first.store.close()
    await (await openCatalogue(db)).setNote('doctor', new TextEncoder().encode('b'))
    first.sources.place('a').bytes = undefined
    first.sources.place('c').bytes = undefined
    const metrics = createMetrics()
    await using h = await openHarness({ metrics, doctor: FAST }, { db, files: first.files, sources: first.sources })
    // then the round that begins with the first shard
    await until(async () => (await codes(h, 'a')).length > 0)
    expect(h.events.flatMap((event) => event.type === 'finding' ? [event.key] : [])).toEqual(['c', 'a'])
  })

  it('does not begin anew with a shard whose check was cut off', async () => {
    const first = await openHarness()
    await indexed(first, 'a', 'b')
    first.sources.place('b').bytes = undefined
    const { h, clock } = await examined(first, { rowsPerSecond: 10 })
    await until(() => clock.sleeping > 0)
    const next = await examined(h)
    await until(async () => (await codes(next.h, 'b')).length > 0)
    await until(() => next.checked() === 3)
    await next.h.store.close()
  })

  it('takes a source that cannot be read for nothing else, and leaves the index alone', async () => {
    const first = await openHarness()
    await indexed(first, 'a')
    first.sources.place('a').before = async (step) => { if (step === 'read') throw new IoError('IO_FAILED', 'EIO', { retry: 'later' }) }
    const { h, checked } = await examined(first)
    await until(() => checked() === 1)
    await until(async () => (await codes(h, 'a')).length > 0)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1, findings: [{ check: 'source', code: 'IO_FAILED' }] })
    await h.store.close()
  })

  it('repairs nothing where that needs a source which is gone', async () => {
    const first = await openHarness()
    await indexed(first, 'a')
    first.sources.place('a').bytes = undefined
    await first.files.remove(`index/${indexName('a', 1)}`)
    const { h } = await examined(first)
    await until(async () => (await codes(h, 'a')).length > 0)
    expect(await codes(h, 'a')).toEqual(['MOUNT_MISSING', 'INDEX_MISSING'])
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
    await h.store.close()
  })

  it('does not give up what can still be read of a shard with a broken section', async () => {
    const first = await openHarness()
    await indexed(first, 'a')
    const car = makeCar(1, 20)
    const bytes = car.bytes.slice()
    bytes.fill(0xff, Buffer.from(car.bytes).indexOf(car.blocks[1]!.data) + car.blocks[1]!.data.byteLength)
    first.sources.place('a').bytes = bytes
    const { h, checked } = await examined(first)
    await until(() => checked() === 1)
    await until(async () => (await codes(h, 'a')).length > 0)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1, findings: [{ check: 'blocks', code: 'BLOCKSTORE_UNREADABLE' }] })
    expect((await h.store.shard('a'))?.findings[0]?.repairedAt).toBeUndefined()
    expect(await h.store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    await h.store.close()
  })

  it('keeps no source open meanwhile, and says nothing about an index that was replaced', async () => {
    const first = await openHarness()
    await indexed(first, 'a')
    const { h, clock, checked } = await examined(first, { rowsPerSecond: 10 })
    await until(() => clock.sleeping > 0)
    expect(h.sources.open).toBe(0)
    h.sources.put('a', makeCar(7, 30))
    h.sources.place('a').version = 2
    await h.store.refresh('a')
    for (let ms = 0; ms < 20_000 && checked() === 0; ms += 100) {
      await clock.advance(100)
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    expect(checked()).toBe(1)
    await clock.advance(10)
    expect(h.events.filter(({ type }) => type === 'finding')).toEqual([])
    expect(await codes(h, 'a')).toEqual([])
    await h.store.close()
  })

  it('builds a lost or damaged index anew, and says so', async () => {
    const first = await openHarness()
    await indexed(first, 'a', 'b')
    await first.files.remove(`index/${indexName('a', 1)}`)
    const { h } = await examined(first)
    await using _ = h
    await until(async () => (await h.store.shard('a'))?.indexGeneration === 2)
    await until(async () => (await codes(h, 'a')).length > 0)
    expect((await h.store.shard('a'))?.findings).toMatchObject([{ check: 'index', code: 'INDEX_MISSING', repairedAt: expect.any(String) }])
    expect(await codes(h, 'b')).toEqual([])
  })

  it('finds a damaged page of an index, and goes on when its own database fails', async () => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', makeCar(1, 3000)), { indexing: 'eager' })
    const directory = first.files.child('index')
    const source = await directory.openSource(indexName('a', 1))
    const bytes = await source.read(0, source.sizeBytes)
    bytes[5000]! ^= 1
    await directory.writeAtomic(indexName('a', 1), [bytes])
    const { db } = first
    const { h } = await examined(first, { repairsPerHour: 0 })
    await until(async () => (await codes(h, 'a')).length > 0)
    expect(await codes(h, 'a')).toEqual(['CARV2_INDEX_DAMAGED'])
    await h.store.close()
    // nothing can be read for a while
    const { getMany, get } = db
    let failing = false
    for (const [name, method] of Object.entries({ getMany, get })) {
      Object.assign(db, { [name]: (...call: unknown[]) => failing ? Promise.reject(new Error('disk is gone')) : Reflect.apply(method, db, call) })
    }
    const again = await examined(h)
    await until(async () => (await again.h.store.shard('a'))?.indexGeneration === 2)
    failing = true
    await again.clock.advance(600_000)
    await new Promise((resolve) => { setImmediate(resolve) })
    failing = false
    await again.clock.advance(600_000)
    await until(async () => (await codes(again.h, 'a')).length === 0)
    await again.h.store.close()
  })

  it('publishes a shard again whose entries were lost', async () => {
    const first = await openHarness()
    await indexed(first, 'a')
    const car = makeCar(1, 20)
    const { db } = first
    await first.store.close()
    const number = shardNumber((await (await openCatalogue(db)).get('a'))!.record.index!.shardNumber)
    const top = await openTopLevelIndex(db)
    await top.publish(number, car.blocks.slice(0, 3).map(({ cid }) => cid.multihash.bytes))
    await top.close()
    await using h = await openHarness({ doctor: FAST }, { db, files: first.files, sources: first.sources })
    await until(async () => (await h.store.find(car.blocks[19]!.cid.multihash.bytes)).length === 1)
    await until(async () => (await codes(h, 'a')).length > 0)
    expect((await h.store.shard('a'))?.findings).toMatchObject([{ check: 'entries', code: 'TOP_LEVEL_INDEX_INCOMPLETE', repairedAt: expect.any(String) }])
  })

  it('repairs so much in an hour, and only looks when it is told so', async () => {
    const first = await openHarness()
    await indexed(first, 'a', 'b')
    for (const key of ['a', 'b']) await first.files.remove(`index/${indexName(key, 1)}`)
    const { h, checked } = await examined(first, { repairsPerHour: 0 })
    await until(() => checked() === 2)
    await until(async () => (await codes(h, 'b')).length > 0)
    expect(await h.store.shard('a')).toMatchObject({ indexGeneration: 1, findings: [{ code: 'INDEX_MISSING' }] })
    const { h: again, clock, checked: checkedAgain } = await examined(h, { repairsPerHour: 1 })
    await until(() => checkedAgain() >= 2)
    await until(async () => (await again.store.shard('a'))?.indexGeneration === 2)
    expect(await again.store.shard('b')).toMatchObject({ indexGeneration: 1 })
    await clock.advance(3_600_000)
    await until(async () => (await again.store.shard('b'))?.indexGeneration === 2)
    await again.store.close()
  })

  it('finds blocks that are not what their CIDs say', async () => {
    const first = await openHarness()
    await indexed(first, 'a')
    const car = makeCar(1, 20)
    const bytes = car.bytes.slice()
    for (const { data } of car.blocks) bytes[Buffer.from(car.bytes).indexOf(data)]! ^= 1
    first.sources.place('a').bytes = bytes
    const { h } = await examined(first)
    await until(async () => (await codes(h, 'a')).length > 0)
    expect((await h.store.shard('a'))?.findings).toMatchObject([{ check: 'blocks', code: 'BLOCKSTORE_HASH_MISMATCH' }])
    expect((await h.store.shard('a'))?.findings[0]?.repairedAt).toBeUndefined()
    // what was wrong with a shard goes with it
    await h.store.destroy('a')
    await h.store.register('a', h.sources.put('a', makeCar(2)), { indexing: 'eager' })
    expect(await codes(h, 'a')).toEqual([])
    await h.store.close()
  })

  it('keeps to its pace', async () => {
    const first = await openHarness()
    await indexed(first, 'a', 'b', 'c')
    const { h, clock, checked } = await examined(first, { rowsPerSecond: 10 })
    await until(() => clock.sleeping > 0)
    expect(checked()).toBe(0)
    // each shard: a row for itself, 20 of its index, 20 of the top-level index
    for (let ms = 0; ms < 12_000; ms += 100) {
      await clock.advance(100)
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    expect(checked()).toBe(3)
    await h.store.close()
  })

  it.each([{ bytesPerSecond: 0 }, { rowsPerSecond: -1 }, { repairsPerHour: -1 }, { rowsPerSecond: Number.NaN }])('refuses a pace that is none: %o', async (doctor) => {
    await expect(openHarness({ doctor })).rejects.toThrow(RangeError)
  })
})
