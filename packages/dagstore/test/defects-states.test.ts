/** The defects of the Go DAG store that leave a shard in a wrong state or stuck, as regressions. */
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import { codeOf, collectAll, gate, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

const unreachable = (): MountError => new MountError('MOUNT_UNREACHABLE', 'no route', { retry: 'later' })

describe('defects of states', () => {
  it('D1: a failed fetch is not remembered: the next acquire asks the source again', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    const url = h.sources.put('a', car, { access: 'sequential' })
    const place = h.sources.place('a')
    place.before = async (step) => { if (step === 'open') throw unreachable() }
    await h.store.register('a', url)
    const error = await rejection(h.store.acquire('a'))
    expect(error).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'later', cause: { code: 'MOUNT_UNREACHABLE' } })
    expect(await h.store.shard('a')).toMatchObject({ health: 'errored', error: { code: 'MOUNT_UNREACHABLE', retry: 'later' } })
    place.before = async () => {}
    await using lease = await h.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    expect(h.sources.opens.get('a')).toBe(2)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', error: undefined })
  })

  it('D1: recover asks the source again after a failure that no retry would heal', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1).bytes.slice(0, 100))
    await h.store.register('a', url)
    expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'never' })
    expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED' })
    expect(h.sources.opens.get('a')).toBe(1)
    h.sources.put('a', makeCar(1))
    expect(await h.store.recover('a')).toMatchObject({ health: 'available', dataGeneration: 2 })
    expect(h.sources.opens.get('a')).toBe(2)
  })

  it('D2: a caller who leaves takes nobody along', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1))
    const { passed, open } = gate()
    h.sources.place('a').before = async (step) => { if (step === 'open') await passed }
    await h.store.register('a', url)
    const leaving = new AbortController()
    const first = h.store.acquire('a', { signal: leaving.signal })
    const second = h.store.acquire('a')
    leaving.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    open()
    await using lease = await second
    expect(lease.key).toBe('a')
    expect(h.sources.opens.get('a')).toBe(1)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', leases: 1 })
  })

  it('D2: when nobody waits any more the job is aborted, and the shard is as it was', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1))
    h.sources.place('a').before = (step) => step === 'open' ? new Promise(() => {}) : Promise.resolve()
    await h.store.register('a', url)
    const leaving = new AbortController()
    const first = h.store.acquire('a', { signal: leaving.signal })
    await until(async () => (await h.store.shard('a'))?.health === 'initializing')
    leaving.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    await until(async () => (await h.store.shard('a'))?.health === 'new')
    h.sources.place('a').before = async () => {}
    await using lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(2)
  })

  it('D3: the registrant of an eager shard may leave; its indexing goes on', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1))
    const { passed, open } = gate()
    h.sources.place('a').before = async (step) => { if (step === 'open') await passed }
    const leaving = new AbortController()
    const registered = h.store.register('a', url, { indexing: 'eager', signal: leaving.signal })
    await until(async () => (await h.store.shard('a'))?.health === 'initializing')
    leaving.abort(new Error('gone'))
    await expect(registered).rejects.toThrow('gone')
    open()
    await until(async () => (await h.store.shard('a'))?.health === 'available')
  })

  it('D4: a recovery that a restart cut off is resumed', async () => {
    const first = await openHarness()
    const url = first.sources.put('a', new Uint8Array(3))
    await first.store.register('a', url)
    await rejection(first.store.acquire('a'))
    first.sources.put('a', makeCar(1))
    first.sources.place('a').before = (step) => step === 'open' ? new Promise(() => {}) : Promise.resolve()
    const recovering = rejection(first.store.recover('a'))
    await until(async () => (await first.store.shard('a'))?.health === 'recovering')
    const reopening = first.reopen()
    expect(codeOf(await recovering)).toBe('DAGSTORE_CLOSED')
    first.sources.place('a').before = async () => {}
    await using h = await reopening
    await until(async () => (await h.store.shard('a'))?.health === 'available')
  })

  it('D5: an eager shard whose indexing a restart cut off is resumed', async () => {
    const first = await openHarness()
    const url = first.sources.put('a', makeCar(1))
    first.sources.place('a').before = (step) => step === 'open' ? new Promise(() => {}) : Promise.resolve()
    const registering = rejection(first.store.register('a', url, { indexing: 'eager' }))
    await until(async () => (await first.store.shard('a'))?.health === 'initializing')
    const reopening = first.reopen()
    expect(codeOf(await registering)).toBe('DAGSTORE_CLOSED')
    first.sources.place('a').before = async () => {}
    await using h = await reopening
    await until(async () => (await h.store.shard('a'))?.health === 'available')
  })

  it('D7: leases keep their generation while the shard recovers, and free it when they close', async () => {
    await using h = await openHarness()
    // an index that is not brought whole when it is opened
    const car = makeCar(1, 4000)
    const url = h.sources.put('a', car, { access: 'sequential' })
    await h.store.register('a', url)
    const old = await h.store.acquire('a')
    const before = await namesIn(h.files)
    // reading shows that the index is gone bad: the shard rebuilds, the old lease stays
    h.wrong.below.add('index/')
    const found = await Promise.allSettled(car.blocks.map(async ({ cid }) => old.index.find(cid.multihash.bytes)))
    expect(new Set(found.flatMap((one) => one.status === 'rejected' ? [codeOf(one.reason)] : []))).toEqual(new Set(['CARV2_INDEX_DAMAGED']))
    h.wrong.below.clear()
    await using fresh = await h.store.acquire('a')
    expect(fresh.indexGeneration).toBe(old.indexGeneration + 1)
    expect(await old.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    // whoever collects, now or later, leaves what it reads
    await h.store.gc()
    for (const name of before) expect(await namesIn(h.files)).toContain(name)
    await old.close()
    await until(async () => (await namesIn(h.files)).filter((name) => name.startsWith('index/')).length === 1)
    expect(await h.store.shard('a')).toMatchObject({ leases: 1 })
  })

  it('D8: closing a lease twice takes no other lease with it', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car))
    const [one, two] = await Promise.all([h.store.acquire('a'), h.store.acquire('a')])
    await one.close()
    await one.close()
    expect(await h.store.shard('a')).toMatchObject({ leases: 1 })
    expect(await two.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
    expect(codeOf(await rejection(one.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_CLOSED')
    await two.close()
    expect(h.sources.open).toBe(0)
  })

  it('D9: a destroy that waits for a lease keeps the shard on record until it is done, and is finished after a restart', async () => {
    const first = await openHarness()
    await first.store.register('a', first.sources.put('a', makeCar(1)), { indexing: 'eager' })
    const lease = await first.store.acquire('a')
    const destroying = rejection(first.store.destroy('a'))
    await until(async () => (await first.store.shard('a'))?.destroying === true)
    expect(codeOf(await rejection(first.store.acquire('a')))).toBe('DAGSTORE_SHARD_DESTROYED')
    expect(await lease.blockstore.has(makeCar(1).blocks[0]!.cid)).toBe(true)
    const reopening = first.reopen()
    expect(codeOf(await destroying)).toBe('DAGSTORE_CLOSED')
    await using h = await reopening
    await until(async () => await h.store.shard('a') === undefined)
    expect(await namesIn(h.files)).toEqual([])
  })

  it('D10: destroy during indexing refuses who waits, and the shard does not come back', async () => {
    const first = await openHarness()
    const url = first.sources.put('a', makeCar(1))
    const { passed, open } = gate()
    first.sources.place('a').before = async (step) => { if (step === 'read') await passed }
    const registering = rejection(first.store.register('a', url, { indexing: 'eager' }))
    await until(async () => (await first.store.shard('a'))?.health === 'initializing')
    await first.store.destroy('a')
    expect(codeOf(await registering)).toBe('DAGSTORE_SHARD_DESTROYED')
    open()
    await using h = await first.reopen()
    expect(await collectAll(h.store.shards())).toEqual([])
    expect(await namesIn(h.files)).toEqual([])
  })

  it('D14: what failed for a passing reason is retried at each acquire, after a manual recovery too', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1))
    const place = h.sources.place('a')
    await h.store.register('a', url, { indexing: 'eager' })
    for (let round = 0; round < 3; round++) {
      place.before = async (step) => { if (step === 'open') throw unreachable() }
      expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'later' })
      expect(codeOf(await rejection(h.store.recover('a')))).toBe('DAGSTORE_SHARD_ERRORED')
      place.before = async () => {}
      if (round === 1) await h.store.recover('a')
      await (await h.store.acquire('a')).close()
      expect(await h.store.shard('a')).toMatchObject({ health: 'available', error: undefined })
    }
  })
})
