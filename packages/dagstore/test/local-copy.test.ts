/** Files given at registration: borrowed, moved, linked; there, gone, changed. */
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { createBytesSource, createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { type LocalFiles, MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import { codeOf, type Harness, makeCar, namesIn, openHarness, rejection, until } from './harness.ts'

const [car, other] = [makeCar(1), makeCar(2)]

/** Files outside of the store. */
class Outside implements LocalFiles {
  readonly files: Map<string, Uint8Array> = new Map()
  readonly #copies: Directory
  constructor (files: Directory) { this.#copies = files.child('transients') }
  recorded (path: string): string { return path }
  async open (path: string): ReturnType<LocalFiles['open']> {
    const bytes = this.#bytes(path)
    return createBytesSource(bytes, { identity: { kind: 'version', tag: `"${bytes.byteLength} ${bytes.at(-1)}"`, sizeBytes: bytes.byteLength } })
  }

  async move (path: string, name: string): Promise<void> {
    await this.link(path, name)
    this.files.delete(path)
  }

  async link (path: string, name: string): Promise<void> { await this.#copies.writeAtomic(name, [this.#bytes(path)]) }

  #bytes (path: string): Uint8Array {
    const bytes = this.files.get(path)
    if (bytes === undefined) throw new IoError('IO_NOT_FOUND', `no such file; name=${path}`)
    return bytes
  }
}

const openWith = async (): Promise<{ h: Harness, outside: Outside }> => {
  const files = createMemoryDirectory('test')
  const outside = new Outside(files)
  outside.files.set('/cars/a.car', car.bytes)
  const h = await openHarness({ transients: { localFiles: outside } }, { files })
  h.sources.put('a', car, { access: 'sequential' })
  return { h, outside }
}
/** Streams of the mount that were read. */
const copied = (h: Harness): number => h.events.filter(({ type, ...event }) => type === 'progress' && 'step' in event && event.step === 'fetch').length

describe('a local copy', () => {
  it.each(['borrow', 'move', 'link'] as const)('saves the first fetch: %s', async (mode) => {
    for (const indexing of ['lazy', 'eager'] as const) {
      const { h, outside } = await openWith()
      expect(await h.store.register('a', 'test:a', { indexing, localCopy: { path: '/cars/a.car', mode } })).toMatchObject({ key: 'a', dataGeneration: 1 })
      expect(outside.files.has('/cars/a.car')).toBe(mode !== 'move')
      const lease = await h.store.acquire('a')
      expect(await lease.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
      expect(lease.dataGeneration).toBe(1)
      await lease.close()
      expect(copied(h)).toBe(0)
      const next = await h.reopen()
      expect(await next.store.blockstore.bytes(car.blocks[2]!.cid)).toEqual(car.blocks[2]!.data)
      expect(copied(next)).toBe(0)
      await next.store.destroy('a')
      expect((await namesIn(next.files)).filter((name) => name !== 'transients/transients.json')).toEqual([])
      // what was not given away is never deleted
      expect(outside.files.has('/cars/a.car')).toBe(mode !== 'move')
      await next.store.close()
    }
  })

  it('D18: a borrowed file may vanish at any time: then the mount is read', async () => {
    const { h, outside } = await openWith()
    await h.store.register('a', 'test:a', { localCopy: { path: '/cars/a.car', mode: 'borrow' } })
    outside.files.clear()
    const lease = await h.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    expect(copied(h)).toBeGreaterThan(0)
    await lease.close()
    await h.store.close()
  })

  it('D18: a file of other bytes that gets the name of a borrowed one is not read, and one that gets the name of a moved one is not taken', async () => {
    for (const mode of ['borrow', 'move'] as const) {
      const { h, outside } = await openWith()
      await h.store.register('a', 'test:a', { indexing: 'eager', localCopy: { path: '/cars/a.car', mode } })
      outside.files.set('/cars/a.car', other.bytes)
      const next = await h.reopen()
      next.sources.place('a').version++
      await next.store.refresh('a')
      expect(await next.store.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
      expect(await next.store.find(other.blocks[0]!.cid.multihash.bytes)).toEqual([])
      await next.store.destroy('a')
      expect(outside.files.get('/cars/a.car')).toEqual(other.bytes)
      await next.store.close()
    }
  })

  it('D18: a borrowed file is known for what it was also after gc, which neither lists nor forgets it', async () => {
    const { h, outside } = await openWith()
    await h.store.register('a', 'test:a', { indexing: 'eager', localCopy: { path: '/cars/a.car', mode: 'borrow' } })
    expect((await h.store.gc()).items).toEqual([])
    outside.files.set('/cars/a.car', other.bytes)
    const next = await h.reopen()
    expect(await next.store.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    expect(await next.store.shard('a')).toMatchObject({ indexGeneration: 1 })
    await next.store.close()
  })

  it('is not looked for again where it was after it was moved', async () => {
    const { h, outside } = await openWith()
    await h.store.register('a', 'test:a', { localCopy: { path: '/cars/a.car', mode: 'move' } })
    // the copy is lost, and a file of the same name is somebody else's
    for (const name of await namesIn(h.files.child('transients'))) await h.files.child('transients').remove(name)
    outside.files.set('/cars/a.car', other.bytes)
    const next = await h.reopen()
    const lease = await next.store.acquire('a')
    expect(await lease.blockstore.bytes(car.blocks[1]!.cid)).toEqual(car.blocks[1]!.data)
    await lease.close()
    expect(outside.files.get('/cars/a.car')).toEqual(other.bytes)
    await next.store.close()
  })

  it('that cannot be taken is refused, and the shard is registered without it', async () => {
    const { h } = await openWith()
    expect(codeOf(await rejection(h.store.register('a', 'test:a', { localCopy: { path: '/none', mode: 'move' } })))).toBe('IO_NOT_FOUND')
    expect(await h.store.shard('a')).toMatchObject({ health: 'new', dataGeneration: 0 })
    await (await h.store.acquire('a')).close()
    expect(copied(h)).toBeGreaterThan(0)
    await h.store.close()
  })

  it('is of no meaning for a key that is registered already', async () => {
    const { h, outside } = await openWith()
    await h.store.register('a', 'test:a')
    expect(await h.store.register('a', 'test:a', { localCopy: { path: '/cars/a.car', mode: 'move' } })).toMatchObject({ health: 'new' })
    expect(outside.files.has('/cars/a.car')).toBe(true)
    await h.store.close()
  })

  it('goes with another mount before anything was read', async () => {
    const { h } = await openWith()
    await h.store.register('a', 'test:a', { localCopy: { path: '/cars/a.car', mode: 'move' } })
    h.sources.put('b', other, { access: 'sequential' })
    expect(await h.store.refresh('a', { mount: 'test:b' })).toMatchObject({ health: 'new', mountUrl: 'test:b', dataGeneration: 0 })
    const lease = await h.store.acquire('a')
    expect(lease.dataGeneration).toBe(2)
    expect(await lease.blockstore.bytes(other.blocks[1]!.cid)).toEqual(other.blocks[1]!.data)
    await lease.close()
    await until(async () => (await namesIn(h.files)).every((name) => !name.includes('.adopt')))
    await h.store.close()
  })

  it.each(['move', 'borrow'] as const)('loses no bytes wherever the process ends, though the mount is away: %s', async (mode) => {
    let outside = new Map<string, Uint8Array>()
    const openIn = async ({ db, fs }: CrashWorld, files: Map<string, Uint8Array>): Promise<Harness> => {
      const port = new Outside(fs.directory)
      for (const [name, bytes] of files) port.files.set(name, bytes)
      outside = port.files
      const h = await openHarness({ transients: { localFiles: port } }, { db, files: fs.directory })
      h.sources.put('a', car, { access: 'sequential' })
      h.sources.place('a').before = async (step) => { if (step === 'open') throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
      return h
    }
    let left = outside
    const cuts = await everyCrash({
      seed: `local copy ${mode}`,
      run: async (world) => {
        left = new Map([['/cars/a.car', car.bytes]])
        const h = await openIn(world, left)
        left = outside
        try {
          await h.store.register('a', 'test:a', { localCopy: { path: '/cars/a.car', mode } })
          await (await h.store.acquire('a')).close()
        } finally {
          await h.store.close()
        }
      },
      check: async (world) => {
        const h = await openIn(world, left)
        const info = await h.store.shard('a')
        if (info === undefined || mode !== 'move') expect(left.get('/cars/a.car')).toEqual(car.bytes)
        if (info !== undefined) {
          const lease = await h.store.acquire('a')
          expect(await lease.blockstore.bytes(car.blocks[3]!.cid)).toEqual(car.blocks[3]!.data)
          await lease.close()
        }
        await h.store.close()
      },
    })
    expect(cuts).toBeGreaterThan(5)
  })
})
