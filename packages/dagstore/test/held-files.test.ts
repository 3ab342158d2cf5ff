/** Files and entries that are in use, and that no more are: what is read stays, and what nobody reads goes with its file, its entries and its descriptors. */
import { createCrashWorld } from '@dagstore-tooling/testkit'
import { createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { indexName } from '@dagstore/index-repo'
import { describe, expect, it } from 'vitest'
import { carWithData, codeOf, gate, type Harness, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

/** A directory that knows what is open of it. */
interface Watched {
  readonly directory: Directory
  readonly open: Map<string, number>
  /** Closing takes a while, and no file can be deleted while it is open, as on some systems. */
  strict: boolean
  /** Opening these waits until the signal fires. */
  hangs: (name: string) => boolean
  /** Before a read. */
  reading: (name: string) => Promise<void>
  /** Deleting these fails. */
  stays: (name: string) => boolean
  /** Opening these fails. */
  fails: (name: string) => boolean
}

const watch = (): Watched => {
  const watched: Watched = { directory: createMemoryDirectory('test'), open: new Map(), strict: true, hangs: () => false, reading: async () => {}, stays: () => false, fails: () => false }
  const count = (name: string, by: number): void => { watched.open.set(name, (watched.open.get(name) ?? 0) + by) }
  const over = (directory: Directory, prefix: string): Directory => ({
    ...directory,
    child: (name) => over(directory.child(name), `${prefix}${name}/`),
    openSource: async (name, options) => {
      if (watched.hangs(prefix + name)) await new Promise((_resolve, reject) => { options?.signal?.addEventListener('abort', () => { reject(options.signal?.reason) }) })
      if (watched.fails(prefix + name)) throw new IoError('IO_FAILED', 'fails', { retry: 'later' })
      const source = await directory.openSource(name, options)
      count(prefix + name, 1)
      let closing: Promise<void> | undefined
      const close = (): Promise<void> => closing ??= (async () => {
        for (let turn = 0; turn < 3 && watched.strict; turn++) await new Promise((resolve) => { setImmediate(resolve) })
        await source.close()
        count(prefix + name, -1)
      })()
      const read: typeof source.read = async (at, length, call) => {
        await watched.reading(prefix + name)
        return source.read(at, length, call)
      }
      return { ...source, read, close, [Symbol.asyncDispose]: close }
    },
    remove: async (name) => {
      if (watched.stays(prefix + name)) throw new IoError('IO_FAILED', 'stays')
      if (watched.strict && (watched.open.get(prefix + name) ?? 0) > 0) throw new IoError('IO_FORBIDDEN', `file is open; name=${prefix}${name}`)
      await directory.remove(name)
    },
  })
  return Object.assign(watched, { directory: over(watched.directory, '') })
}

/** Runs of the top-level index that lookups see. */
const liveRuns = async ({ db }: Harness): Promise<number> =>
  (await db.sublevel<Uint8Array, Uint8Array>('tli', { keyEncoding: 'view', valueEncoding: 'view' }).keys({ gte: Uint8Array.of(0x6c), lt: Uint8Array.of(0x6d) }).all()).length

describe.each(['random', 'sequential'] as const)('files in use, of a mount with %s access', (access) => {
  it('are deleted when their last reader has closed them, and not before', async () => {
    const watched = watch()
    await using h = await openHarness({}, { files: watched.directory })
    const one = makeCar(1)
    const { cid, data } = one.blocks[2]!
    const put = (car: typeof one, version: number): void => { h.sources.put('a', car, { access }); h.sources.place('a').version = version }
    put(one, 1)
    await h.store.register('a', 'test:a', { indexing: 'eager' })
    const first = await h.store.acquire('a')
    put(carWithData(one, 9), 2)
    await h.store.refresh('a')
    await h.store.gc()
    expect(await namesIn(h.files)).toContain(`index/${indexName('a', 1)}`)
    if (access === 'sequential') expect(await first.blockstore.bytes(cid)).toEqual(data)
    expect(await first.blockstore.has(cid)).toBe(true)
    await first.close()
    await until(async () => !(await namesIn(h.files)).includes(`index/${indexName('a', 1)}`))
    await until(async () => await liveRuns(h) === 1)

    // destroyed while an old generation and the current one are read
    const second = await h.store.acquire('a')
    put(one, 3)
    await h.store.refresh('a')
    const third = await h.store.acquire('a')
    await h.store.destroy('a', { mode: 'force' })
    for (const lease of [second, third]) {
      expect(codeOf(await rejection((async () => lease.blockstore.has(cid))()))).toBe('BLOCKSTORE_CLOSED')
      await lease.close()
    }
    expect(await namesIn(h.files)).toEqual([])
    expect(await liveRuns(h)).toBe(0)
    expect(h.events.filter(({ type }) => type === 'postponed')).toEqual([])
    expect(h.sources.open).toBe(0)
  })

  it('are deleted when lookups have closed them: those that are kept open, and those under way', async () => {
    const watched = watch()
    await using h = await openHarness({ maxOpenShards: 8 }, { files: watched.directory })
    const [one, other] = [makeCar(1), makeCar(2)]
    const { multihash } = one.blocks[2]!.cid
    h.sources.put('a', one, { access })
    await h.store.register('a', 'test:a', { indexing: 'eager' })
    expect(await h.store.find(multihash.bytes)).toEqual(['a'])
    const open = (generation: number): number => watched.open.get(`index/${indexName('a', generation)}`) ?? 0
    await until(() => open(1) === 1)
    h.sources.put('a', other, { access })
    h.sources.place('a').version++
    await h.store.refresh('a')
    await until(async () => !(await namesIn(h.files)).includes(`index/${indexName('a', 1)}`))
    await until(() => open(2) === 0)
    const held = gate()
    watched.reading = (name) => name === `index/${indexName('a', 2)}` ? held.passed : Promise.resolve()
    const finding = h.store.find(other.blocks[3]!.cid.multihash.bytes)
    await until(() => open(2) === 1)
    const destroying = h.store.destroy('a')
    await until(async () => await h.store.find(multihash.bytes).then((keys) => keys.length === 0))
    held.open()
    await finding
    await destroying
    expect((await namesIn(h.files)).filter((name) => name.startsWith('index/'))).toEqual([])
    expect(h.events.filter(({ type }) => type === 'postponed')).toEqual([])
  })

  it('leave no descriptor behind, whoever opened them', async () => {
    const watched = watch()
    watched.strict = false
    await using h = await openHarness({}, { files: watched.directory })
    const car = makeCar(1)
    const { cid } = car.blocks[2]!
    await h.store.register('a', h.sources.put('a', car, { access }), { indexing: 'eager' })
    expect(await h.store.find(cid.multihash.bytes)).toEqual(['a'])
    expect(await h.store.blockstore.has(cid)).toBe(true)
    // an index that is of other bytes, found out in an acquire, and one in a refresh
    h.sources.put('a', carWithData(car, 3), { access })
    h.sources.place('a').version = 2
    await using again = await h.reopen()
    await (await again.store.acquire('a')).close()
    h.sources.place('a').version = 3
    await again.store.refresh('a')
    await again.store.destroy('a')
    await until(() => [...watched.open.values()].every((count) => count === 0))
    expect(h.sources.open).toBe(0)
  })

  it('of a build that was under way go with its shard, and so do its entries', async () => {
    const watched = watch()
    await using h = await openHarness({}, { files: watched.directory })
    await h.store.register('a', h.sources.put('a', makeCar(1), { access }))
    // everything is written but the record
    const { passed, open } = gate()
    watched.hangs = (name) => { if (name.startsWith('index/')) open(); return name.startsWith('index/') }
    const acquiring = rejection(h.store.acquire('a'))
    await passed
    await h.store.destroy('a')
    expect(codeOf(await acquiring)).toBe('DAGSTORE_SHARD_DESTROYED')
    expect(await namesIn(h.files)).toEqual([])
    expect(await liveRuns(h)).toBe(0)
  })

  it('of a refresh that was under way go with its shard, and so do its entries', async () => {
    const watched = watch()
    await using h = await openHarness({}, { files: watched.directory })
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car, { access }), { indexing: 'eager' })
    h.sources.put('a', carWithData(car, 5))
    h.sources.place('a').version = 2
    const { passed, open } = gate()
    watched.hangs = (name) => { if (name === `index/${indexName('a', 2)}`) open(); return name === `index/${indexName('a', 2)}` }
    const refreshing = rejection(h.store.refresh('a'))
    await passed
    expect(await liveRuns(h)).toBe(2)
    await h.store.destroy('a')
    expect(codeOf(await refreshing)).toBe('DAGSTORE_SHARD_DESTROYED')
    expect(await namesIn(h.files)).toEqual([])
    expect(await liveRuns(h)).toBe(0)
  })
})

