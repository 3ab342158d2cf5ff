import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory } from '@dagstore/io'
import { createMountRegistry } from '@dagstore/mounts'
import { createMemoryTopLevelIndex, shardNumber, type TopLevelIndex } from '@dagstore/top-level-index'
import { describe, expect, it } from 'vitest'
import { createCandidateFinder } from '../src/cross-shard/candidates.ts'
import { createMemoryCatalogue, openDagstore } from '../src/index.ts'
import { codeOf, collectAll, gate, makeCar, openHarness, rejection, Sources } from './harness.ts'

const MULTIHASH = makeCar(1).blocks[0]!.cid.multihash.bytes

describe('createCandidateFinder', () => {
  it('looks again when an index was replaced between the lookup of a number and that of its shard', async () => {
    const [top, catalogue] = [createMemoryTopLevelIndex(), createMemoryCatalogue()]
    for (const number of [1, 2]) await top.publish(shardNumber(number), [MULTIHASH])
    const numbers: number[][] = [[1], [1, 2]]
    const early: TopLevelIndex = { ...top, find: async () => ({ shards: (numbers.shift() ?? []).map(shardNumber), more: false }) }
    // 1 was the shard's number when it was looked up, and is no longer; 2 is
    const finder = createCandidateFinder(early, { ...catalogue, keyOf: async (number) => number === 2 ? 'a' : undefined })
    expect(await collectAll(finder.candidates(MULTIHASH))).toEqual([{ key: 'a', number: 2 }])
  })

  it('does not wait for a number that is published and not committed', async () => {
    const top = createMemoryTopLevelIndex()
    await top.publish(shardNumber(7), [MULTIHASH])
    const finder = createCandidateFinder(top, createMemoryCatalogue())
    expect(await collectAll(finder.candidates(MULTIHASH))).toEqual([])
  })
})

describe('a read across shards', () => {
  it('counts a shard that was indexed while it looked: it may hold what was not found', async () => {
    const top = createMemoryTopLevelIndex()
    let indexed = async (): Promise<unknown> => undefined
    const slow: TopLevelIndex = {
      ...top,
      find: async (multihash, options) => {
        const found = await top.find(multihash, options)
        await indexed()
        return found
      },
    }
    const sources = new Sources()
    const state = { catalogue: createMemoryCatalogue(), topLevelIndex: slow }
    await using store = await openDagstore({ ...state, files: createMemoryDirectory('test'), mounts: createMountRegistry([sources]), hashes: createHashes() })
    const car = makeCar(1)
    await store.register('a', sources.put('a', car))
    indexed = async () => (await store.acquire('a')).close()
    expect(await rejection(store.blockstore.bytes(car.blocks[0]!.cid))).toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND', unindexedShards: 1 })
    expect(await store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
  })

  it('is left at an abort while the shard is being opened; the opening ends when nobody else waits for it', async () => {
    const first = await openHarness()
    const car = makeCar(1)
    await first.store.register('a', first.sources.put('a', car), { indexing: 'eager' })
    await using h = await first.reopen()
    const { passed, open } = gate()
    const started = gate()
    let aborted = 0
    h.sources.place('a').before = async (step, signal) => {
      if (step !== 'open') return
      signal?.addEventListener('abort', () => { aborted++ })
      started.open()
      await passed
    }
    const [leaving, staying] = [new AbortController(), new AbortController()]
    const left = rejection(h.store.blockstore.bytes(car.blocks[0]!.cid, { signal: leaving.signal }))
    const stays = rejection(h.store.blockstore.bytes(car.blocks[1]!.cid, { signal: staying.signal }))
    await started.passed
    leaving.abort(new Error('gone'))
    expect(await left).toBe(leaving.signal.reason)
    expect(aborted).toBe(0)
    staying.abort(new Error('gone too'))
    expect(await stays).toBe(staying.signal.reason)
    expect(aborted).toBe(1)
    open()
    h.sources.place('a').before = async () => {}
    expect(await h.store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
  })

  it('lists the blocks of a shard whose index is being rebuilt, once that is done', async () => {
    await using h = await openHarness()
    const [one, two] = [makeCar(1, 5), makeCar(2, 5)]
    await h.store.register('a', h.sources.put('a', one), { indexing: 'eager' })
    await h.store.register('b', h.sources.put('b', two), { indexing: 'eager' })
    h.sources.put('a', one, { identity: { kind: 'version', tag: '"other"', sizeBytes: one.bytes.byteLength } })
    const { passed, open } = gate()
    h.sources.place('a').before = async (step) => { if (step === 'read') await passed }
    const acquiring = h.store.acquire('a')
    while ((await h.store.shard('a'))?.health !== 'initializing') await Promise.resolve()
    const listing = collectAll(h.store.blockstore.getAll())
    open()
    const listed = await listing
    expect(listed.map(({ cid }) => cid.toString()).sort()).toEqual([...one.blocks, ...two.blocks].map(({ cid }) => cid.toString()).sort())
    await (await acquiring).close()
  })
})

describe('close', () => {
  it('answers who waits for a mount to say what it is', async () => {
    const h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1), { access: 'sequential' }))
    const asked = gate()
    h.sources.place('a').before = (step) => { if (step === 'stat') asked.open(); return new Promise(() => {}) }
    const leaving = new AbortController()
    const left = rejection(h.store.acquire('a', { noDownload: true, signal: leaving.signal }))
    const acquiring = rejection(h.store.acquire('a', { noDownload: true }))
    await asked.passed
    leaving.abort(new Error('gone'))
    expect(await left).toBe(leaving.signal.reason)
    await h.store.close()
    expect(codeOf(await acquiring)).toBe('DAGSTORE_CLOSED')
  })
})
