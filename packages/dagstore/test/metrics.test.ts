import { createFakeClock } from '@dagstore-tooling/testkit'
import { createPageCache } from '@dagstore/carv2'
import { indexName } from '@dagstore/index-repo'
import { canFill, createBytesSource, hasCallbacks, type ReadDone } from '@dagstore/io'
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import { createMetrics, type MemoryMetrics, METRICS, type MetricName } from '../src/index.ts'
import { measuredSource } from '../src/metrics/measured.ts'
import { collectAll, type Harness, makeCar, openHarness, rejection, until } from './harness.ts'

const value = (metrics: MemoryMetrics, name: MetricName, labels = {}): number =>
  metrics.snapshot().counters.filter((counter) => counter.name === name && Object.entries(labels).every(([label, text]) => counter.labels[label] === text)).reduce((sum, counter) => sum + counter.value, 0)

const observed = (metrics: MemoryMetrics, name: MetricName): number =>
  metrics.snapshot().histograms.filter((histogram) => histogram.name === name).reduce((sum, { count }) => sum + count, 0)

describe('metrics in memory', () => {
  it('add up by name and labels, whatever the order of these', () => {
    const metrics = createMetrics()
    metrics.count('block.served')
    metrics.count('block.served', 4)
    metrics.count('block.served', 1, { scheme: 'file' })
    for (const ms of [0, 3, 4, 5, 1000]) metrics.observe('build.ms', ms)
    expect(metrics.snapshot()).toEqual({
      counters: [{ name: 'block.served', labels: {}, value: 5 }, { name: 'block.served', labels: { scheme: 'file' }, value: 1 }],
      histograms: [{
        name: 'build.ms', labels: {}, count: 5, sum: 1012, min: 0, max: 1000,
        buckets: [{ le: 0, count: 1 }, { le: 4, count: 2 }, { le: 8, count: 1 }, { le: 1024, count: 1 }],
      }],
    })
  })
})

describe('a measured source', () => {
  it('reads in every way its source does, and counts what was answered', async () => {
    const bytes = Uint8Array.of(1, 2, 3, 4)
    const plain = createBytesSource(bytes)
    const source = {
      ...plain,
      readInto: async (at: number, into: Uint8Array) => {
        into.set(bytes.subarray(at, at + into.byteLength))
        return into.byteLength
      },
      readThen: (at: number, length: number, done: ReadDone) => { if (at + length > 4) done(new Error('cut'), undefined); else done(undefined, bytes.subarray(at, at + length)) },
    }
    const asked: number[] = []
    const measured = measuredSource(source, (length) => { asked.push(length) })
    if (!canFill(measured) || !hasCallbacks(measured)) throw new TypeError('a power is lost')
    expect(await measured.readInto(1, new Uint8Array(3))).toBe(3)
    const ends: unknown[] = []
    measured.readThen(0, 2, (_, got) => { ends.push(got) })
    measured.readThen(3, 2, (error) => { ends.push(error) })
    await measured.read(0, 4)
    expect(ends).toEqual([bytes.subarray(0, 2), new Error('cut')])
    expect(asked).toEqual([3, 2, 4])
    expect(canFill(measuredSource(plain, () => {}))).toBe(canFill(plain))
    expect(measuredSource(plain, undefined)).toBe(plain)
  })
})

/** Everything that a store can do to be measured. */
const live = async (h: Harness, metrics: MemoryMetrics): Promise<void> => {
  const car = makeCar(1, 20)
  await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
  await h.store.register('b', h.sources.put('b', car, { access: 'sequential' }), { indexing: 'eager' })
  for (const { cid } of car.blocks) await h.store.blockstore.bytes(cid)
  const lease = await h.store.acquire('b')
  await collectAll(lease.carStream())
  await lease.close()
  // slow consumer
  const slow = h.store.events({ capacity: 1 })[Symbol.asyncIterator]()
  // failure, retry, lost index
  h.sources.place('c').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'down', { retry: 'later' }) }
  await h.store.register('c', h.sources.put('c', car))
  await rejection(h.store.acquire('c'))
  h.sources.place('c').before = async () => {}
  await (await h.store.acquire('c')).close()
  await slow.return?.()
  expect(metrics.snapshot().counters.length).toBeGreaterThan(5)
}

/** Room for one copy and no second. */
const crowded = { transients: { quotaBytes: makeCar(1, 20).bytes.byteLength + 500, highWatermark: 1, lowWatermark: 1 } }
const crowd = async (h: Harness, metrics: MemoryMetrics): Promise<void> => {
  const lease = await h.store.acquire('b')
  await h.store.register('d', h.sources.put('d', makeCar(1, 20), { access: 'sequential' }))
  const waiting = h.store.acquire('d')
  await until(() => observed(metrics, 'copy.waiting') > 0)
  expect(observed(metrics, 'copy.wait.ms')).toBe(0)
  await lease.close()
  await (await waiting).close()
}

