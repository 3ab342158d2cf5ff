/** What the tests of the Go DAG store check, of this one; `docs/dagstore-map.md` says which test answers to which scenario there. */
import { carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { indexName } from '@dagstore/index-repo'
import { MountError, transientName } from '@dagstore/mounts'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import type { ShardLease } from '../src/index.ts'
import { codeOf, collectAll, gate, type Harness, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

const SMALL = makeCar(1, 4)
const keysOf = (count: number): string[] => Array.from({ length: count }, (_, at) => `shard-${String(at).padStart(3, '0')}`)

/** Shards of one CAR each, the CARs of one seed. */
const registerAll = async (h: Harness, keys: readonly string[], options: { readonly access?: 'sequential' | 'random', readonly indexing?: 'eager' | 'lazy' } = {}): Promise<void> => {
  const { access = 'random', indexing = 'eager' } = options
  await Promise.all(keys.map((key) => h.store.register(key, h.sources.put(key, SMALL, { access }), { indexing })))
}

const healthOf = async (h: Harness): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { health } of await collectAll(h.store.shards())) counts[health] = (counts[health] ?? 0) + 1
  return counts
}

describe('registration', () => {
  it('takes CARv1 and CARv2, and says what became of them', async () => {
    await using h = await openHarness()
    const blocks = makeBlocks(7, 9, { min: 10, max: 400 })
    const roots = [blocks[0]!.cid]
    const forms = { one: makeCar(7).bytes, two: carV2({ roots, blocks }), bare: carV2({ roots, blocks, index: 'none' }) }
    for (const [key, bytes] of Object.entries(forms)) {
      expect(await h.store.register(key, h.sources.put(key, bytes), { indexing: 'eager' })).toMatchObject({ health: 'available', indexGeneration: 1, leases: 0 })
      expect((await h.files.stat(`index/${indexName(key, 1)}`))?.sizeBytes).toBeGreaterThan(0)
    }
    for (const key of ['two', 'bare']) {
      await using lease = await h.store.acquire(key)
      expect(lease.index.facts.entryCount).toBe(blocks.length)
      for (const { cid, data } of blocks) expect(await lease.blockstore.bytes(CID.decode(cid))).toEqual(data)
    }
  })

  it('makes every block of a shard findable under that shard alone', async () => {
    await using h = await openHarness()
    const cars = keysOf(5).map((key, at) => ({ key, car: makeCar(40 + at, 30) }))
    for (const { key, car } of cars) await h.store.register(key, h.sources.put(key, car), { indexing: 'eager' })
    for (const { key, car } of cars) {
      for (const { cid } of car.blocks) expect(await h.store.find(cid.multihash.bytes)).toEqual([key])
    }
  })

  it.each([1, 2, 4, 8, 16, 32])('of %d shards at once', async (count) => {
    await using h = await openHarness()
    await registerAll(h, keysOf(count))
    expect(await healthOf(h)).toEqual({ available: count })
    for (const key of keysOf(count)) expect(h.sources.opens.get(key)).toBe(1)
  })

  it('reads nothing of a lazy shard; sixteen who acquire it at once make it be read once', async () => {
    await using h = await openHarness()
    await registerAll(h, ['a'], { access: 'sequential', indexing: 'lazy' })
    expect(await h.store.shard('a')).toMatchObject({ health: 'new' })
    expect(h.sources.opens.get('a')).toBeUndefined()
    const leases = await Promise.all(Array.from({ length: 16 }, () => h.store.acquire('a')))
    expect(h.sources.opens.get('a')).toBe(1)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', leases: 16 })
    for (const lease of leases) await lease.close()
  })
})

