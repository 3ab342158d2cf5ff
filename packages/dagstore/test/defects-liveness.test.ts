/** The defects of the Go DAG store in liveness, scale and resources, as regressions. */
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { ShardLease } from '../src/index.ts'
import { codeOf, collectAll, gate, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

/** Counts writes of a database; `fail` makes the synced ones reject. */
const watchWrites = (db: { batch: (...args: any[]) => any }): { writes: number, fail: boolean } => {
  const state = { writes: 0, fail: false }
  const batch = db.batch.bind(db)
  db.batch = (...args: unknown[]) => {
    state.writes++
    if (state.fail && args.length === 0) throw new Error('disk is gone') // a chained batch
    if (state.fail) return Promise.reject(new Error('disk is gone'))
    return batch(...args)
  }
  return state
}

describe('defects of liveness, scale and resources', () => {
  it('D28: nothing is acknowledged that could not be written, and the store goes on when it can be', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1))
    const db = watchWrites(h.db)
    db.fail = true
    expect(await rejection(h.store.register('a', url))).toMatchObject({ code: 'DAGSTORE_STORAGE_FAILED', retry: 'later' })
    expect(await h.store.shard('a')).toBeUndefined()
    db.fail = false
    await h.store.register('a', url)
    db.fail = true
    expect(codeOf(await rejection(h.store.acquire('a')))).toBe('DAGSTORE_STORAGE_FAILED')
    expect(codeOf(await rejection(h.store.destroy('a')))).toBe('DAGSTORE_STORAGE_FAILED')
    expect(await h.store.shard('a')).toMatchObject({ health: 'new', destroying: false })
    db.fail = false
    await (await h.store.acquire('a')).close()
    expect(h.events.filter(({ type }) => type === 'unsaved')).toHaveLength(3)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available' })
  })

  it('D28: an index that cannot be committed is not served, and is built again', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1))
    const db = watchWrites(h.db)
    await h.store.register('a', url)
    let reads = 0
    // from the moment the bytes are read nothing can be written
    h.sources.place('a').before = async (step) => { if (step === 'read' && reads++ === 0) db.fail = true }
    expect(codeOf(await rejection(h.store.acquire('a')))).toMatch(/^DAGSTORE_(?:SHARD_ERRORED|STORAGE_FAILED)$/)
    expect(await h.store.find(makeCar(1).blocks[0]!.cid.multihash.bytes).catch(() => [])).toEqual([])
    db.fail = false
    await using again = await h.reopen()
    await (await again.store.acquire('a')).close()
    expect(again.sources.open).toBe(0)
    await until(async () => (await namesIn(h.files)).length === 1)
  })

  it('a source that takes long to be ready holds no slot: others are indexed meanwhile', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 1 })
    const { passed, open } = gate()
    h.sources.place('slow').ready = false
    h.sources.place('slow').before = async (step) => { if (step === 'open') await passed }
    await h.store.register('slow', h.sources.put('slow', makeCar(1)))
    await h.store.register('b', h.sources.put('b', makeCar(2)))
    const slow = h.store.acquire('slow')
    await until(() => h.sources.opens.get('slow') === 1)
    await (await h.store.acquire('b')).close()
    open()
    await (await slow).close()
    expect(h.sources.open).toBe(0)
  })

  it('a source that became ready is closed when its build is aborted in the queue', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 1 })
    const { passed, open } = gate()
    h.sources.place('busy').before = async (step) => { if (step === 'read') await passed }
    h.sources.place('slow').ready = false
    for (const name of ['busy', 'slow']) await h.store.register(name, h.sources.put(name, makeCar(1)))
    const busy = h.store.acquire('busy')
    await until(() => h.sources.open === 1)
    const leaving = new AbortController()
    const slow = rejection(h.store.acquire('slow', { signal: leaving.signal }))
    await until(() => h.sources.open === 2)
    leaving.abort(new Error('gone'))
    expect(await slow).toBe(leaving.signal.reason)
    await until(() => h.sources.open === 1)
    open()
    await (await busy).close()
  })

  it('D31: callers who do nothing with their leases hold up nobody', async () => {
    await using h = await openHarness()
    for (const name of ['a', 'b']) await h.store.register(name, h.sources.put(name, makeCar(1)))
    const idle = Array.from({ length: 300 }, () => h.store.acquire('a'))
    await using lease = await h.store.acquire('b')
    expect(lease.key).toBe('b')
    await Promise.all(idle)
    expect(await h.store.shard('a')).toMatchObject({ leases: 300 })
  })

  it('D33: listing, asking and destroying at once never wait for each other', async () => {
    await using h = await openHarness()
    await Promise.all(Array.from({ length: 60 }, (_, at) => h.store.register(`k${at}`, h.sources.put(`k${at}`, makeCar(at, 2)))))
    await Promise.all(Array.from({ length: 60 }, async (_, at) => {
      await Promise.all([h.store.destroy(`k${at}`), collectAll(h.store.shards()), h.store.shard(`k${at}`)])
    }))
    expect(await collectAll(h.store.shards())).toEqual([])
  })

  it('D35: a listener that throws stops nothing', async () => {
    await using h = await openHarness({ onEvent: () => { throw new Error('listener') } })
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    expect(await h.store.shard('a')).toMatchObject({ health: 'available' })
  })

  it('D36: acquires that are withdrawn at any moment leave no source open', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1)))
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, async (_, at) => {
      const leaving = new AbortController()
      const acquiring = h.store.acquire('a', { signal: leaving.signal })
      for (let i = 0; i < at; i++) await Promise.resolve()
      leaving.abort(new Error('gone'))
      const lease = await acquiring
      await lease.close()
    }))
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
    await until(async () => h.sources.open === 0)
    expect(await h.store.shard('a')).toMatchObject({ leases: 0 })
  })

  it('D37: close answers everybody who waits, revokes leases, and lets nothing be written afterwards', async () => {
    const h = await openHarness()
    const car = makeCar(1)
    await h.store.register('open', h.sources.put('open', car), { indexing: 'eager' })
    const lease = await h.store.acquire('open')
    for (const name of ['x', 'y', 'z']) {
      h.sources.put(name, makeCar(2))
      h.sources.place(name).before = (step) => step === 'open' ? new Promise(() => {}) : Promise.resolve()
      await h.store.register(name, `test:${name}`)
    }
    const waiting = ['x', 'y', 'z', 'x', 'open'].flatMap((name) => [name === 'open' ? h.store.destroy(name) : h.store.acquire(name)])
    const outcomes = Promise.all(waiting.map((promise: Promise<unknown>) => rejection(promise)))
    await until(async () => (await h.store.shard('open'))?.destroying === true)
    const db = watchWrites(h.db)
    await h.store.close()
    expect((await outcomes).map(codeOf)).toEqual(Array.from({ length: 5 }, () => 'DAGSTORE_CLOSED'))
    expect(await rejection(lease.blockstore.bytes(car.blocks[0]!.cid))).toMatchObject({ code: 'BLOCKSTORE_CLOSED', cause: { code: 'DAGSTORE_CLOSED' } })
    await lease.close()
    const after = db.writes
    for (const call of [() => h.store.acquire('x'), () => h.store.register('n', 'test:n'), () => h.store.destroy('x'), () => h.store.recover('x'), () => h.store.shard('x')]) {
      expect(codeOf(await rejection(call()))).toBe('DAGSTORE_CLOSED')
    }
    expect(codeOf(await rejection(collectAll(h.store.shards())))).toBe('DAGSTORE_CLOSED')
    expect(await rejection(h.store.blockstore.bytes(car.blocks[0]!.cid))).toMatchObject({ code: 'BLOCKSTORE_CLOSED', cause: { code: 'DAGSTORE_CLOSED' } })
    await h.store.close()
    expect(db.writes).toBe(after)
    expect(h.sources.open).toBe(0)
  })

  it('D37: close ends while a mount hangs in the middle of a read', async () => {
    const h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    h.sources.place('a').before = (step) => step === 'read' ? new Promise(() => {}) : Promise.resolve()
    const reading = rejection(lease.blockstore.bytes(car.blocks[0]!.cid))
    await h.store.close()
    expect(codeOf(await reading)).toBe('BLOCKSTORE_CLOSED')
  })

  it('D38: acquiring and closing writes nothing', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    const db = watchWrites(h.db)
    for (let round = 0; round < 100; round++) await (await h.store.acquire('a')).close()
    expect(db.writes).toBe(0)
  })

  it('D38: registrations that come together are written together', async () => {
    await using h = await openHarness()
    const db = watchWrites(h.db)
    await Promise.all(Array.from({ length: 200 }, (_, at) => h.store.register(`k${at}`, `test:k${at}`)))
    expect(db.writes).toBeLessThan(10)
    expect((await collectAll(h.store.shards())).length).toBe(200)
  })

  it('D39: leases of one shard share one open source', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    const leases: ShardLease[] = await Promise.all(Array.from({ length: 20 }, () => h.store.acquire('a')))
    expect(h.sources.open).toBe(1)
    for (const lease of leases) await lease.close()
    expect(h.sources.open).toBe(0)
  })

  it('D43: shards are listed in pages, from any key on, and by health', async () => {
    await using h = await openHarness()
    const keys = Array.from({ length: 700 }, (_, at) => `k${String(at).padStart(4, '0')}`)
    await Promise.all(keys.map((key) => h.store.register(key, `test:${key}`)))
    h.sources.put('bad', new Uint8Array(2))
    await h.store.register('zbad', 'test:bad')
    await rejection(h.store.acquire('zbad'))
    expect((await collectAll(h.store.shards())).map(({ key }) => key)).toEqual([...keys, 'zbad'])
    expect((await collectAll(h.store.shards({ after: 'k0649' }))).map(({ key }) => key)).toEqual([...keys.slice(650), 'zbad'])
    expect((await collectAll(h.store.shards({ health: 'errored' }))).map(({ key }) => key)).toEqual(['zbad'])
    expect((await collectAll(h.store.shards({ health: 'new', after: 'k0698' }))).map(({ key }) => key)).toEqual(['k0699'])
  })

  it('D45: a block is read from another shard when one of those that hold it fails', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    for (const name of ['a', 'b', 'c']) await h.store.register(name, h.sources.put(name, car), { indexing: 'eager' })
    const { cid, data } = car.blocks[4]!
    for (const name of ['a', 'b']) h.sources.place(name).before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
    expect(await h.store.blockstore.bytes(cid)).toEqual(data)
    expect(await h.store.blockstore.has(cid)).toBe(true)
    h.sources.place('c').before = h.sources.place('a').before
    await using again = await h.reopen()
    expect(await rejection(Promise.resolve(again.store.blockstore.has(cid)))).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
    const error = await rejection(again.store.blockstore.bytes(cid)) as Error & { cause: AggregateError }
    expect(codeOf(error)).toBe('BLOCKSTORE_UNREADABLE')
    expect(error.cause).toBeInstanceOf(AggregateError)
    expect(error.cause.errors.map(codeOf)).toEqual(['DAGSTORE_SHARD_ERRORED', 'DAGSTORE_SHARD_ERRORED', 'DAGSTORE_SHARD_ERRORED'])
    for (const name of ['a', 'b', 'c']) again.sources.place(name).before = async () => {}
    expect(await again.store.blockstore.bytes(cid)).toEqual(data)
  })

  it('builds no more shards at a time than it was told to', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 3 })
    const { passed, open } = gate()
    let inside = 0
    let most = 0
    const keys = Array.from({ length: 12 }, (_, at) => `k${at}`)
    const registered = keys.map((key) => {
      const url = h.sources.put(key, makeCar(1))
      h.sources.place(key).before = async (step) => {
        if (step !== 'open') return
        most = Math.max(most, ++inside)
        await passed
        inside--
      }
      return h.store.register(key, url, { indexing: 'eager' })
    })
    await until(() => inside === 3)
    open()
    await Promise.all(registered)
    expect(most).toBe(3)
  })
})
