import { getEventListeners } from 'node:events'
import { carV1, carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { codeOf, collectAll, gate, makeCar, openHarness, rejection, until } from './harness.ts'

const joined = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => Buffer.concat(await collectAll(chunks))

describe('a lease', () => {
  it('is waited for by any number of callers with one signal, as one listener of it: more would be taken for a leak', async () => {
    await using h = await openHarness({ maxConcurrentIndexing: 2 })
    const leaving = new AbortController()
    const hung = gate()
    const calls = Array.from({ length: 20 }, (_, at) => {
      h.sources.put(`${at}`, makeCar(at))
      h.sources.place(`${at}`).before = async (step) => { if (step === 'open') await hung.passed }
      return rejection(h.store.acquire(`${at}`, { registerAs: `test:${at}`, noDownload: at % 2 === 0, signal: leaving.signal }))
    })
    const listening = calls.map(() => h.store.events({ signal: leaving.signal })[Symbol.asyncIterator]().next())
    await until(() => h.sources.opens.size > 0)
    expect(getEventListeners(leaving.signal, 'abort')).toHaveLength(1)
    leaving.abort(new Error('gone'))
    for (const call of calls) expect(await call).toBe(leaving.signal.reason)
    await Promise.allSettled(listening)
    hung.open()
  })

  it('gives roots, raw bytes, the index, and the payload without its padding', async () => {
    await using h = await openHarness()
    const car = makeCar(1, 30, 500)
    await h.store.register('a', h.sources.put('a', car))
    await using lease = await h.store.acquire('a')
    expect(lease.source.sizeBytes).toBe(car.bytes.byteLength)
    expect(await lease.source.read(0, car.bytes.byteLength)).toEqual(car.bytes)
    expect((await collectAll(lease.index.entries())).length).toBe(30)
    expect(lease.index.facts).toMatchObject({ entryCount: 30, payloadEnd: car.bytes.byteLength - 500 })
    const payload = Buffer.from(car.bytes.subarray(0, car.bytes.byteLength - 500))
    expect((await joined(lease.carStream())).equals(payload)).toBe(true)
    expect((await joined(lease.carStream({ verify: true }))).equals(payload)).toBe(true)
  })

  it('streams the CARv1 inside a CARv2', async () => {
    await using h = await openHarness()
    const blocks = makeBlocks(3, 20, { min: 1, max: 500 })
    const inner = carV1([blocks[0]!.cid], blocks)
    await h.store.register('a', h.sources.put('a', carV2({ roots: [blocks[0]!.cid], blocks, payloadPadding: 40 })))
    await using lease = await h.store.acquire('a')
    expect((await joined(lease.carStream())).equals(inner)).toBe(true)
    expect((await joined(lease.carStream({ verify: true }))).equals(inner)).toBe(true)
  })

  it('stops a verified stream before the first byte of a damaged block', async () => {
    await using h = await openHarness()
    const car = makeCar(1, 5)
    const damaged = car.bytes.slice()
    const at = Buffer.from(damaged).indexOf(car.blocks[3]!.data)
    damaged[at]! ^= 1
    await h.store.register('a', h.sources.put('a', damaged))
    await using lease = await h.store.acquire('a')
    const seen: Uint8Array[] = []
    const error = await rejection((async () => { for await (const chunk of lease.carStream({ verify: true })) seen.push(chunk) })())
    expect(error).toMatchObject({ code: 'BLOCKSTORE_HASH_MISMATCH', cid: car.blocks[3]!.cid })
    expect(Buffer.concat(seen).equals(car.bytes.subarray(0, Buffer.concat(seen).byteLength))).toBe(true)
    expect(seen).toHaveLength(4)
    expect((await joined(lease.carStream())).byteLength).toBe(car.bytes.byteLength)
  })

  it('lets calls under way finish when it is closed, and refuses later ones everywhere', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    const { passed, open } = gate()
    h.sources.place('a').before = async (step) => { if (step === 'read') await passed }
    const reading = lease.blockstore.bytes(car.blocks[0]!.cid)
    const closing = lease.close()
    expect(codeOf(await rejection(lease.blockstore.bytes(car.blocks[0]!.cid)))).toBe('BLOCKSTORE_CLOSED')
    expect(h.sources.open).toBe(1)
    open()
    expect(await reading).toEqual(car.blocks[0]!.data)
    await closing
    expect(h.sources.open).toBe(0)
    for (const call of [
      async () => lease.blockstore.has(car.blocks[0]!.cid),
      async () => lease.blockstore.size(car.blocks[0]!.cid),
      async () => lease.index.find(car.blocks[0]!.cid.multihash.bytes),
      async () => lease.source.read(0, 1),
      async () => lease.source.peek(0, 1),
      async () => joined(lease.carStream()),
      async () => collectAll(lease.index.entries()),
      async () => collectAll(lease.blockstore.getAll()),
    ]) expect(codeOf(await rejection(call()))).toBe('BLOCKSTORE_CLOSED')
  })

  it('does not hold a block back when an iteration is abandoned', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    const abandoned = lease.blockstore.getAll()
    await abandoned.next()
    await lease.close()
    expect(h.sources.open).toBe(0)
  })

  it('keeps source and index when only its facades are closed', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car))
    await using lease = await h.store.acquire('a')
    await lease.source.close()
    await lease.index.close()
    expect(await lease.blockstore.bytes(car.blocks[0]!.cid)).toEqual(car.blocks[0]!.data)
  })

  it('is refused new calls at once when its shard is destroyed by force, while one of them hangs', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    h.sources.place('a').before = (step) => step === 'read' ? new Promise(() => {}) : Promise.resolve()
    const hanging = rejection(lease.blockstore.bytes(car.blocks[0]!.cid))
    await h.store.destroy('a', { mode: 'force' })
    expect(await hanging).toMatchObject({ code: 'BLOCKSTORE_CLOSED' })
    expect(await rejection(lease.blockstore.bytes(car.blocks[0]!.cid))).toMatchObject({ code: 'BLOCKSTORE_CLOSED', cause: { code: 'DAGSTORE_SHARD_DESTROYED' } })
    await lease.close()
    expect(h.sources.open).toBe(0)
  })

  it('rests on one version of the bytes: when these change, the next lease gets the new ones', async () => {
    await using h = await openHarness()
    const [one, two] = [makeCar(1), makeCar(2)]
    await h.store.register('a', h.sources.put('a', one), { indexing: 'eager' })
    await using old = await h.store.acquire('a')
    const { IoError } = await import('@dagstore/io')
    h.sources.place('a').before = async (step) => { if (step === 'read') throw new IoError('IO_SOURCE_CHANGED', 'changed') }
    expect(await rejection(old.blockstore.bytes(one.blocks[0]!.cid))).toMatchObject({ code: 'BLOCKSTORE_UNREADABLE' })
    h.sources.put('a', two)
    Object.assign(h.sources.place('a'), { version: 2, before: async () => {} })
    await using fresh = await h.store.acquire('a')
    expect(await fresh.blockstore.bytes(two.blocks[0]!.cid)).toEqual(two.blocks[0]!.data)
    expect(await old.blockstore.bytes(one.blocks[0]!.cid)).toEqual(one.blocks[0]!.data)
  })
})