describe('acquisition', () => {
  it.each([1, 2, 4, 8, 16, 32, 64, 128, 256])('of one shard %d times at once is one fetch, and as many leases', async (count) => {
    await using h = await openHarness()
    const car = makeCar(1, 20)
    await h.store.register('a', h.sources.put('a', car, { access: 'sequential' }))
    const leases = await Promise.all(Array.from({ length: count }, () => h.store.acquire('a')))
    expect(h.sources.opens.get('a')).toBe(1)
    expect(await h.store.shard('a')).toMatchObject({ leases: count })
    const roots = await Promise.all(leases.map((lease) => lease.blockstore.bytes(lease.roots[0]!)))
    expect(roots.every((bytes) => Buffer.compare(bytes, car.blocks[0]!.data) === 0)).toBe(true)
    await Promise.all(leases.map((lease) => lease.close()))
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', leases: 0 })
    expect((await namesIn(h.files)).sort()).toEqual([`index/${indexName('a', 1)}`, `transients/${transientName('a', 1)}`])
  })

  it('of an unknown key is refused', async () => {
    await using h = await openHarness()
    expect(codeOf(await rejection(h.store.acquire('nobody')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    expect(codeOf(await rejection(h.store.recover('nobody')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    expect(codeOf(await rejection(h.store.destroy('nobody')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    expect(await h.store.shard('nobody')).toBeUndefined()
  })

  it('fails for all five who wait when the fetch fails, with one cause', async () => {
    await using h = await openHarness({ retry: { attempts: 0 } })
    const away = new Error('source is away')
    h.sources.place('a').before = async (step) => { if (step === 'open') throw away }
    await h.store.register('a', h.sources.put('a', SMALL, { access: 'sequential' }))
    const errors = await Promise.all(Array.from({ length: 5 }, () => rejection(h.store.acquire('a')))) as { code: string, cause: unknown }[]
    for (const error of errors) expect(error).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED' })
    expect(new Set(errors.map(({ cause }) => cause))).toEqual(new Set([away]))
  })

  it('that is withdrawn, before it starts or in the midst of the fetch, gives nothing, and others go on', async () => {
    await using h = await openHarness()
    const { passed, open } = gate()
    h.sources.place('a').before = async (step) => { if (step === 'open') await passed }
    await registerAll(h, ['a', 'b'], { access: 'sequential', indexing: 'lazy' })
    const gone = AbortSignal.abort(new Error('gone'))
    expect(await rejection(h.store.acquire('a', { signal: gone }))).toBe(gone.reason)
    expect(h.sources.opens.get('a')).toBeUndefined()
    const leaving = new AbortController()
    const withdrawn = Array.from({ length: 8 }, () => rejection(h.store.acquire('a', { signal: leaving.signal })))
    await until(() => h.sources.opens.get('a') === 1)
    const staying = h.store.acquire('a')
    leaving.abort(new Error('left'))
    expect(new Set(await Promise.all(withdrawn))).toEqual(new Set([leaving.signal.reason]))
    await (await h.store.acquire('b')).close()
    open()
    await using lease = await staying
    expect(await lease.blockstore.bytes(SMALL.blocks[0]!.cid)).toEqual(SMALL.blocks[0]!.data)
    expect(await h.store.shard('a')).toMatchObject({ leases: 1 })
  })

  it('gives accessors that live and die apart from each other, whatever their mounts', async () => {
    await using h = await openHarness()
    await registerAll(h, ['random'])
    await registerAll(h, ['copied'], { access: 'sequential' })
    const leases = [await h.store.acquire('random'), await h.store.acquire('random'), await h.store.acquire('copied')]
    const { cid, data } = SMALL.blocks[2]!
    for (const [at, lease] of leases.entries()) {
      await lease.close()
      expect(codeOf(await rejection(lease.blockstore.bytes(cid)))).toBe('BLOCKSTORE_CLOSED')
      for (const other of leases.slice(at + 1)) expect(await other.blockstore.bytes(cid)).toEqual(data)
    }
    expect(h.sources.open).toBe(0)
  })
})

describe('restart', () => {
  it('of a store of which 20 of 100 shards were destroyed finds 80', async () => {
    const first = await openHarness()
    await registerAll(first, keysOf(100))
    const gone = keysOf(100).filter((_, at) => at % 5 === 2)
    await Promise.all(gone.map((key) => first.store.destroy(key)))
    await using h = await first.reopen()
    expect((await collectAll(h.store.shards())).map(({ key }) => key)).toEqual(keysOf(100).filter((key) => !gone.includes(key)))
    expect(await healthOf(h)).toEqual({ available: 80 })
    expect(await namesIn(h.files)).toHaveLength(80)
  })

  it('with 100 shards and 80 readers: all are available, nobody reads, and each can be acquired', async () => {
    const first = await openHarness()
    await registerAll(first, keysOf(100), { access: 'sequential' })
    const leases = await Promise.all(keysOf(80).map((key) => first.store.acquire(key)))
    expect((await collectAll(first.store.shards())).reduce((sum, info) => sum + info.leases, 0)).toBe(80)
    // whoever copied one again would fail
    for (const key of keysOf(100)) first.sources.place(key).short = true
    await using h = await first.reopen()
    expect(codeOf(await rejection(leases[0]!.blockstore.bytes(SMALL.blocks[0]!.cid)))).toBe('BLOCKSTORE_CLOSED')
    expect(await healthOf(h)).toEqual({ available: 100 })
    for (const info of await collectAll(h.store.shards())) {
      expect(info.leases).toBe(0)
      expect(await h.files.stat(`index/${indexName(info.key, info.indexGeneration)}`)).toMatchObject({ kind: 'file' })
    }
    for (const key of keysOf(100)) {
      await using lease = await h.store.acquire(key)
      expect(await lease.blockstore.bytes(lease.roots[0]!)).toEqual(SMALL.blocks[0]!.data)
      // as it is registered already: the same URL again is nothing, another is refused
      expect(await h.store.register(key, `test:${key}`)).toMatchObject({ health: 'available' })
      expect(codeOf(await rejection(h.store.register(key, 'test:another')))).toBe('DAGSTORE_SHARD_EXISTS')
    }
  })

  it('uses a copy again that was made before it, while its source is away', async () => {
    const first = await openHarness()
    await registerAll(first, ['a'], { access: 'sequential' })
    await first.store.close()
    first.sources.place('a').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
    await using h = await first.reopen()
    await using lease = await h.store.acquire('a')
    for (const { cid, data } of SMALL.blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
  })
})

describe('upkeep', () => {
  it('gc leaves the copies of 25 shards that are read, 3 of whose 5 leases are left, and takes those of 75', async () => {
    await using h = await openHarness()
    await registerAll(h, keysOf(100), { access: 'sequential' })
    const leases: ShardLease[] = []
    for (const key of keysOf(25)) leases.push(...await Promise.all([1, 2, 3, 4, 5].map(() => h.store.acquire(key))))
    await Promise.all(leases.filter((_, at) => at % 5 < 2).map((lease) => lease.close()))
    expect(await h.store.shard('shard-000')).toMatchObject({ leases: 3 })
    const report = await h.store.gc()
    expect(report).toMatchObject({ failures: 0 })
    expect(report.items.map(({ key }) => key).sort()).toEqual(keysOf(100).slice(25))
    expect((await namesIn(h.files)).filter((name) => name.startsWith('transients/')).sort()).toEqual(keysOf(25).map((key) => `transients/${transientName(key, 1)}`).sort())
    for (const lease of leases.filter((_, at) => at % 5 >= 2)) expect(await lease.blockstore.bytes(SMALL.blocks[1]!.cid)).toEqual(SMALL.blocks[1]!.data)
    expect(await healthOf(h)).toEqual({ available: 100 })
  })

  it('16 shards that are no CARs fail, say so, fail again when recovered, and are healed once their sources are', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 5 })
    const keys = keysOf(16)
    const failures = (): number => h.events.filter((event) => event.type === 'health' && event.to === 'errored').length
    const failed = await Promise.all(keys.map((key) => rejection(h.store.register(key, h.sources.put(key, new Uint8Array(1000).fill(7)), { indexing: 'eager' }))))
    for (const error of failed) expect(codeOf(error)).toBe('DAGSTORE_SHARD_ERRORED')
    expect(failures()).toBe(16)
    for (const key of keys) expect(codeOf(await rejection(h.store.recover(key)))).toBe('DAGSTORE_SHARD_ERRORED')
    expect(failures()).toBe(32)
    expect(await namesIn(h.files)).toEqual([])
    for (const key of keys) expect(codeOf(await rejection(h.store.acquire(key)))).toBe('DAGSTORE_SHARD_ERRORED')
    expect(failures()).toBe(32)
    for (const key of keys) h.sources.put(key, SMALL)
    await Promise.all(keys.map((key) => h.store.recover(key)))
    expect(await healthOf(h)).toEqual({ available: 16 })
    for (const key of keys) await (await h.store.acquire(key)).close()
  })
})

describe('reading across shards', () => {
  it('ten shards, three of them open at a time, read in parallel in ten rounds', async () => {
    await using h = await openHarness({ maxOpenShards: 3 })
    const cars = keysOf(10).map((key, at) => ({ key, car: makeCar(70 + at, 12) }))
    for (const { key, car } of cars) await h.store.register(key, h.sources.put(key, car), { indexing: 'eager' })
    const read = async ({ cid, data }: { readonly cid: CID, readonly data: Uint8Array }): Promise<void> => {
      expect(await h.store.blockstore.has(cid)).toBe(true)
      expect(await h.store.blockstore.size(cid)).toBe(data.byteLength)
      expect(await h.store.blockstore.bytes(cid)).toEqual(data)
    }
    for (let round = 0; round < 10; round++) await Promise.all(cars.flatMap(({ car }) => car.blocks.map(read)))
    expect(h.sources.open).toBeLessThanOrEqual(3)
    const foreign = makeCar(999, 1).blocks[0]!.cid
    expect(await h.store.blockstore.has(foreign)).toBe(false)
    expect(codeOf(await rejection(h.store.blockstore.bytes(foreign)))).toBe('BLOCKSTORE_NOT_FOUND')
  })
})
