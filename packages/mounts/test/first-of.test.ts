import { type ByteSource, createBytesSource, IoError, type SourceIdentity } from '@dagstore/io'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, createMountRegistry, fileMount, fileUrl, firstOf, firstOfMount, type Mount, type MountBytes, MountError } from '../src/index.ts'
import { mountSuite } from '../src/suite.ts'
import { bytesOf, createTape, type Tape } from './tape.ts'

const BYTES = bytesOf(10_000)
const IDENTITY: SourceIdentity = { kind: 'content', cid: 'same', sizeBytes: BYTES.byteLength }
const lost = (): IoError => new IoError('IO_SOURCE_LOST', 'test', { retry: 'later' })

interface Disk { readonly mount: Mount, opens: number, open: number, readFails: unknown, openFails: unknown, identity: SourceIdentity, bytes: Uint8Array }

const createDisk = (name: string): Disk => {
  const disk: Disk = {
    opens: 0, open: 0, readFails: undefined, openFails: undefined, identity: IDENTITY, bytes: BYTES,
    mount: {
      url: `disk:${name}`,
      stat: async () => {
        if (disk.openFails !== undefined) throw disk.openFails
        return { exists: true, sizeBytes: disk.bytes.byteLength, ready: true, access: 'random' }
      },
      open: async () => {
        disk.opens++
        if (disk.openFails !== undefined) throw disk.openFails
        disk.open++
        const source = createBytesSource(disk.bytes, { identity: disk.identity })
        const read: ByteSource['read'] = async (...args) => {
          if (disk.readFails !== undefined) throw disk.readFails
          return source.read(...args)
        }
        let closed = false
        const close = async (): Promise<void> => {
          if (!closed) disk.open--
          closed = true
          await source.close()
        }
        return { access: 'random', source: { ...source, read, peek: () => undefined, close, [Symbol.asyncDispose]: close } }
      },
    },
  }
  return disk
}

const sourceOf = (opened: MountBytes): ByteSource => {
  if (opened.access === 'random') return opened.source
  throw new Error('not random')
}
const joined = async (opened: MountBytes, from = 0): Promise<Uint8Array> => {
  if (opened.access === 'random') throw new Error('not sequential')
  const all: number[] = []
  for await (const chunk of opened.stream(from)) all.push(...chunk)
  return Uint8Array.from(all)
}

mountSuite('first of two', { describe, it, expect }, {
  open: async () => {
    const bytes = bytesMount()
    const empty = fileMount({ open: async () => { throw new IoError('IO_NOT_FOUND', 'test') }, stat: async () => undefined })
    return {
      factory: firstOfMount(createMountRegistry([bytes, empty])),
      put: async (content) => firstOf([empty.mount('file:///none'), bytes.mount(bytesUrl(content))]).url,
      missing: 'first-of:file%3A%2F%2F%2Fnone,file%3A%2F%2F%2Fother',
    }
  },
  badUrls: ['first-of:', 'first-of:%', 'first-of:%ff', 'first-of:bytes%3A%20', `first-of:${'bytes%3A,'.repeat(70)}bytes%3A`],
  spellings: [['first-of:bytes:AAAA,file:/a b', 'first-of:bytes%3AAAAA,file%3A%2F%2F%2Fa%2520b']],
})

