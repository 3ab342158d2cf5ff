/** What becomes of a shard whose source has changed, or moved, when it is refreshed. */
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { DagstoreEvent } from '../src/index.ts'
import { codeOf, gate, type Harness, makeCar, namesIn, openHarness, rejection, type TestCar, until } from './harness.ts'

const [one, two] = [makeCar(1), makeCar(2)]

const withShard = async (access: 'random' | 'sequential' = 'random'): Promise<Harness> => {
  const h = await openHarness()
  await h.store.register('a', h.sources.put('a', one, { access }), { indexing: 'eager' })
  return h
}

const change = (h: Harness, name: string, car: TestCar | Uint8Array): void => {
  h.sources.put(name, car)
  h.sources.place(name).version++
}

const found = async (h: Harness, car: TestCar): Promise<readonly string[]> => h.store.find(car.blocks[1]!.cid.multihash.bytes)
const copies = async (h: Harness): Promise<string[]> => (await namesIn(h.files)).filter((name) => name.endsWith('.transient'))

describe('refresh', () => {
  it('indexes what the mount has now, and takes the old entries back with the same write', async () => {
    await using h = await withShard()
    expect(await h.store.shard('a')).toMatchObject({ indexGeneration: 1, dataGeneration: 1 })
    change(h, 'a', two)
    expect(await h.store.refresh('a')).toMatchObject({ health: 'available', mountUrl: 'test:a', indexGeneration: 2, dataGeneration: 2, error: undefined })
    expect(await found(h, one)).toEqual([])
    expect(await found(h, two)).toEqual(['a'])
    expect(await h.store.blockstore.bytes(two.blocks[3]!.cid)).toEqual(two.blocks[3]!.data)
    await until(async () => (await namesIn(h.files)).filter((name) => name.startsWith('index/')).length === 1)
  })

  it('does nothing where the mount has what was indexed', async () => {
    for (const access of ['random', 'sequential'] as const) {
      await using h = await withShard(access)
      const names = await namesIn(h.files)
      expect(await h.store.refresh('a')).toMatchObject({ health: 'available', indexGeneration: 1, dataGeneration: 1 })
      await until(async () => (await namesIn(h.files)).length === names.length)
      const lease = await h.store.acquire('a')
      await lease.close()
      expect(h.events.filter(({ type }) => type === 'index-unusable')).toEqual([])
    }
  })

  it('reads another mount from now on, and keeps neither URL nor copy of the one before', async () => {
    await using h = await withShard('sequential')
    h.sources.put('b', two, { access: 'sequential' })
    expect(await h.store.refresh('a', { mount: 'test:b' })).toMatchObject({ health: 'available', mountUrl: 'test:b', dataGeneration: 2 })
    await until(async () => (await copies(h)).length === 1)
    h.sources.place('a').bytes = undefined
    const next = await h.reopen()
    expect(await next.store.shard('a')).toMatchObject({ mountUrl: 'test:b' })
    expect(await next.store.blockstore.bytes(two.blocks[0]!.cid)).toEqual(two.blocks[0]!.data)
    expect(codeOf(await rejection(next.store.register('a', 'test:a')))).toBe('DAGSTORE_SHARD_EXISTS')
    await next.store.close()
  })

  it('leaves leases that are out with their bytes, and gives the new ones to those who come', async () => {
    await using h = await withShard('sequential')
    const old = await h.store.acquire('a')
    change(h, 'a', two)
    const reading = gate()
    h.sources.place('a').before = async (step) => { if (step === 'open') await reading.passed }
    const refreshing = h.store.refresh('a')
    // while it is under way, the old bytes are those of the shard
    const beside = await h.store.acquire('a')
    expect(await beside.blockstore.bytes(one.blocks[1]!.cid)).toEqual(one.blocks[1]!.data)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', mountUrl: 'test:a', indexGeneration: 1 })
    reading.open()
    await refreshing
    const fresh = await h.store.acquire('a')
    expect(await fresh.blockstore.bytes(two.blocks[1]!.cid)).toEqual(two.blocks[1]!.data)
    expect(await fresh.blockstore.has(one.blocks[1]!.cid)).toBe(false)
    for (const lease of [old, beside]) expect(await lease.blockstore.bytes(one.blocks[2]!.cid)).toEqual(one.blocks[2]!.data)
    expect(await copies(h)).toHaveLength(2)
    for (const lease of [old, beside, fresh]) await lease.close()
    await until(async () => (await copies(h)).length === 1)
  })

  it('lets those who come without a session wait, and serves them with what it has read', async () => {
    await using h = await withShard()
    change(h, 'a', two)
    const reading = gate()
    let opens = 0
    h.sources.place('a').before = async (step) => { if (step === 'open' && ++opens === 2) await reading.passed }
    const refreshing = h.store.refresh('a')
    await until(() => opens === 2)
    const waiting = Promise.all([h.store.acquire('a'), h.store.acquire('a', { priority: 'background' }), h.store.initialize('a')])
    reading.open()
    await refreshing
    const [left, right] = await waiting
    for (const lease of [left, right]) {
      expect(await lease.blockstore.bytes(two.blocks[1]!.cid)).toEqual(two.blocks[1]!.data)
      await lease.close()
    }
    expect(h.sources.opens.get('a')).toBe(3)
  })

  it.each<{ why: string, spoil: (h: Harness) => void, cause: string }>([
    { why: 'the mount is away', cause: 'MOUNT_UNREACHABLE', spoil: (h) => { h.sources.place('b').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) } } },
    { why: 'there is no CAR', cause: 'CARV2_BAD_HEADER', spoil: (h) => { h.sources.put('b', new Uint8Array(5)) } },
    { why: 'there is nothing', cause: 'MOUNT_MISSING', spoil: () => {} },
  ])('fails with the cause and leaves the shard as it was when $why', async ({ spoil, cause }) => {
    await using h = await withShard()
    const lease = await h.store.acquire('a')
    spoil(h)
    const error = await rejection(h.store.refresh('a', { mount: 'test:b' })) as Error
    expect(codeOf(error)).toBe('DAGSTORE_REFRESH_FAILED')
    expect(codeOf(error.cause)).toBe(cause)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', mountUrl: 'test:a', indexGeneration: 1, dataGeneration: 1, error: undefined })
    expect(await lease.blockstore.bytes(one.blocks[1]!.cid)).toEqual(one.blocks[1]!.data)
    await lease.close()
    expect(await found(h, one)).toEqual(['a'])
    const next = await h.reopen()
    expect(await next.store.blockstore.bytes(one.blocks[0]!.cid)).toEqual(one.blocks[0]!.data)
    await next.store.close()
  })

  it('mends an errored shard by another mount, and leaves it errored where that fails too', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', new Uint8Array(3)), { indexing: 'eager' }).catch(() => {})
    const before = await h.store.shard('a')
    expect(codeOf(await rejection(h.store.refresh('a', { mount: 'test:nowhere' })))).toBe('DAGSTORE_REFRESH_FAILED')
    expect(await h.store.shard('a')).toEqual(before)
    h.sources.put('b', one)
    expect(await h.store.refresh('a', { mount: 'test:b' })).toMatchObject({ health: 'available', mountUrl: 'test:b', error: undefined })
    expect(await found(h, one)).toEqual(['a'])
  })

  it('only notes the other mount of a shard that was never indexed', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', one))
    h.sources.put('b', two)
    expect(await h.store.refresh('a')).toMatchObject({ health: 'new', mountUrl: 'test:a' })
    expect(await h.store.refresh('a', { mount: 'test:b' })).toMatchObject({ health: 'new', mountUrl: 'test:b' })
    expect(h.sources.opens.size).toBe(0)
    await (await h.store.acquire('a')).close()
    expect(await found(h, two)).toEqual(['a'])
  })

  it('refuses a key that is not registered, a bad URL and a scheme without a mount', async () => {
    await using h = await withShard()
    expect(codeOf(await rejection(h.store.refresh('b')))).toBe('DAGSTORE_SHARD_UNKNOWN')
    expect(codeOf(await rejection(h.store.refresh('a', { mount: 'test:' })))).toBe('MOUNT_BAD_URL')
    expect(codeOf(await rejection(h.store.refresh('a', { mount: 'none:x' })))).toBe('MOUNT_UNKNOWN_SCHEME')
  })

  it('looks again for whoever asks while it reads: the bytes may have changed since', async () => {
    await using h = await withShard()
    change(h, 'a', two)
    const reading = gate()
    let opens = 0
    h.sources.place('a').before = async (step) => { if (step === 'open' && ++opens === 2) await reading.passed }
    const first = h.store.refresh('a')
    await until(() => opens === 2)
    const second = Promise.all([h.store.refresh('a'), h.store.refresh('a')])
    reading.open()
    await first
    change(h, 'a', one)
    await second
    expect(await found(h, one)).toEqual(['a'])
    expect(await found(h, two)).toEqual([])
  })

  it('is given up when its only caller leaves, and then nothing of it stays', async () => {
    await using h = await withShard('sequential')
    const names = (await namesIn(h.files)).sort()
    change(h, 'a', two)
    const leaving = new AbortController()
    const opened = gate()
    let opens = 0
    h.sources.place('a').before = async (step, signal) => {
      if (step !== 'open' || ++opens < 2) return
      opened.open()
      await new Promise((_, reject) => { signal?.addEventListener('abort', () => { reject(signal.reason) }) })
    }
    const call = h.store.refresh('a', { signal: leaving.signal })
    await opened.passed
    const parked = h.store.acquire('a')
    leaving.abort(new Error('gone'))
    expect(await rejection(call)).toMatchObject({ message: 'gone' })
    h.sources.place('a').before = async () => {}
    // who waited meanwhile gets what the mount has, as without a refresh
    const lease = await parked
    expect(await lease.blockstore.bytes(two.blocks[1]!.cid)).toEqual(two.blocks[1]!.data)
    await lease.close()
    await until(async () => (await namesIn(h.files)).length === names.length)
  })

  it('ends with the store or the shard, whichever is closed or destroyed', async () => {
    for (const end of ['close', 'destroy'] as const) {
      const h = await withShard()
      change(h, 'a', two)
      let opens = 0
      h.sources.place('a').before = async (step) => { if (step === 'open' && ++opens === 2) await new Promise(() => {}) }
      const call = rejection(h.store.refresh('a'))
      await until(() => opens === 2)
      if (end === 'close') await h.store.close()
      else await h.store.destroy('a', { mode: 'force' })
      expect(codeOf(await call)).toBe(end === 'close' ? 'DAGSTORE_CLOSED' : 'DAGSTORE_SHARD_DESTROYED')
      if (end === 'destroy') {
        expect((await namesIn(h.files)).filter((name) => name.startsWith('index/'))).toEqual([])
        await h.store.close()
      }
    }
  })

  it('is undone by the next process where this one ends in the middle', async () => {
    const h = await withShard('sequential')
    const names = (await namesIn(h.files)).sort()
    change(h, 'a', two)
    let opens = 0
    h.sources.place('a').before = async (step) => { if (step === 'open' && ++opens === 2) await new Promise(() => {}) }
    const call = h.store.refresh('a').catch(() => {})
    await until(() => opens === 2)
    change(h, 'a', one)
    h.sources.place('a').version = 1
    h.sources.place('a').before = async () => {}
    const next = await h.reopen()
    await call
    const lease = await next.store.acquire('a')
    expect(lease).toMatchObject({ indexGeneration: 1, dataGeneration: 1 })
    await lease.close()
    await until(async () => (await next.store.shard('a'))?.health === 'available')
    await until(async () => (await namesIn(next.files)).length === names.length)
    expect(next.events.filter(({ type }: DagstoreEvent) => type === 'index-unusable')).toEqual([])
    // and a later one begins under numbers that were never used
    change(next, 'a', two)
    expect(await next.store.refresh('a')).toMatchObject({ indexGeneration: 3, dataGeneration: 3 })
    await next.store.close()
  })

  it('rebuilds an index that turned out to be damaged meanwhile, when it comes to nothing', async () => {
    await using h = await withShard()
    const lease = await h.store.acquire('a')
    let opens = 0
    const reading = gate()
    h.sources.place('b').before = async (step) => {
      if (step !== 'open') return
      opens++
      await reading.passed
      throw new MountError('MOUNT_FORBIDDEN', 'no')
    }
    const call = rejection(h.store.refresh('a', { mount: 'test:b' }))
    await until(() => opens === 1)
    h.wrong.below.add('index/')
    const reads = Promise.allSettled(one.blocks.map(({ cid }) => lease.blockstore.bytes(cid)))
    await until(async () => (await h.store.shard('a'))?.leases === 1)
    await new Promise((resolve) => { setTimeout(resolve, 20) })
    h.wrong.below.clear()
    reading.open()
    expect(codeOf(await call)).toBe('DAGSTORE_REFRESH_FAILED')
    await reads
    await lease.close()
    const again = await h.store.acquire('a')
    expect(await again.blockstore.bytes(one.blocks[4]!.cid)).toEqual(one.blocks[4]!.data)
    await again.close()
  })
})
