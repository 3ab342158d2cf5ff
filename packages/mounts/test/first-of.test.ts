import { type ByteSource, createBytesSource, IoError, type SourceIdentity } from '@dagstore/io'
import { createFakeClock } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, createMountRegistry, fileMount, fileUrl, firstOf, firstOfMount, type Mount, type MountBytes, MountError } from '../src/index.ts'
import { mountSuite } from '../src/suite.ts'
import { bytesOf, createTape, gate, settle, type Tape } from './tape.ts'

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

  it('asks the next mount as well when one does not answer in time, and leaves the other to itself', async () => {
    const clock = createFakeClock()
    const [a, b] = [createDisk('a'), createDisk('b')]
    const never = new Promise<never>(() => {})
    const hanging: Mount = { ...a.mount, open: async () => {
      const opened = await a.mount.open()
      const source = sourceOf(opened)
      return { access: 'random', source: { ...source, read: (at, length, options) => at === 0 ? source.read(at, length, options) : never } }
    } }
    const source = sourceOf(await firstOf([hanging, b.mount], { clock, patienceMs: 1000 }).open())
    expect(await source.read(0, 5)).toEqual(BYTES.slice(0, 5))
    const reads = [500, 600].map((at) => source.read(at, 5))
    await settle()
    expect(b.opens).toBe(0)
    await clock.advance(1000)
    expect(await Promise.all(reads)).toEqual([500, 600].map((at) => BYTES.slice(at, at + 5)))
    expect(b.opens).toBe(1)
    await source.close()
    expect([a.open, b.open]).toEqual([0, 0])
    // at opening, and for stat
    const silent: Mount = { ...a.mount, open: () => never, stat: () => never }
    const mount = firstOf([silent, b.mount], { clock, patienceMs: 1000 })
    const [opening, stat] = [mount.open(), mount.stat()]
    await settle()
    await clock.advance(1000)
    await sourceOf(await opening).close()
    expect(await stat).toMatchObject({ exists: true })
    // remembered, so that the next one does not wait
    await sourceOf(await mount.open()).close()
    expect(b.open).toBe(0)
  })

  it('uses what comes late after all when no other mount can give it, and an abort ends the waiting', async () => {
    const clock = createFakeClock()
    const [a, b] = [createDisk('a'), createDisk('b')]
    const held = gate()
    const slow: Mount = { ...a.mount, open: async () => {
      await held.passed
      const source = sourceOf(await a.mount.open())
      return { access: 'random', source: { ...source, read: async (...args) => { await again.passed; return source.read(...args) } } }
    } }
    let again = gate()
    again.open()
    b.openFails = new MountError('MOUNT_UNREACHABLE', 'test', { retry: 'later' })
    const opening = firstOf([slow, b.mount], { clock, patienceMs: 1000 }).open()
    await settle()
    await clock.advance(1000)
    await settle()
    expect(b.opens).toBe(1)
    held.open()
    const source = sourceOf(await opening)
    again = gate()
    const leaving = new AbortController()
    const [reading, left] = [source.read(100, 5), source.read(200, 5, { signal: leaving.signal })]
    await settle()
    await clock.advance(1000)
    await settle()
    expect(b.opens).toBeGreaterThan(1)
    leaving.abort('left')
    await expect(left).rejects.toBe('left')
    again.open()
    expect(await reading).toEqual(BYTES.slice(100, 105))
    await source.close()
    await settle()
    expect([a.open, b.open]).toEqual([0, 0])
  })

  it('waits as long as it takes for the last one, and for every one with a patience of 0', async () => {
    const clock = createFakeClock()
    for (const [mounts, patienceMs] of [[1, 1000], [2, 0]] as const) {
      const disks = [createDisk('a'), createDisk('b')].slice(0, mounts)
      const held = gate()
      const slow: Mount = { ...disks[0]!.mount, open: async () => { await held.passed; return disks[0]!.mount.open() } }
      const opening = firstOf([slow, ...disks.slice(1).map(({ mount }) => mount)], { clock, patienceMs }).open()
      await settle()
      await clock.advance(1e9)
      await settle()
      held.open()
      await sourceOf(await opening).close()
      expect(disks.map(({ opens }) => opens)).toEqual([1, 0].slice(0, mounts))
    }
    expect(() => firstOf([createDisk('a').mount], { patienceMs: -1 })).toThrow(RangeError)
  })

  it('goes on with a stream in which nothing comes, or that ends early', async () => {
    const clock = createFakeClock()
    const never = new Promise<void>(() => {})
    const [a, b] = [createTape(BYTES, 'same'), createTape(BYTES, 'same')]
    a.before = (at) => at >= 4000 ? never : undefined
    const reading = joined(await firstOf([a.mount, b.mount], { clock, patienceMs: 1000 }).open())
    await settle()
    await clock.advance(1000)
    expect(await reading).toEqual(BYTES)
    expect(b.starts).toEqual([4000])
    const short = createTape(BYTES, 'same')
    short.bytes = BYTES.subarray(0, 3000)
    expect(await joined(await firstOf([short.mount, b.mount], { clock }).open())).toEqual(BYTES)
    expect(b.starts).toEqual([4000, 3000])
  })

  it('names no URL in what it rejects with, and says what its mounts say', async () => {
    const secret = 'disk:a?signature=hunter2'
    const [a, b] = [createDisk('a'), createDisk('b')]
    b.identity = { ...IDENTITY, cid: 'other' } as SourceIdentity
    const mount = firstOf([{ ...a.mount, url: secret, explain: async () => 'it is away' }, { ...b.mount, url: `${secret}2` }], { clock: createFakeClock() })
    const source = sourceOf(await mount.open())
    a.readFails = lost()
    const error = await source.read(0, 1).catch((thrown: unknown) => thrown as Error)
    expect([String(error), ...((error as Error).cause as AggregateError).errors.map(String)].join()).not.toContain('hunter2')
    await source.close()
    expect(await mount.explain?.()).toBe('1: it is away')
    expect(firstOf([b.mount]).explain).toBeUndefined()
  })

  it('D20: writes down any URLs, and reads them back', () => {
    const registry = createMountRegistry([bytesMount(), fileMount({ open: async () => { throw new Error('unused') }, stat: async () => undefined })])
    const urls = ['/a,b%2C c', '/ä/#?', 'rel,ative'].map(fileUrl)
    const { url } = firstOf(urls.map((each) => registry.resolve(each)))
    expect(firstOfMount(registry).mount(url).url).toBe(url)
    expect(url.slice('first-of:'.length).split(',').map(decodeURIComponent)).toEqual(urls)
  })
})