describe('metrics of a store', () => {
  it('tell what the room for copies costs', async () => {
    const metrics = createMetrics()
    await using h = await openHarness({ metrics, ...crowded })
    await live(h, metrics)
    await crowd(h, metrics)
    expect([observed(metrics, 'copy.waiting'), observed(metrics, 'copy.wait.ms'), value(metrics, 'copy.evicted')]).toEqual([1, 1, 1])
    expect(value(metrics, 'copy.evicted.bytes')).toBeGreaterThan(makeCar(1, 20).bytes.byteLength)
  })

  it('tell read amplification, cache hits, waiting and time per state', async () => {
    const metrics = createMetrics()
    await using h = await openHarness({ metrics })
    await live(h, metrics)
    const bytes = makeCar(1, 20).blocks.reduce((sum, { data }) => sum + data.byteLength, 0)
    expect(value(metrics, 'block.served')).toBe(20)
    expect(value(metrics, 'block.served.bytes')).toBe(bytes)
    expect(value(metrics, 'source.fetch.bytes', { scheme: 'test' })).toBe(makeCar(1, 20).bytes.byteLength)
    expect(value(metrics, 'source.read.bytes', { scheme: 'test' })).toBeGreaterThan(bytes)
    expect(value(metrics, 'stream.served.bytes')).toBe(makeCar(1, 20).bytes.byteLength)
    expect(value(metrics, 'index.page.hits')).toBeGreaterThan(0)
    // an index this small comes with its end, and is read once by each opening
    expect(value(metrics, 'index.page.misses')).toBeGreaterThan(0)
    expect(value(metrics, 'index.page.misses')).toBeLessThan(20)
    expect(value(metrics, 'shard.failures', { code: 'MOUNT_UNREACHABLE' })).toBe(1)
    expect(value(metrics, 'shard.retries', { code: 'MOUNT_UNREACHABLE' })).toBe(1)
    expect(value(metrics, 'events.dropped')).toBeGreaterThan(0)
    for (const name of ['build.waiting', 'build.wait.ms', 'build.ms', 'shard.state.ms', 'acquire.ms'] as const) expect(observed(metrics, name)).toBeGreaterThan(0)
  })

  it('count the index pages that the cache does not hold', async () => {
    const metrics = createMetrics()
    await using h = await openHarness({ metrics, pages: createPageCache({ maxBytes: 0 }) })
    const car = makeCar(1, 20)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    for (const { cid } of car.blocks) await h.store.blockstore.bytes(cid)
    expect(value(metrics, 'index.page.misses')).toBeGreaterThan(0)
    expect(value(metrics, 'index.page.hits')).toBe(0)
  })

  it('are those of their table, all of them and no others, each with its kind and labels', async () => {
    const metrics = createMetrics()
    const clock = createFakeClock()
    const first = await openHarness({ metrics, clock, ...crowded })
    await live(first, metrics)
    await crowd(first, metrics)
    // a raw read, and indices that are lost
    const lease = await first.store.acquire('a')
    await lease.source.read(0, 1)
    await lease.close()
    await first.files.remove(`index/${indexName('b', 1)}`)
    await (await first.store.acquire('b')).close()
    await first.files.remove(`index/${indexName('a', 1)}`)
    const h = await first.reopen({ metrics, clock, pages: createPageCache({ maxBytes: 0 }), doctor: { rowsPerSecond: 1e9, bytesPerSecond: 1e9 } })
    await h.store.blockstore.bytes(makeCar(1, 20).blocks[3]!.cid)
    await until(() => value(metrics, 'doctor.repairs') > 0)
    await until(() => value(metrics, 'doctor.shards') > 2)
    const emitted = metrics.snapshot()
    for (const { kind, seen } of [{ kind: 'counter', seen: emitted.counters }, { kind: 'histogram', seen: emitted.histograms }] as const) {
      for (const { name, labels } of seen) {
        expect(METRICS[name], name).toMatchObject({ kind })
        expect(Object.keys(labels), name).toEqual([...METRICS[name].labels])
      }
    }
    const names = new Set<string>([...emitted.counters, ...emitted.histograms].map(({ name }) => name))
    // what only a defect or a broken database brings about
    expect(Object.keys(METRICS).filter((name) => !names.has(name) && name !== 'events.ignored' && name !== 'work.postponed')).toEqual([])
    await h.store.close()
  })
})
