/** The defects of the Go DAG store that are about destruction, sweeping, trust in a CAR's own index, quotas and what can be seen. */
import { carV1, carV2, entriesOf, indexBytes, makeBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createBytesSource, type SourceCost } from '@dagstore/io'
import { createMountRegistry, type MountFactory } from '@dagstore/mounts'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createMetrics } from '../src/index.ts'
import { codeOf, collectAll, gate, type Harness, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

describe('defects of destruction and sweeping', () => {
  it('D12: destroy answers, and the record does not come back', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    await h.store.register('b', h.sources.put('b', makeCar(2)))
    expect(await h.store.destroy('a')).toBeUndefined()
    expect(codeOf(await rejection(h.store.destroy('a')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    await using again = await h.reopen()
    expect((await collectAll(again.store.shards())).map(({ key }) => key)).toEqual(['b'])
    expect(codeOf(await rejection(again.store.destroy('a')))).toBe('DAGSTORE_SHARD_UNKNOWN')
  })

  it('D19: files of others are left alone at a start, whatever they are called and however deep they lie', async () => {
    const first = await openHarness()
    const car = makeCar(1)
    await first.store.register('a', first.sources.put('a', car, { access: 'sequential' }), { indexing: 'eager' })
    const own = await namesIn(first.files)
    const foreign = Array.from({ length: 100 }, (_, at) => [`transients/junk-${at}`, `transients/transient-${at}.partial`, `transients/deep/er/${at}.complete`, `index/junk-${at}.full.idx`][at % 4]!)
    for (const name of foreign) await first.files.writeAtomic(name, [Uint8Array.of(1)])
    await using h = await first.reopen()
    await using lease = await h.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    expect(h.sources.opens.get('a')).toBe(first.sources.opens.get('a'))
    const names = await namesIn(h.files)
    for (const name of [...own, ...foreign]) expect(names).toContain(name)
  })

  it('D19: a record that cannot be read costs its shard neither index nor copy at a start', async () => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', makeCar(1), { access: 'sequential' }), { indexing: 'eager' })
    const own = await namesIn(first.files)
    await first.store.close()
    const rows = first.db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
    const row = new TextEncoder().encode('ra')
    const bytes = (await rows.get(row))!
    await rows.put(row, bytes.slice(0, 30))
    const damaged = await openHarness({}, first)
    expect(await damaged.store.shard('a')).toMatchObject({ health: 'errored', error: { code: 'DAGSTORE_BAD_RECORD' } })
    await damaged.store.close()
    expect(await namesIn(first.files)).toEqual(own)
    // repaired, it goes on with what it had
    await rows.put(row, bytes)
    await using h = await openHarness({}, first)
    expect((await h.store.acquire('a')).indexGeneration).toBe(1)
  })
})

describe('defects of trust', () => {
  const blocks = makeBlocks(5, 6, { min: 50, max: 300 })
  const payload = carV1([blocks[0]!.cid], blocks)
  const cids = blocks.map(({ cid }) => CID.decode(cid))

  it.each([
    { why: 'points every block to the wrong section', rows: (at: number, places: readonly number[]) => places[(at + 1) % places.length]! },
    { why: 'points far behind the file', rows: () => 2 ** 40 },
  ])('D27: the index inside a CARv2 that $why is not believed', async ({ rows }) => {
    await using h = await openHarness()
    const entries = entriesOf(placedBlocks([blocks[0]!.cid], blocks))
    const offsets = entries.map(({ offset }) => offset)
    const lying = indexBytes(0x0401, entries.map((entry, at) => ({ ...entry, offset: rows(at, offsets) })))
    await h.store.register('a', h.sources.put('a', carV2({ roots: [blocks[0]!.cid], blocks, index: lying })), { indexing: 'eager' })
    await using lease = await h.store.acquire('a')
    for (const [at, { data }] of blocks.entries()) expect(await lease.blockstore.bytes(cids[at]!)).toEqual(data)
  })

  it('D27: blocks are hashed when they are read', async () => {
    await using h = await openHarness()
    const damaged = payload.slice()
    damaged[damaged.byteLength - 1]! ^= 1
    await h.store.register('a', h.sources.put('a', damaged), { indexing: 'eager' })
    await using lease = await h.store.acquire('a')
    expect(codeOf(await rejection(lease.blockstore.bytes(cids[5]!)))).toBe('BLOCKSTORE_HASH_MISMATCH')
    expect(codeOf(await rejection(h.store.blockstore.bytes(cids[5]!)))).toBe('BLOCKSTORE_HASH_MISMATCH')
    expect(await lease.blockstore.bytes(cids[4]!)).toEqual(blocks[4]!.data)
  })

  it('D30: a block is found by its multihash, whatever codec its CID names, and the search for another ends', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', payload), { indexing: 'eager' })
    await using lease = await h.store.acquire('a')
    for (const store of [lease.blockstore, h.store.blockstore]) {
      expect(await store.bytes(CID.createV1(0x71, cids[2]!.multihash))).toEqual(blocks[2]!.data)
      const near = cids[2]!.multihash.bytes.slice()
      near[near.byteLength - 1]! ^= 1
      expect(await store.has(CID.decode(Uint8Array.of(1, 0x55, ...near)))).toBe(false)
    }
  })

  it('D30: a section longer than any block makes the shard errored, and nothing is allocated for it', async () => {
    await using h = await openHarness()
    // a header, then a section of 2^40 bytes
    const huge = Uint8Array.of(...carV1([blocks[0]!.cid], []), 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 1, 2, 3)
    const before = process.memoryUsage().arrayBuffers
    await h.store.register('a', h.sources.put('a', huge))
    expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', cause: { code: 'CARV2_TOO_LARGE' } })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 << 20)
  })
})

describe('defects of scale and sight', () => {
  it('D40: of a remote CAR that was indexed, the first block after a restart costs one small read and no copy', async () => {
    const made = makeBlocks(3, 64, { min: 50_000, max: 60_000 })
    const car = carV1([made[0]!.cid], made)
    const cost: SourceCost = { kind: 'remote', seekBytes: 1 << 16 }
    let bytes = 0
    const remote: MountFactory = {
      scheme: 'remote',
      mount: (url) => ({
        url,
        stat: async () => ({ exists: true, sizeBytes: car.byteLength, ready: true, access: 'random' }),
        open: async () => {
          const source = createBytesSource(car, { identity: { kind: 'version', tag: '"1"', sizeBytes: car.byteLength } })
          const read: typeof source.read = async (at, length, options) => {
            bytes += length
            return source.read(at, length, options)
          }
          return { access: 'random', source: { ...source, cost, peek: () => undefined, read } }
        },
      }),
    }
    await using first = await openHarness({ mounts: createMountRegistry([remote]) })
    await first.store.register('a', 'remote:a', { indexing: 'eager' })
    await using h = await first.reopen()
    bytes = 0
    expect(await h.store.blockstore.bytes(CID.decode(made[40]!.cid))).toEqual(made[40]!.data)
    expect(bytes).toBeLessThan(256 << 10)
    expect((await namesIn(h.files)).filter((name) => name.startsWith('transients/'))).toEqual([])
  })

  it('D32: whoever leaves upkeep that takes long holds up nobody, and the store closes', async () => {
    const h = await openHarness()
    const car = makeCar(1)
    for (const key of ['a', 'b']) await h.store.register(key, h.sources.put(key, car), { indexing: 'eager' })
    await h.store.register('c', h.sources.put('c', car))
    for (const key of ['a', 'c']) h.sources.place(key).before = (step) => step === 'read' ? new Promise(() => {}) : Promise.resolve()
    const leaving = new AbortController()
    const { signal } = leaving
    const left = [
      rejection(h.store.verify('a', { mode: 'full', signal })),
      rejection(h.store.rebuildTopLevelIndex({ signal })),
      rejection(collectAll(h.store.initializeAll({ signal }))),
    ]
    leaving.abort(new Error('gone'))
    expect(await Promise.all(left)).toEqual(left.map(() => signal.reason))
    await using lease = await h.store.acquire('b')
    expect(await lease.blockstore.bytes(car.blocks[3]!.cid)).toEqual(car.blocks[3]!.data)
    await h.store.close()
  })

  it('D41: copies stay within their quota, and the one that is in use is not the one that goes', async () => {
    const car = makeCar(1, 40)
    const quotaBytes = car.bytes.byteLength * 4
    await using h = await openHarness({ transients: { quotaBytes, reserveBytes: car.bytes.byteLength }, maxOpenShards: 1 })
    const keys = Array.from({ length: 12 }, (_, at) => `k${at}`)
    for (const key of keys) await h.store.register(key, h.sources.put(key, car, { access: 'sequential' }))
    await using hot = await h.store.acquire('k0')
    for (const key of keys.slice(1)) {
      await (await h.store.acquire(key)).close()
      let used = 0
      for (const name of (await namesIn(h.files)).filter((file) => file.endsWith('.transient'))) used += (await h.files.stat(name))?.sizeBytes ?? 0
      expect(used).toBeLessThanOrEqual(quotaBytes)
    }
    for (const { cid, data } of car.blocks) expect(await hot.blockstore.bytes(cid)).toEqual(data)
    await (await h.store.acquire('k0')).close()
    expect(h.sources.opens.get('k0')).toBe(1)
  })

  it('D44: leases and blockstores may be asked for any number of times; what closes under a read ends that read well', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    for (let i = 0; i < 1000; i++) expect(lease.blockstore).toBe(lease.blockstore)
    const { passed, open } = gate()
    let waiting = 0
    h.sources.place('a').before = async (step) => { if (step === 'read') { waiting++; await passed } }
    const reads = car.blocks.map(({ cid }) => lease.blockstore.bytes(cid))
    await until(() => waiting > 0)
    const closing = lease.close()
    expect(codeOf(await rejection(lease.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_CLOSED')
    open()
    expect(await Promise.all(reads)).toEqual(car.blocks.map(({ data }) => data))
    await closing
    await until(() => h.sources.open === 0)
  })

  it('D44: no more shards are open at a time than the store was told, however many are read', async () => {
    await using h = await openHarness({ maxOpenShards: 4 })
    const keys = Array.from({ length: 40 }, (_, at) => `k${at}`)
    for (const [at, key] of keys.entries()) await h.store.register(key, h.sources.put(key, makeCar(at + 1, 3)), { indexing: 'eager' })
    let most = 0
    for (const [at] of keys.entries()) {
      const { cid, data } = makeCar(at + 1, 3).blocks[1]!
      expect(await h.store.blockstore.bytes(cid)).toEqual(data)
      most = Math.max(most, h.sources.open)
    }
    expect(most).toBeLessThanOrEqual(5)
  })

  it('D46: what a shard is, why it failed, when, how often and when it is tried again can be seen, heard and counted', async () => {
    const metrics = createMetrics()
    await using h: Harness = await openHarness({ metrics })
    const heard: string[] = []
    const listening = (async () => { for await (const { type } of h.store.events()) heard.push(type) })()
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    await (await h.store.acquire('a')).blockstore.bytes(makeCar(1).blocks[0]!.cid)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', leases: 1, dataGeneration: 1, indexGeneration: 1, mountUrl: 'test:a' })
    h.sources.put('b', new Uint8Array(4))
    await h.store.register('b', 'test:b')
    await rejection(h.store.acquire('b'))
    const { error } = (await h.store.shard('b'))!
    expect(error).toMatchObject({ code: expect.stringMatching(/^CARV2_/), message: expect.any(String), at: expect.stringMatching(/^\d{4}-.*Z$/), retry: 'never', attempts: 1, nextRetryAt: undefined })
    const names = new Set(JSON.stringify(metrics.snapshot()).match(/[a-z]+(?:\.[a-z]+)+/gu))
    for (const name of ['source.reads', 'source.read.bytes', 'block.served', 'shard.failures', 'acquire.ms']) expect(names).toContain(name)
    await h.store.close()
    await listening
    expect(heard).toContain('health')
  })
})