describe('acquire', () => {
  it('registers an unknown key once for all who ask, and leaves a known one alone', async () => {
    await using h = await openHarness()
    const url = h.sources.put('a', makeCar(1))
    const leases = await Promise.all([1, 2, 3].map(() => h.store.acquire('a', { registerAs: url })))
    expect(h.sources.opens.get('a')).toBe(1)
    for (const lease of leases) await lease.close()
    await (await h.store.acquire('a', { registerAs: 'test:other' })).close()
    expect(await h.store.shard('a')).toMatchObject({ mountUrl: 'test:a' })
  })

  it('fetches nothing with noDownload: a sequential mount needs a copy, others do not', async () => {
    await using h = await openHarness()
    await h.store.register('seq', h.sources.put('seq', makeCar(1), { access: 'sequential' }))
    await h.store.register('ran', h.sources.put('ran', makeCar(2)))
    expect(codeOf(await rejection(h.store.acquire('seq', { noDownload: true })))).toBe('DAGSTORE_NOT_LOCAL')
    expect(codeOf(await rejection(h.store.acquire('none', { noDownload: true })))).toBe('DAGSTORE_SHARD_UNKNOWN')
    expect(h.sources.opens.get('seq')).toBeUndefined()
    await (await h.store.acquire('ran', { noDownload: true })).close()
    await (await h.store.acquire('seq')).close()
    await (await h.store.acquire('seq', { noDownload: true })).close()
  })

  it('rejects with the reason of a signal that has fired, before it does anything', async () => {
    await using h = await openHarness()
    const reason = new Error('no')
    await h.store.register('a', h.sources.put('a', makeCar(1)))
    const signal = AbortSignal.abort(reason)
    for (const call of [h.store.acquire('a', { signal }), h.store.register('b', 'test:b', { signal }), h.store.recover('a', { signal }), h.store.destroy('a', { signal }), h.store.shard('a', { signal }), h.store.find(Uint8Array.of(0x12, 0), { signal })]) {
      expect(await rejection(call)).toBe(reason)
    }
    expect(await h.store.shard('a')).toMatchObject({ health: 'new' })
    expect(await h.store.shard('b')).toBeUndefined()
  })

  it('goes on with a destruction whose caller has left', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    const lease = await h.store.acquire('a')
    const leaving = new AbortController()
    const destroying = rejection(h.store.destroy('a', { signal: leaving.signal }))
    await until(async () => (await h.store.shard('a'))?.destroying === true)
    leaving.abort(new Error('gone'))
    expect(String(await destroying)).toContain('gone')
    await lease.close()
    await until(async () => await h.store.shard('a') === undefined)
  })

  it('waits out a destruction twice asked for: drain, then force', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
    await h.store.acquire('a')
    const drain = h.store.destroy('a')
    await until(async () => (await h.store.shard('a'))?.destroying === true)
    await Promise.all([drain, h.store.destroy('a', { mode: 'force' })])
    expect(await h.store.shard('a')).toBeUndefined()
  })

  it('counts a shard of more than a page of others while they are unfinished, and resumes all of them', async () => {
    const first = await openHarness()
    const keys = Array.from({ length: 30 }, (_, at) => `k${String(at).padStart(2, '0')}`)
    for (const key of keys) {
      first.sources.put(key, makeCar(1, 2))
      first.sources.place(key).before = (step) => step === 'open' ? new Promise(() => {}) : Promise.resolve()
    }
    const registering = Promise.allSettled(keys.map((key) => first.store.register(key, `test:${key}`, { indexing: 'eager' })))
    await until(async () => (await collectAll(first.store.shards({ health: 'initializing' }))).length === 30)
    for (const key of keys) first.sources.place(key).before = async () => {}
    await using h = await first.reopen()
    await registering
    await until(async () => (await collectAll(h.store.shards({ health: 'available' }))).length === 30)
  })
})