describe('firstOf', () => {
  it('opens the first that can be opened, and remembers for a while which failed', async () => {
    const clock = createFakeClock()
    const [a, b] = [createDisk('a'), createDisk('b')]
    const mount = firstOf([a.mount, b.mount], { clock, coolDownMs: 1000 })
    expect(mount.url).toBe('first-of:disk%3Aa,disk%3Ab')
    a.openFails = new MountError('MOUNT_UNREACHABLE', 'test', { retry: 'later' })
    for (let round = 0; round < 3; round++) await sourceOf(await mount.open()).close()
    expect([a.opens, b.opens]).toEqual([1, 3])
    await clock.advance(1000)
    a.openFails = undefined
    await sourceOf(await mount.open()).close()
    expect([a.opens, b.opens]).toEqual([2, 3])
    expect([a.open, b.open]).toEqual([0, 0])
  })

  it('switches in mid-read to the next mount of the same identity, and to no other', async () => {
    const [a, other, b] = [createDisk('a'), createDisk('other'), createDisk('b')]
    other.identity = { ...IDENTITY, cid: 'other' } as SourceIdentity
    const source = sourceOf(await firstOf([a.mount, other.mount, b.mount], { clock: createFakeClock() }).open())
    expect(await source.read(0, 5)).toEqual(BYTES.slice(0, 5))
    a.readFails = lost()
    const reads = await Promise.all([100, 2000, 9000].map((at) => source.read(at, 100)))
    expect(reads).toEqual([100, 2000, 9000].map((at) => BYTES.slice(at, at + 100)))
    expect(source.identity).toEqual(IDENTITY)
    b.readFails = lost()
    const error = await source.read(0, 1).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later' })
    expect(((error as Error).cause as AggregateError).errors.map(({ code }: { code: string }) => code).sort()).toEqual(['IO_SOURCE_CHANGED', 'IO_SOURCE_LOST', 'IO_SOURCE_LOST'])
    a.readFails = undefined
    expect(await source.read(0, 1)).toEqual(BYTES.slice(0, 1))
    await source.close()
    expect([a.open, other.open, b.open]).toEqual([0, 0, 0])
  })

  it('goes on with a stream where the last one broke, whatever the next mount can do', async () => {
    const kinds: ((tape: Tape) => void)[] = [() => {}, (tape) => { tape.resumable = false }]
    for (const prepare of kinds) {
      const [a, b] = [createTape(BYTES, 'same'), createTape(BYTES, 'same')]
      prepare(b)
      a.before = (at) => { if (at >= 4000) throw lost() }
      const opened = await firstOf([a.mount, { ...b.mount, url: 'tape:b' }], { clock: createFakeClock() }).open()
      expect(await joined(opened)).toEqual(BYTES)
      expect(b.starts).toEqual([b.resumable ? 4000 : 0])
    }
    const [a, disk] = [createTape(BYTES, 'a'), createDisk('b')]
    a.identity = IDENTITY
    a.before = (at) => { if (at >= 4000) throw lost() }
    expect(await joined(await firstOf([a.mount, disk.mount], { clock: createFakeClock() }).open())).toEqual(BYTES)
    expect(disk.open).toBe(0)
  })

  it('never mixes the bytes of mounts that are not known to be the same', async () => {
    const [a, b] = [createTape(BYTES, 'a'), createTape(bytesOf(10_000, 5), 'b')]
    a.before = (at) => { if (at >= 4000) throw lost() }
    await expect(joined(await firstOf([a.mount, b.mount], { clock: createFakeClock() }).open())).rejects.toMatchObject({ code: 'IO_SOURCE_LOST' })
  })

  it('gives every cause when all fail, and absence only when all say so', async () => {
    const [a, b] = [createDisk('a'), createDisk('b')]
    const mount = firstOf([a.mount, b.mount], { clock: createFakeClock() })
    a.openFails = new MountError('MOUNT_MISSING', 'test')
    b.openFails = new MountError('MOUNT_UNREACHABLE', 'test', { retry: 'later' })
    const error = await mount.open().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'MOUNT_UNREACHABLE', retry: 'later' })
    expect(((error as Error).cause as AggregateError).errors).toEqual(expect.arrayContaining([a.openFails, b.openFails]))
    await expect(mount.stat()).rejects.toMatchObject({ code: 'MOUNT_UNREACHABLE' })
    b.openFails = new MountError('MOUNT_MISSING', 'test')
    await expect(mount.open()).rejects.toMatchObject({ code: 'MOUNT_MISSING', retry: 'never' })
  })

  it('D20: writes down any URLs, and reads them back', () => {
    const registry = createMountRegistry([bytesMount(), fileMount({ open: async () => { throw new Error('unused') }, stat: async () => undefined })])
    const urls = ['/a,b%2C c', '/ä/#?', 'rel,ative'].map(fileUrl)
    const { url } = firstOf(urls.map((each) => registry.resolve(each)))
    expect(firstOfMount(registry).mount(url).url).toBe(url)
    expect(url.slice('first-of:'.length).split(',').map(decodeURIComponent)).toEqual(urls)
  })
})
