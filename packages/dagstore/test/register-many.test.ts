import { describe, expect, it } from 'vitest'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory } from '@dagstore/io'
import { createMountRegistry } from '@dagstore/mounts'
import { createMemoryTopLevelIndex } from '@dagstore/top-level-index'
import { createMemoryCatalogue, openCatalogue, openDagstore, type RegisterItem, type RegisterOutcome } from '../src/index.ts'
import { codeOf, collectAll, gate, makeCar, openHarness, rejection, Sources, until } from './harness.ts'

const car = makeCar(1)
const many = (count: number, prefix = 'k'): RegisterItem[] => Array.from({ length: count }, (_, at) => ({ key: `${prefix}${at}`, mountUrl: `test:${at % 7}` }))
const codes = (outcomes: readonly RegisterOutcome[]): unknown[] => outcomes.map((outcome) => outcome.ok ? outcome.info.health : codeOf(outcome.error))

describe('registerMany', () => {
  it('registers every item, lazily, in order, and tells how far it is', async () => {
    await using h = await openHarness()
    const seen: number[] = []
    const outcomes = await collectAll(h.store.registerMany(many(600), { onProgress: ({ done, failed, total }) => { seen.push(done); expect([failed, total]).toEqual([0, undefined]) } }))
    expect(outcomes.map(({ key }) => key)).toEqual(many(600).map(({ key }) => key))
    expect(new Set(codes(outcomes))).toEqual(new Set(['new']))
    expect(seen.at(-1)).toBe(600)
    expect(await collectAll(h.store.shards())).toHaveLength(600)
    expect(h.sources.opens.size).toBe(0)
    const again = await h.reopen()
    expect(await again.store.shard('k599')).toMatchObject({ health: 'new', mountUrl: 'test:4' })
    await again.store.close()
  })

  it('writes the records of 256 lazy shards at once', async () => {
    const catalogue = createMemoryCatalogue()
    const sizes: number[] = []
    await using store = await openDagstore({
      catalogue: {
        ...catalogue,
        get unindexed () { return catalogue.unindexed },
        commit: (changes) => {
          sizes.push(changes.length)
          return catalogue.commit(changes)
        },
      },
      topLevelIndex: createMemoryTopLevelIndex(), files: createMemoryDirectory(), mounts: createMountRegistry([new Sources()]), hashes: createHashes(),
    })
    await collectAll(store.registerMany(many(600)))
    expect(sizes).toEqual([256, 256, 88])
  })

  it('reports each item that is refused, with its error, and goes on', async () => {
    await using h = await openHarness()
    await h.store.register('taken', 'test:1')
    await h.store.register('same', 'test:2')
    const outcomes = await collectAll(h.store.registerMany([
      { key: '', mountUrl: 'test:1' },
      { key: 'a', mountUrl: 'nope:1' },
      { key: 'b', mountUrl: 'test:' },
      { key: 'taken', mountUrl: 'test:3' },
      { key: 'same', mountUrl: 'TEST:2'.toLowerCase() },
      { key: 'c', mountUrl: 'test:4' },
      { key: 'c', mountUrl: 'test:5' },
      { key: 'c', mountUrl: 'test:4' },
    ]))
    expect(codes(outcomes)).toEqual(['DAGSTORE_BAD_KEY', 'MOUNT_UNKNOWN_SCHEME', 'MOUNT_BAD_URL', 'DAGSTORE_SHARD_EXISTS', 'new', 'new', 'DAGSTORE_SHARD_EXISTS', 'new'])
    expect((await collectAll(h.store.shards())).map(({ key }) => key)).toEqual(['c', 'same', 'taken'])
  })

  it('changes nothing when it is repeated, also after shards were indexed', async () => {
    await using h = await openHarness()
    const items = many(7)
    for (let at = 0; at < 7; at++) h.sources.put(String(at), car)
    await collectAll(h.store.registerMany(items))
    await (await h.store.acquire('k3')).close()
    const before = await collectAll(h.store.shards())
    expect(codes(await collectAll(h.store.registerMany(items)))).toEqual(before.map(({ health }) => health))
    expect(await collectAll(h.store.shards())).toEqual(before)
  })

  it('indexes eager items, and says of each whether that succeeded', async () => {
    await using h = await openHarness()
    h.sources.put('good', car)
    h.sources.put('bad', new Uint8Array(5))
    const outcomes = await collectAll(h.store.registerMany([
      { key: 'a', mountUrl: 'test:good', indexing: 'eager' }, { key: 'b', mountUrl: 'test:bad', indexing: 'eager' }, { key: 'c', mountUrl: 'test:good' },
    ]))
    expect(codes(outcomes)).toEqual(['available', 'DAGSTORE_SHARD_ERRORED', 'new'])
    expect(await h.store.shard('b')).toMatchObject({ health: 'errored' })
  })

  it('agrees with calls for the same keys that come before and meanwhile', async () => {
    await using h = await openHarness()
    for (let at = 0; at < 7; at++) h.sources.put(String(at), car)
    const { passed, open } = gate()
    h.sources.place('0').before = () => passed
    const early = h.store.acquire('k0', { registerAs: 'test:0' })
    const registering = collectAll(h.store.registerMany(many(300)))
    const meanwhile = Array.from({ length: 100 }, (_, at) => h.store.register(`k${at * 3}`, `test:${(at * 3) % 7}`))
    const leases = Array.from({ length: 20 }, (_, at) => h.store.acquire(`k${at}`, { registerAs: `test:${at % 7}` }))
    const other = h.store.registerMany(many(300))
    const rivals = collectAll(other)
    open()
    expect((await registering).filter(({ ok }) => !ok)).toEqual([])
    expect((await rivals).filter(({ ok }) => !ok)).toEqual([])
    await Promise.all(meanwhile)
    for (const lease of await Promise.all([early, ...leases])) await lease.close()
    expect(await collectAll(h.store.shards())).toHaveLength(300)
    expect(h.events.filter(({ type }) => type === 'unsaved')).toEqual([])
  })

  it('keeps who asks for one of its shards until their records are written', async () => {
    const catalogue = createMemoryCatalogue()
    const [first, written] = [gate(), gate()]
    let commits = 0
    const sources = new Sources()
    await using store = await openDagstore({
      catalogue: {
        ...catalogue,
        get unindexed () { return catalogue.unindexed },
        commit: async (changes) => {
          const turn = ++commits
          await (turn === 1 ? first : written).passed
          const outcome = await catalogue.commit(changes)
          written.open()
          return outcome
        },
      },
      topLevelIndex: createMemoryTopLevelIndex(), files: createMemoryDirectory(), mounts: createMountRegistry([sources]), hashes: createHashes(),
    })
    sources.put('0', car)
    const registering = collectAll(store.registerMany(many(3)))
    await until(() => commits === 1)
    const acquiring = store.acquire('k0', { registerAs: 'test:0' })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve) })
    first.open()
    expect(codes(await registering)).toEqual(['new', 'new', 'new'])
    await (await acquiring).close()
  })

  it('asks its source for nothing while nobody asks for outcomes', async () => {
    await using h = await openHarness()
    let asked = 0
    const items = function * (): Generator<RegisterItem> { for (;;) yield { key: `k${asked++}`, mountUrl: 'test:1' } }
    const outcomes = h.store.registerMany(items())
    expect(asked).toBe(0)
    await outcomes.next()
    expect(asked).toBe(256)
    for (let at = 1; at < 256; at++) await outcomes.next()
    expect(asked).toBe(256)
    await outcomes.next()
    expect(asked).toBe(512)
    await outcomes.return()
  })

  it('answers for what a slow source gave, while it gives no more', async () => {
    const clock = createFakeClock()
    await using h = await openHarness({ clock })
    const { passed, open } = gate()
    let returned = false
    const items = async function * (): AsyncGenerator<RegisterItem> {
      try {
        yield { key: 'a', mountUrl: 'test:1' }
        yield { key: 'b', mountUrl: 'test:1' }
        await passed
        yield { key: 'c', mountUrl: 'test:1' }
      } finally {
        returned = true
      }
    }
    const outcomes = h.store.registerMany(items())
    const first = outcomes.next()
    let ended = false
    void first.then(() => { ended = true })
    await until(async () => { await clock.advance(20); return ended })
    expect((await first).value).toMatchObject({ key: 'a', ok: true })
    expect((await outcomes.next()).value).toMatchObject({ key: 'b', ok: true })
    open()
    expect((await outcomes.next()).value).toMatchObject({ key: 'c', ok: true })
    expect((await outcomes.next()).done).toBe(true)
    expect(returned).toBe(true)
  })

  it('registers what a source gave before it failed, then passes its error on', async () => {
    await using h = await openHarness()
    const failing = function * (): Generator<RegisterItem> { yield * many(3); throw new RangeError('source') }
    const failingLater = async function * (): AsyncGenerator<RegisterItem> { yield * many(3, 'x'); throw new RangeError('source') }
    for (const items of [failing(), failingLater()]) {
      const outcomes = h.store.registerMany(items)
      for (let at = 0; at < 3; at++) expect((await outcomes.next()).value).toMatchObject({ ok: true })
      expect(await rejection(outcomes.next())).toBeInstanceOf(RangeError)
    }
    expect(await collectAll(h.store.shards())).toHaveLength(6)
  })

  it('ends with the reason of its signal, with the end of the store, and when nothing can be written', async () => {
    const h = await openHarness()
    const controller = new AbortController()
    const hanging = async function * (): AsyncGenerator<RegisterItem> { yield await new Promise<RegisterItem>(() => {}) }
    const left = rejection(h.store.registerMany(hanging(), { signal: controller.signal }).next())
    controller.abort(new Error('left'))
    expect(await left).toBe(controller.signal.reason)
    const cut = rejection(h.store.registerMany(hanging()).next())
    await h.store.close()
    expect(codeOf(await cut)).toBe('DAGSTORE_CLOSED')
    expect(codeOf(await rejection(h.store.registerMany(many(1)).next()))).toBe('DAGSTORE_CLOSED')

    await using full = await openHarness()
    const catalogue = await openCatalogue(full.db)
    expect(catalogue.unindexed).toBe(0)
    await full.db.close()
    expect(codeOf(await rejection(full.store.registerMany(many(1)).next()))).toBe('DAGSTORE_STORAGE_FAILED')
  })

  it('leaves a destroyed shard to its destruction', async () => {
    await using h = await openHarness()
    const lease = await h.store.acquire('k0', { registerAs: h.sources.put('0', car) })
    const destroyed = h.store.destroy('k0')
    expect(codes(await collectAll(h.store.registerMany(many(1))))).toEqual(['DAGSTORE_SHARD_DESTROYED'])
    await lease.close()
    await destroyed
    expect(codes(await collectAll(h.store.registerMany(many(1))))).toEqual(['new'])
  })

  it('says of each item whether its key was new', async () => {
    await using h = await openHarness()
    const copied = { key: 'c', mountUrl: 'test:1', indexing: 'eager' } as const
    h.sources.put('1', car)
    const added = async (items: readonly RegisterItem[]): Promise<unknown[]> => (await collectAll(h.store.registerMany(items))).map((outcome) => outcome.ok && outcome.added)
    expect(await added([{ key: 'a', mountUrl: 'test:1' }, { key: 'a', mountUrl: 'test:1' }, copied])).toEqual([true, false, true])
    expect(await added([{ key: 'b', mountUrl: 'test:1' }, { key: 'a', mountUrl: 'test:1' }, copied])).toEqual([true, false, false])
  })

  it('registers a shard as another store left it, errored with its reason, and the next acquire tries it', async () => {
    await using h = await openHarness()
    const failedBefore = { message: 'failed to fetch', at: '2026-01-02T03:04:05.000Z' }
    const url = h.sources.put('1', car)
    const [outcome] = await collectAll(h.store.registerMany([{ key: 'a', mountUrl: url, failedBefore }, { key: 'b', mountUrl: url }]))
    const error = { ...failedBefore, code: 'DAGSTORE_SHARD_ERRORED', retry: 'later', attempts: 1, nextRetryAt: undefined }
    expect(outcome).toMatchObject({ ok: true, added: true, info: { health: 'errored', error } })
    expect(h.events).toContainEqual({ type: 'health', key: 'a', from: undefined, to: 'errored', failure: error })
    await using again = await h.reopen()
    expect(await again.store.shard('a')).toMatchObject({ health: 'errored', error })
    expect((await collectAll(again.store.shards({ health: 'errored' }))).map(({ key }) => key)).toEqual(['a'])
    expect(h.sources.opens.size).toBe(0)
    // of a key that is there it changes nothing
    expect(await collectAll(again.store.registerMany([{ key: 'b', mountUrl: url, failedBefore }]))).toMatchObject([{ info: { health: 'new' } }])
    const lease = await again.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    await lease.close()
    expect(await again.store.shard('a')).toMatchObject({ health: 'available', error: undefined })
  })
})
