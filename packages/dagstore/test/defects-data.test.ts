/** The defects of the Go DAG store that lose data or trust what they should not, as regressions. */
import { createMountRegistry, transientName } from '@dagstore/mounts'
import { indexName } from '@dagstore/index-repo'
import { createHashes } from '@dagstore/hashes'
import { CID } from 'multiformats/cid'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { openDagstore } from '../src/index.ts'
import { carWithData, codeOf, collectAll, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

const indexFile = (key: string, generation: number): string => `index/${indexName(key, generation)}`

describe('defects of data and trust', () => {
  it('D11: destroy leaves nothing, and a key registered again reads its new mount', async () => {
    await using h = await openHarness()
    const [one, other] = [makeCar(1), makeCar(2)]
    await h.store.register('a', h.sources.put('a', one, { access: 'sequential' }), { indexing: 'eager' })
    expect(await namesIn(h.files)).toEqual([indexFile('a', 1), `transients/${transientName('a', 1)}`])
    await h.store.destroy('a')
    expect(await namesIn(h.files)).toEqual([])
    expect(await h.store.find(one.blocks[0]!.cid.multihash.bytes)).toEqual([])
    expect(await h.store.shard('a')).toBeUndefined()
    expect(codeOf(await rejection(h.store.acquire('a')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    await h.store.register('a', h.sources.put('b', other), { indexing: 'eager' })
    expect(h.sources.opens.get('b')).toBe(1)
    expect(await h.store.blockstore.bytes(other.blocks[0]!.cid)).toEqual(other.blocks[0]!.data)
    expect(codeOf(await rejection(h.store.blockstore.bytes(one.blocks[0]!.cid)))).toBe('BLOCKSTORE_NOT_FOUND')
  })

  it('D11: an index of other bytes is not used: the shard is indexed again', async () => {
    await using h = await openHarness()
    const [one, other] = [makeCar(1), makeCar(2)]
    await h.store.register('a', h.sources.put('a', one), { indexing: 'eager' })
    h.sources.put('a', other)
    h.sources.place('a').version = 2
    await using lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(2)
    expect(await lease.blockstore.bytes(other.blocks[2]!.cid)).toEqual(other.blocks[2]!.data)
    expect(await lease.blockstore.has(one.blocks[2]!.cid)).toBe(false)
    await until(async () => (await namesIn(h.files)).length === 1)
  })

  it('D11: a copy of other bytes is not used: the shard is fetched again', async () => {
    await using h = await openHarness()
    const one = makeCar(1)
    // the same length, other blocks
    const other = carWithData(one, 9)
    await h.store.register('a', h.sources.put('a', one, { access: 'sequential' }), { indexing: 'eager' })
    h.sources.put('a', other)
    h.sources.place('a').version = 2
    await using lease = await h.store.acquire('a')
    expect(lease).toMatchObject({ indexGeneration: 2, dataGeneration: 2 })
    expect(await lease.blockstore.bytes(other.blocks[2]!.cid)).toEqual(other.blocks[2]!.data)
    await until(async () => (await namesIn(h.files)).length === 2)
    expect(await namesIn(h.files)).toEqual([indexFile('a', 2), `transients/${transientName('a', 2)}`])
  })

  it('an index of a file that was only touched is kept after a sample of its sections', async () => {
    await using h = await openHarness()
    const car = makeCar(1, 100)
    const identity = (mtimeNs: bigint) => ({ kind: 'file', sizeBytes: car.bytes.byteLength, mtimeNs, inode: 1n } as const)
    await h.store.register('a', h.sources.put('a', car, { identity: identity(1n) }), { indexing: 'eager' })
    h.sources.place('a').identity = identity(2n)
    const lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(1)
    await lease.close()
    // other bytes of the same length: the sample finds out
    const changed = car.bytes.slice()
    for (const { data } of car.blocks) changed.fill(7, indexOf(changed, data) - 32, indexOf(changed, data))
    h.sources.put('a', changed, { identity: identity(3n) })
    expect((await h.store.acquire('a')).indexGeneration).toBe(2)
  })

  it.each([
    { why: 'empty', cut: () => new Uint8Array(0) },
    { why: 'cut in half', cut: (bytes: Uint8Array) => bytes.subarray(0, bytes.byteLength >> 1) },
    { why: 'without its trailer', cut: (bytes: Uint8Array) => bytes.subarray(0, bytes.byteLength - 4096) },
    { why: 'with a damaged footer', cut: (bytes: Uint8Array) => bytes.map((byte, at) => at === bytes.byteLength - 100 ? byte ^ 4 : byte) },
  ])('D15: an index file that is $why is not trusted at a restart, but rebuilt', async ({ cut }) => {
    const first = await openHarness()
    const car = makeCar(1)
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    const name = indexFile('a', 1)
    const source = await first.files.openSource(name)
    const bytes = await source.read(0, source.sizeBytes)
    await first.files.remove(name)
    await first.files.writeAtomic(name, [cut(bytes)])
    await using h = await first.reopen()
    await using lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(2)
    for (const { cid, data } of car.blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
    expect(h.events.filter(({ type }) => type === 'index-unusable')).toHaveLength(1)
  })

  it('D16: a lost index is rebuilt in the acquire, once for all who wait', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    await h.files.remove(indexFile('a', 1))
    const leases = await Promise.all([1, 2, 3, 4, 5].map(() => h.store.acquire('a')))
    expect(new Set(leases.map(({ indexGeneration }) => indexGeneration))).toEqual(new Set([2]))
    // one opening that found the index gone, one build
    expect(h.sources.opens.get('a')).toBe(3)
    expect(await leases[0]!.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    for (const lease of leases) await lease.close()
    expect(h.sources.open).toBe(0)
  })

  it('D16: a read across shards that finds a damaged index waits for the new one', async () => {
    await using h = await openHarness()
    // an index that is not brought whole when it is opened
    const car = makeCar(1, 4000)
    const some = car.blocks.filter((_, at) => at % 20 === 0)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    expect(await h.store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    h.wrong.below.add(indexFile('a', 1))
    for (const { cid, data } of some) expect(await h.store.blockstore.bytes(cid)).toEqual(data)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 2 })
  })

  it('D16: a read of a lease that finds a damaged index waits for the new one; one that cannot come leaves the damage to be told', async () => {
    await using h = await openHarness()
    // an index that is not brought whole when it is opened
    const car = makeCar(1, 4000)
    const some = car.blocks.filter((_, at) => at % 20 === 0)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    h.wrong.below.add(indexFile('a', 1))
    for (const { cid, data } of some) expect(await lease.blockstore.bytes(cid)).toEqual(data)
    expect(lease.indexGeneration).toBe(1)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 2 })
    await lease.close()
    // from here on every index is damaged: once more, and not again and again
    const next = await h.store.acquire('a')
    h.wrong.below.add('index/')
    h.sources.place('a').before = async (step) => { if (step === 'open') throw new Error('away') }
    const found = await Promise.allSettled(some.map(({ cid }) => next.blockstore.bytes(cid)))
    expect(found.map((result) => result.status === 'rejected' ? codeOf(result.reason) : 'read')).toContain('BLOCKSTORE_UNREADABLE')
    await next.close()
    await until(() => h.sources.open === 0)
  })

  it('D17: a shard is not available before it can be found', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    // the batch that makes the entries findable fails
    type Batch = (operations: readonly { readonly key: Uint8Array }[], options?: { readonly sync?: boolean }) => Promise<void>
    const below = h.db as unknown as { _batch: Batch }
    const batch = below._batch.bind(below)
    let failing = true
    below._batch = async (operations, options) => {
      if (failing && options?.sync === true && operations.some(({ key }) => new TextDecoder().decode(key).startsWith('!tli!'))) throw new Error('disk')
      return batch(operations, options)
    }
    const url = h.sources.put('a', car)
    expect(codeOf(await rejection(h.store.register('a', url, { indexing: 'eager' })))).toBe('DAGSTORE_SHARD_ERRORED')
    expect(await h.store.shard('a')).toMatchObject({ health: 'errored', indexGeneration: 0 })
    expect(await rejection(h.store.blockstore.bytes(car.blocks[0]!.cid))).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 1 })
    failing = false
    await (await h.store.acquire('a')).close()
    expect(await h.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual(['a'])
  })

  it('D18: nothing but what the store made is ever removed', async () => {
    await using h = await openHarness()
    await h.files.writeAtomic('transients/mine.txt', [Uint8Array.of(1)])
    await h.files.writeAtomic('index/00/mine.txt', [Uint8Array.of(1)])
    await h.files.writeAtomic('a.car', [makeCar(1).bytes])
    await h.store.register('a', h.sources.put('a', new Uint8Array(3), { access: 'sequential' }))
    await rejection(h.store.acquire('a'))
    h.sources.put('a', makeCar(1))
    await h.store.recover('a')
    await h.store.destroy('a')
    await using again = await h.reopen()
    await until(async () => await again.store.shard('a') === undefined)
    expect(await namesIn(h.files)).toEqual(['a.car', 'index/00/mine.txt', 'transients/mine.txt'])
  })

  it('D20: a record that cannot be read is kept and shown, its shard can be destroyed, others are untouched', async () => {
    const first = await openHarness()
    const car = makeCar(1)
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    await first.store.register('b', first.sources.put('b', makeCar(2)), { indexing: 'eager' })
    await first.store.close()
    const rows = first.db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
    const row = new TextEncoder().encode('ra')
    const bytes = await rows.get(row)
    await rows.put(row, bytes!.slice(0, 30))
    await using h = await openHarness({}, first)
    expect(await h.store.shard('a')).toMatchObject({ health: 'errored', error: { code: 'DAGSTORE_BAD_RECORD' } })
    expect((await collectAll(h.store.shards())).map(({ key }) => key)).toEqual(['a', 'b'])
    expect(codeOf(await rejection(h.store.acquire('a')))).toBe('DAGSTORE_SHARD_ERRORED')
    expect(codeOf(await rejection(h.store.recover('a')))).toBe('DAGSTORE_BAD_RECORD')
    expect(codeOf(await rejection(h.store.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_UNREADABLE')
    expect(await rows.get(row)).toEqual(bytes!.slice(0, 30))
    await h.store.destroy('a')
    expect((await namesIn(h.files))).toEqual([indexFile('b', 1)])
    expect(codeOf(await rejection(h.store.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_NOT_FOUND')
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    expect(await h.store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
  })

  it('D21: a mount of an unknown scheme is refused when it is registered', async () => {
    await using h = await openHarness()
    expect(codeOf(await rejection(h.store.register('a', 'ftp://x/y')))).toBe('MOUNT_UNKNOWN_SCHEME')
    expect(codeOf(await rejection(h.store.acquire('a', { registerAs: 'ftp://x/y' })))).toBe('MOUNT_UNKNOWN_SCHEME')
    expect(await collectAll(h.store.shards())).toEqual([])
  })

  it('D21: a shard whose scheme this process does not know is kept, and works again in one that does', async () => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', makeCar(1)), { indexing: 'eager' })
    await first.store.close()
    const { db, files } = first
    const without = await openDagstore({ db, files, mounts: createMountRegistry([]), hashes: createHashes() })
    expect(await rejection(without.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'later', cause: { code: 'MOUNT_UNKNOWN_SCHEME' } })
    await without.close()
    await using h = await openHarness({}, first)
    await using lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(1)
  })

  it('D22: after a restart each shard reads its own source', async () => {
    const first = await openHarness()
    const all = ['a', 'b', 'c'].map((key, at) => ({ key, car: makeCar(at + 1) }))
    for (const { key, car } of all) await first.store.register(key, first.sources.put(key, car))
    await using h = await first.reopen()
    for (const { key, car } of all) {
      await using lease = await h.store.acquire(key)
      expect(lease.roots.map(String)).toEqual(car.roots.map(String))
    }
  })

  it.each(['../evil', 'a/b', '/', '.', 'A', 'a', 'con', 'k\u0000k', 'ключ', 'a'.repeat(512), ' ', '%2e%2e'])('D23: the key %j is only a name', async (key) => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register(key, h.sources.put('a', car), { indexing: 'eager' })
    for (const name of await namesIn(h.files)) expect(name).toMatch(/^index\//)
    await using again = await h.reopen()
    expect((await collectAll(again.store.shards())).map((info) => info.key)).toEqual([key])
    expect(await again.store.find(car.blocks[0]!.cid.multihash.bytes)).toEqual([key])
    await again.store.destroy(key)
    expect(await namesIn(h.files)).toEqual([])
  })

  it.each(['', 'a'.repeat(513), 'ab\ud800'])('D23: a key that is none is refused: %j', async (key) => {
    await using h = await openHarness()
    expect(codeOf(await rejection(h.store.register(key, 'test:a')))).toBe('DAGSTORE_BAD_KEY')
    expect(codeOf(await rejection(h.store.acquire(key)))).toBe('DAGSTORE_BAD_KEY')
    expect(codeOf(await rejection(h.store.shard(key)))).toBe('DAGSTORE_BAD_KEY')
  })

  it('D24: identity blocks are answered from their CID, by every shard and by none', async () => {
    await using h = await openHarness()
    const data = new TextEncoder().encode('a//b')
    const cid = CID.createV1(0x55, createMultihash(0, data))
    expect(await h.store.blockstore.has(cid)).toBe(true)
    expect(await h.store.blockstore.bytes(cid)).toEqual(data)
    expect(await h.store.blockstore.size(cid)).toBe(4)
    expect(await h.store.blockstore.bytesAt(cid, 1, 2)).toEqual(data.slice(1, 3))
  })

  it('D25: a stream that ends short of its size is no copy', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1), { access: 'sequential' })
    h.sources.place('a').short = true
    await h.store.register('a', url)
    expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'later', cause: { code: 'IO_TRUNCATED' } })
    expect(await namesIn(h.files)).toEqual([])
    h.sources.place('a').short = false
    await (await h.store.acquire('a')).close()
  })
})

const indexOf = (bytes: Uint8Array, part: Uint8Array): number => {
  for (let at = 0; at + part.byteLength <= bytes.byteLength; at++) if (part.every((byte, i) => bytes[at + i] === byte)) return at
  throw new Error('not there')
}