describe('what could not be deleted', () => {
  it('is not forgotten: gc tells of it, and deletes it when it can', async () => {
    const watched = watch()
    await using h = await openHarness({}, { files: watched.directory })
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    const old = `index/${indexName('a', 1)}`
    watched.stays = (name) => name === old
    h.sources.put('a', carWithData(car, 3))
    h.sources.place('a').version = 2
    await h.store.refresh('a')
    await until(() => h.events.some(({ type }) => type === 'postponed'))
    expect(await h.store.gc()).toMatchObject({ failures: 1, items: [{ key: 'a', kind: 'index', error: { code: 'IO_FAILED' } }, { kind: 'entries' }] })
    watched.stays = () => false
    expect(await h.store.gc()).toMatchObject({ failures: 0, items: [{ key: 'a', kind: 'index' }] })
    expect(await namesIn(h.files)).toEqual([`index/${indexName('a', 2)}`])
  })
})

describe('what fails for a moment', () => {
  it('is no damage: an index that cannot be opened is not built anew', async () => {
    const watched = watch()
    const first = await openHarness({}, { files: watched.directory })
    await first.store.register('a', first.sources.put('a', makeCar(1)), { indexing: 'eager' })
    await using h = await first.reopen()
    watched.fails = (name) => name === `index/${indexName('a', 1)}`
    expect(await rejection(h.store.acquire('a'))).toMatchObject({ code: 'DAGSTORE_SHARD_ERRORED', retry: 'later', cause: { code: 'IO_FAILED' } })
    watched.fails = () => false
    await using lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(1)
  })

  it('is no loss: a source that fails one read goes on being read', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    await using lease = await h.store.acquire('a')
    const opens = h.sources.opens.get('a')
    h.sources.place('a').before = async (step) => { if (step === 'read') throw new IoError('IO_FAILED', 'for a moment', { retry: 'later' }) }
    expect(codeOf(await rejection(lease.blockstore.bytes(car.blocks[1]!.cid)))).toBe('BLOCKSTORE_UNREADABLE')
    h.sources.place('a').before = async () => {}
    await using other = await h.store.acquire('a')
    expect(await other.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    expect(h.sources.opens.get('a')).toBe(opens)
  })

  it('D20: keeps a shard whose record is damaged, when its files cannot be deleted', async () => {
    const watched = watch()
    const first = await openHarness({}, { files: watched.directory })
    await first.store.register('a', first.sources.put('a', makeCar(1), { access: 'sequential' }), { indexing: 'eager' })
    await first.store.close()
    const rows = first.db.sublevel<Uint8Array, Uint8Array>('catalogue', { keyEncoding: 'view', valueEncoding: 'view' })
    const row = new TextEncoder().encode('ra')
    await rows.put(row, (await rows.get(row))!.slice(0, 30))
    await using h = await openHarness({}, first)
    watched.stays = (name) => name.startsWith('transients/')
    expect(codeOf(await rejection(h.store.destroy('a')))).toBe('DAGSTORE_STORAGE_FAILED')
    expect(await h.store.shard('a')).toMatchObject({ destroying: true })
    watched.stays = () => false
    await h.store.destroy('a')
    expect((await namesIn(h.files)).filter((name) => !name.endsWith('transients.json'))).toEqual([])
  })
})

