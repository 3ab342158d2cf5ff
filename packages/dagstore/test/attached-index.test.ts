/** The index that lies in a remote CARv2: used at once for what it finds, believed for nothing else, replaced by one of ours. */
import { buildIndex, wrapCar } from '@dagstore/carv2'
import { indexName } from '@dagstore/index-repo'
import { createBytesSource, createMemoryDirectory } from '@dagstore/io'
import { createFakeClock, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { codeOf, collectAll, type Harness, makeCar, namesIn, openHarness, rejection, Sources, type TestCar, until } from './harness.ts'

const car = makeCar(1, 200)
const other = makeCar(2, 200)
const absent = makeCar(9, 1).blocks[0]!.cid
const joined = (chunks: Iterable<Uint8Array>): Uint8Array => Uint8Array.from([...chunks].flatMap((chunk) => [...chunk]))
const goIndex = async ({ bytes }: Pick<TestCar, 'bytes'>, codec: 0x0400 | 0x0401 = 0x0401): Promise<Uint8Array> =>
  joined((await buildIndex(createBytesSource(bytes))).encodeStandard(codec))
const DATA_OFFSET = 51
const carV2 = ({ bytes }: Pick<TestCar, 'bytes'>, index: Uint8Array): Uint8Array => {
  const file = new Uint8Array(DATA_OFFSET + bytes.byteLength + index.byteLength)
  file.set([0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02])
  const view = new DataView(file.buffer)
  for (const [at, value] of [[27, DATA_OFFSET], [35, bytes.byteLength], [43, DATA_OFFSET + bytes.byteLength]] as const) view.setBigUint64(at, BigInt(value), true)
  file.set(bytes, DATA_OFFSET)
  file.set(index, DATA_OFFSET + bytes.byteLength)
  return file
}
const wrapped = async ({ bytes }: Pick<TestCar, 'bytes'>): Promise<Uint8Array> => {
  const folder = createMemoryDirectory('wrapped')
  const sink = await folder.openWritable('a.car', 'new')
  await wrapCar(createBytesSource(bytes), sink)
  await sink.close()
  const source = await folder.openSource('a.car')
  return source.read(0, source.sizeBytes)
}
/** The index of `of`, in front of which stands the trailer of another one. */
const lyingTrailer = async (): Promise<Uint8Array> => {
  const shorter = { bytes: car.bytes.subarray(0, makeCar(1, 100).bytes.byteLength) }
  expect(makeCar(1, 100).bytes).toEqual(shorter.bytes)
  const file = await wrapped(shorter)
  const view = new DataView(file.buffer)
  const [dataOffset, dataSize, indexOffset] = [27, 35, 43].map((at) => Number(view.getBigUint64(at, true))) as [number, number, number]
  // all sections of the longer one behind the header of the shorter one, whose index lists half of them
  const made = new Uint8Array(file.byteLength + car.bytes.byteLength - dataSize)
  made.set(file.subarray(0, dataOffset))
  made.set(car.bytes, dataOffset)
  made.set(file.subarray(indexOffset), dataOffset + car.bytes.byteLength)
  const fields = new DataView(made.buffer)
  fields.setBigUint64(35, BigInt(car.bytes.byteLength), true)
  fields.setBigUint64(43, BigInt(dataOffset + car.bytes.byteLength), true)
  return made
}

interface Remote extends AsyncDisposable { readonly h: Harness, readonly clock: ReturnType<typeof createFakeClock>, readonly url: string }
const openRemote = async (file: Uint8Array, register = true): Promise<Remote> => {
  const clock = createFakeClock()
  const h = await openHarness({ clock })
  const url = h.sources.put('a', file, { cost: { kind: 'remote', seekBytes: 65_536 } })
  if (register) await h.store.register('a', url)
  return { h, clock, url, [Symbol.asyncDispose]: () => h.store.close() }
}
const built = async ({ h, clock }: Pick<Remote, 'h' | 'clock'>, generation = 2): Promise<void> => {
  await clock.advance(1000)
  await until(async () => (await h.store.shard('a'))?.indexGeneration === generation)
}

describe('the index in a remote CARv2', () => {
  it.each([
    { form: 'of go-car', file: async () => carV2(car, await goIndex(car)) },
    { form: 'of an old go-car', file: async () => carV2(car, await goIndex(car, 0x0400)) },
    { form: 'of ours', file: () => wrapped(car) },
  ])('$form serves blocks before the CAR is read; then one of ours takes its place', async ({ file }) => {
    const bytes = await file()
    await using remote = await openRemote(bytes)
    const { h } = remote
    let read = 0
    h.sources.place('a').onRead = (_, length) => { read += length }
    const lease = await h.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[7]!.cid)).toEqual(car.blocks[7]!.data)
    expect(read).toBeLessThan(bytes.byteLength)
    expect([lease.indexGeneration, lease.roots]).toEqual([1, car.roots])
    expect(await namesIn(h.files)).toEqual([])
    // what is indexed, nobody can say yet
    expect(await rejection(h.store.blockstore.bytes(car.blocks[7]!.cid))).toMatchObject({ unindexedShards: 1 })
    expect(codeOf(await rejection(h.store.blockstore.has(absent, { complete: true })))).toBe('BLOCKSTORE_UNREADABLE')
    await built(remote)
    expect(await h.store.find(car.blocks[7]!.cid.multihash.bytes)).toEqual(['a'])
    expect(await h.store.blockstore.has(absent, { complete: true })).toBe(false)
    for (const { cid, data } of car.blocks) expect(await lease.blockstore.bytes(cid)).toEqual(data)
    await lease.close()
    await until(async () => (await namesIn(h.files)).join() === `index/${indexName('a', 2)}`)
    expect(h.events.filter(({ type }) => type === 'ignored' || type === 'postponed')).toEqual([])
  })

  it('is built from at once for who asks for an index, and waited for by who comes while another is used', async () => {
    const file = carV2(car, await goIndex(car))
    for (const ask of ['eager', 'initialize', 'later'] as const) {
      await using remote = await openRemote(file, false)
      const { h, url } = remote
      await h.store.register('a', url, { indexing: ask === 'eager' ? 'eager' : 'lazy' })
      const lease = ask === 'later' ? await h.store.acquire('a') : undefined
      if (ask !== 'eager') expect((await h.store.initialize('a')).indexGeneration).toBe(ask === 'later' ? 2 : 1)
      expect(await h.store.find(car.blocks[3]!.cid.multihash.bytes)).toEqual(['a'])
      expect(await h.store.blockstore.has(absent, { complete: true })).toBe(false)
      await lease?.close()
    }
  })

  it('lets all who miss a block wait for one build', async () => {
    await using remote = await openRemote(carV2(car, await goIndex({ bytes: makeCar(1, 100).bytes })))
    const { h } = remote
    const leases = await Promise.all(Array.from({ length: 8 }, () => h.store.acquire('a')))
    const opens = h.sources.opens.get('a')!
    const asked = leases.flatMap(({ blockstore }) => [blockstore.has(absent), blockstore.has(car.blocks[150]!.cid)])
    expect(await Promise.all(asked)).toEqual(leases.flatMap(() => [false, true]))
    // one to build it, one to read by it
    expect(h.sources.opens.get('a')! - opens).toBe(2)
    for (const { cid, data } of car.blocks) expect(await leases[0]!.blockstore.bytes(cid)).toEqual(data)
    await Promise.all(leases.map((lease) => lease.close()))
    await until(() => h.sources.open === 0)
  })

  it.each([
    { why: 'leads to other places', index: async () => { const index = await goIndex(car); for (let at = index.byteLength - 8; at > 200; at -= 80) index[at]! ^= 1; return index } },
    { why: 'lists half of the blocks', index: () => goIndex({ bytes: makeCar(1, 100).bytes }) },
    { why: 'lists more than there are', index: async () => goIndex(makeCar(1, 300)) },
    { why: 'is of another file', index: () => goIndex(other) },
    { why: 'is cut off', index: async () => (await goIndex(car)).subarray(0, 900) },
    { why: 'claims more buckets than there are bytes', index: async () => { const index = await goIndex(car); index.set([0xff, 0xff, 0xff, 0x7f], 2); return index } },
    { why: 'claims a width of 4 GiB', index: async () => { const index = await goIndex(car); index.set([0xff, 0xff, 0xff, 0xff], 18); return index } },
    { why: 'is of an unknown kind', index: async () => Uint8Array.of(0x99, 0x99, 1, 2, 3) },
    { why: 'is empty', index: async () => new Uint8Array(0) },
    { why: 'lists nothing', index: async () => Uint8Array.of(0x81, 8, 0, 0, 0, 0) },
    { why: 'has a trailer that tells of half of the blocks', index: async () => undefined },
  ])('that $why gives no wrong bytes and no false absence', async ({ index }) => {
    const attached = await index()
    await using remote = await openRemote(attached === undefined ? await lyingTrailer() : carV2(car, attached))
    const { h } = remote
    const lease = await h.store.acquire('a')
    const payload = joined(await collectAll(lease.carStream()))
    expect(payload).toEqual(car.bytes)
    expect(await lease.blockstore.has(absent)).toBe(false)
    expect(codeOf(await rejection(lease.blockstore.bytes(other.blocks[3]!.cid)))).toBe('BLOCKSTORE_NOT_FOUND')
    for (const { cid, data } of car.blocks) {
      expect(await lease.blockstore.bytes(cid)).toEqual(data)
      expect(await lease.blockstore.size(cid)).toBe(data.byteLength)
    }
    expect((await collectAll(lease.blockstore.getAll())).length).toBe(car.blocks.length)
    await lease.close()
    await h.store.initialize('a')
    for (const { cid, data } of car.blocks) expect(await h.store.blockstore.bytes(cid)).toEqual(data)
    expect(await h.store.find(other.blocks[3]!.cid.multihash.bytes)).toEqual([])
    expect(await h.store.blockstore.has(absent, { complete: true })).toBe(false)
  })

  it.each(['getAll', 'has', 'bytes'] as const)('that lists half of the blocks hides none from %s', async (method) => {
    await using remote = await openRemote(await lyingTrailer())
    const lease = await remote.h.store.acquire('a')
    const { cid, data } = car.blocks[150]!
    if (method === 'getAll') expect((await collectAll(lease.blockstore.getAll())).length).toBe(200)
    else if (method === 'has') expect(await lease.blockstore.has(cid)).toBe(true)
    else expect(await lease.blockstore.bytes(cid)).toEqual(data)
    await lease.close()
  })

  it('says neither absence nor bytes while none can be built, and tells why', async () => {
    const bytes = carV2(car, await goIndex(makeCar(1, 100)))
    await using remote = await openRemote(bytes)
    const { h, clock } = remote
    const lease = await h.store.acquire('a')
    const place = h.sources.place('a')
    place.before = async (step) => { if (step === 'open') throw Object.assign(new Error('away'), { code: 'MOUNT_UNREACHABLE', retry: 'later' }) }
    expect(codeOf(await rejection(lease.blockstore.bytes(absent)))).toBe('BLOCKSTORE_UNREADABLE')
    expect(await lease.blockstore.bytes(car.blocks[5]!.cid)).toEqual(car.blocks[5]!.data)
    await clock.advance(1000)
    await until(() => h.events.some(({ type }) => type === 'postponed'))
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
    place.before = async () => {}
    expect(await lease.blockstore.has(absent)).toBe(false)
    await lease.close()
  })

  it('is read again after a restart, until one of ours is there; of a file without one, one is built', async () => {
    await using remote = await openRemote(carV2(car, await goIndex(car)))
    await (await remote.h.store.acquire('a')).close()
    const h = await remote.h.reopen({ clock: remote.clock })
    const lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(1)
    expect(await lease.blockstore.bytes(car.blocks[9]!.cid)).toEqual(car.blocks[9]!.data)
    await lease.close()
    const next = await h.reopen()
    next.sources.put('a', other)
    next.sources.place('a').version++
    const changed = await next.store.acquire('a')
    expect(changed.indexGeneration).toBeGreaterThan(1)
    expect(await changed.blockstore.bytes(other.blocks[9]!.cid)).toEqual(other.blocks[9]!.data)
    expect(await changed.blockstore.has(car.blocks[9]!.cid)).toBe(false)
    await changed.close()
    await next.store.close()
  })

  it('is no trouble for work on many shards', async () => {
    await using remote = await openRemote(carV2(car, await goIndex(car)))
    const { h } = remote
    await (await h.store.acquire('a')).close()
    expect(await collectAll(h.store.exportIndices(createMemoryDirectory('go')))).toEqual([])
    expect(await h.store.rebuildTopLevelIndex()).toEqual({ shards: 0, entries: 0, failures: [] })
    expect((await h.store.gc()).items).toEqual([])
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
    const report = await h.store.verify('a', { mode: 'full' })
    expect(report).toMatchObject({ bad: [] })
    expect(await h.store.blockstore.has(absent, { complete: true })).toBe(false)
    await h.store.destroy('a')
    expect(await namesIn(h.files)).toEqual([])
  })

  it('of a local CARv2 is not used: its sections are scanned at once', async () => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', carV2(car, await goIndex(other))))
    const lease = await h.store.acquire('a')
    expect(await h.store.find(car.blocks[3]!.cid.multihash.bytes)).toEqual(['a'])
    await lease.close()
  })

  it('leaves a shard that works wherever its replacement was cut off (seed attached)', async () => {
    const file = carV2(car, await goIndex(car))
    const sources = (): Sources => {
      const made = new Sources()
      made.put('a', file, { cost: { kind: 'remote', seekBytes: 65_536 } })
      return made
    }
    const cuts = await everyCrash({
      seed: 'attached',
      prepare: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        await h.store.register('a', 'test:a')
        await h.store.close()
      },
      run: async ({ db, fs }) => {
        const h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        try {
          const lease = await h.store.acquire('a')
          await h.store.initialize('a')
          await lease.close()
        } finally {
          await h.store.close()
        }
      },
      check: async ({ db, fs }) => {
        await using h = await openHarness({}, { db, files: fs.directory, sources: sources() })
        const lease = await h.store.acquire('a')
        expect(await lease.blockstore.bytes(car.blocks[2]!.cid)).toEqual(car.blocks[2]!.data)
        expect(await lease.blockstore.has(absent)).toBe(false)
        await lease.close()
        await h.store.initialize('a')
        expect(await h.store.find(car.blocks[2]!.cid.multihash.bytes)).toEqual(['a'])
        await h.store.gc()
        expect((await namesIn(fs.directory)).filter((name) => name.startsWith('index/')).length).toBe(1)
        await h.store.destroy('a')
        expect((await namesIn(fs.directory)).filter((name) => name.startsWith('index/'))).toEqual([])
      },
    })
    expect(cuts).toBeGreaterThan(4)
  })
})
