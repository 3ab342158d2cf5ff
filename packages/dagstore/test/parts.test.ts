import { describe, expect, it } from 'vitest'
import { abortable } from '../src/abortable.ts'
import { toLotusRecord, toLotusState } from '../src/index.ts'
import { createLimiter } from '../src/limiter.ts'
import { openDagstore } from '../src/index.ts'
import { spoilIndex } from '../src/lease.ts'
import { gate, makeCar, openHarness } from './harness.ts'

describe('createLimiter', () => {
  it('runs so many at a time, in the order in which they came', async () => {
    const limiter = createLimiter(2)
    const order: number[] = []
    const gates = [0, 1, 2, 3].map(() => gate())
    const runs = gates.map(({ passed }, at) => limiter.run(async () => { order.push(at); await passed }))
    await Promise.resolve()
    expect(order).toEqual([0, 1])
    gates[1]!.open()
    await runs[1]
    await Promise.resolve()
    expect(order).toEqual([0, 1, 2])
    for (const { open } of gates) open()
    await Promise.all(runs)
    expect(order).toEqual([0, 1, 2, 3])
  })

  it('lets a waiter leave without its turn being lost', async () => {
    const limiter = createLimiter(1)
    const { passed, open } = gate()
    const first = limiter.run(() => passed)
    const leaving = new AbortController()
    const second = limiter.run(async () => 'second', { signal: leaving.signal })
    const third = limiter.run(async () => 'third')
    leaving.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    open()
    await first
    expect(await third).toBe('third')
    await expect(limiter.run(async () => {}, { signal: leaving.signal })).rejects.toThrow('gone')
    expect(await limiter.run(async () => 'still')).toBe('still')
  })

  it('frees the slot of work that failed', async () => {
    const limiter = createLimiter(1)
    await expect(limiter.run(async () => { throw new Error('bad') })).rejects.toThrow('bad')
    expect(await limiter.run(async () => 1)).toBe(1)
  })
})

describe('abortable', () => {
  it('leaves work that does not listen, and disposes of what it gives too late', async () => {
    const leaving = new AbortController()
    const late: string[] = []
    let resolve: (value: string) => void = () => {}
    const left = abortable(new Promise<string>((done) => { resolve = done }), leaving.signal, (value) => { late.push(value) })
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    resolve('late')
    await Promise.resolve()
    await Promise.resolve()
    expect(late).toEqual(['late'])
    expect(await abortable(Promise.resolve('in time'), new AbortController().signal)).toBe('in time')
    await expect(abortable(Promise.reject(new Error('bad')), new AbortController().signal)).rejects.toThrow('bad')
  })
})

describe('the names of Lotus', () => {
  it.each([
    { health: 'new', leases: 0, state: 'ShardStateNew', number: 0 },
    { health: 'initializing', leases: 0, state: 'ShardStateInitializing', number: 1 },
    { health: 'available', leases: 0, state: 'ShardStateAvailable', number: 2 },
    { health: 'available', leases: 3, state: 'ShardStateServing', number: 3 },
    { health: 'recovering', leases: 1, state: 'ShardStateRecovering', number: 128 },
    { health: 'errored', leases: 1, state: 'ShardStateErrored', number: 240 },
  ] as const)('$health with $leases leases is $state', ({ health, leases, state, number }) => {
    expect(toLotusState({ health, leases })).toBe(state)
    const info = { key: 'k', mountUrl: 'test:a', health, leases, destroying: false, dataGeneration: 0, indexGeneration: 0, error: health === 'errored' ? { code: 'X', message: 'm', at: '', retry: 'never' as const, attempts: 1, nextRetryAt: undefined } : undefined }
    expect(toLotusRecord(info)).toEqual({ k: 'k', u: 'test:a', t: '', s: number, l: health === 'new', e: health === 'errored' ? 'm' : '' })
  })
})

describe('openDagstore', () => {
  it.each(['maxOpenShards', 'maxConcurrentIndexing'])('refuses %s below 1, and what is no number', async (name) => {
    for (const value of [0, -1, 1.5, Number.NaN]) await expect(openHarness({ [name]: value })).rejects.toThrow(RangeError)
  })

  it('goes on with the catalogue and the index it is given, and leaves them open', async () => {
    const { createMemoryCatalogue } = await import('../src/index.ts')
    const { createMemoryTopLevelIndex } = await import('@dagstore/top-level-index')
    const { createMemoryDirectory } = await import('@dagstore/io')
    const { bytesMount, bytesUrl, createMountRegistry } = await import('@dagstore/mounts')
    const { createHashes } = await import('@dagstore/hashes')
    const parts = { catalogue: createMemoryCatalogue(), topLevelIndex: createMemoryTopLevelIndex(), files: createMemoryDirectory('m'), mounts: createMountRegistry([bytesMount()]), hashes: createHashes() }
    const car = makeCar(1)
    for (let round = 0; round < 2; round++) {
      const store = await openDagstore(parts)
      await store.register('a', bytesUrl(car.bytes), { indexing: 'eager' })
      expect(await store.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
      await store.close()
    }
    expect(await parts.catalogue.get('a')).toBeDefined()
  })

  it('counts what comes to a shard that can do nothing with it', async () => {
    await using h = await openHarness()
    const leases = []
    for (const key of ['a', 'b']) {
      await h.store.register(key, h.sources.put(key, makeCar(1)))
      leases.push(await h.store.acquire(key))
    }
    const ignored = (): unknown => h.events.filter(({ type }) => type === 'ignored')
    expect(ignored()).toEqual([])
    for (const key of ['a', 'b']) await h.store.destroy(key, { mode: 'force' })
    // that a revoked lease is closed means what it should
    for (const lease of leases) await lease.close()
    expect(ignored()).toEqual([])
    for (const lease of leases) spoilIndex(lease)
    expect(ignored()).toEqual([{ type: 'ignored', key: 'a', event: 'spoiled', total: 1 }, { type: 'ignored', key: 'b', event: 'spoiled', total: 2 }])
  })
})