describe('a source that was only touched', () => {
  it('is read anew by a refresh: nobody knows whether its bytes are the same', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    const identity = (mtimeNs: bigint) => ({ kind: 'file', sizeBytes: car.bytes.byteLength, mtimeNs, inode: 1n } as const)
    await h.store.register('a', h.sources.put('a', car, { identity: identity(1n) }), { indexing: 'eager' })
    expect(await h.store.refresh('a')).toMatchObject({ indexGeneration: 1 })
    h.sources.place('a').identity = identity(2n)
    const refreshed = await h.store.refresh('a')
    expect(refreshed.health).toBe('available')
    expect(refreshed.indexGeneration).toBeGreaterThan(1)
  })
})

describe('closing', () => {
  it('D37: resolves when nothing works any more: not one operation on disk or database comes after it', async () => {
    const world = await createCrashWorld('closing')
    for (let turns = 0; turns < 60; turns += 3) {
      const h = await openHarness({}, { db: world.db, files: world.fs.directory })
      const calls = ['a', 'b', 'c'].map((key) => h.store.register(`${key}${turns}`, h.sources.put(key, makeCar(1, 40), { access: key === 'a' ? 'sequential' : 'random' }), { indexing: 'eager' }))
      const ended = Promise.allSettled(calls)
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => { setImmediate(resolve) })
      await h.store.close()
      const { operations } = world.faults
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => { setImmediate(resolve) })
      expect(world.faults.operations, `closed after ${turns} turns`).toBe(operations)
      await ended
      expect(h.sources.open).toBe(0)
    }
  })
})

describe('a generation whose name is taken', () => {
  it('is built all the same: what an earlier state of the catalogue has left belongs to nobody', async () => {
    await using h = await openHarness()
    const car = makeCar(1)
    await h.files.writeAtomic(`index/${indexName('a', 1)}`, [Uint8Array.of(1, 2, 3)])
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    expect(await h.store.blockstore.bytes(car.blocks[3]!.cid)).toEqual(car.blocks[3]!.data)
    expect(await h.store.shard('a')).toMatchObject({ health: 'available', indexGeneration: 1 })
  })
})

describe('an index of another version of the source', () => {
  it('D11: is not used even where nearly all of its blocks are the same', async () => {
    await using h = await openHarness()
    const car = makeCar(1, 2000)
    await h.store.register('a', h.sources.put('a', car), { indexing: 'eager' })
    // one block of 2000 is another, which no sample would show
    const changed = car.bytes.slice()
    const { data } = car.blocks[1234]!
    const at = Buffer.from(changed.buffer).indexOf(data)
    changed.fill(7, at, at + data.byteLength)
    h.sources.put('a', changed)
    h.sources.place('a').version = 2
    await using lease = await h.store.acquire('a')
    expect(lease.indexGeneration).toBe(2)
  })
})
