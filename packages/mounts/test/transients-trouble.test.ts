/** Copies when something beside them fails: the mount's answers, the disk, one copy among others. */
import { type ByteSource, createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { createCrashFs } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, type LocalFiles, type Mount, openTransients, type Transients, transientName } from '../src/index.ts'
import { bytesOf, createTape, filesIn, gate, settle, type Tape } from './tape.ts'

const SIZE = 10_000
const BYTES = bytesOf(SIZE)
const room = { highWatermark: 1, lowWatermark: 1 }

const open = (transients: Transients, tape: Tape, key = 'k', signal?: AbortSignal): Promise<ByteSource> => transients.open(tape.mount, { key, generation: 1, signal })
const fetchOnce = async (transients: Transients, tape: Tape, key = 'k'): Promise<void> => { await (await open(transients, tape, key)).close() }
const unknown = (tape: Tape): Tape => Object.assign(tape, { identity: undefined, sizeBytes: undefined })

describe('a mount', () => {
  it('that cannot say what it has leaves no copy in use', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const tape = createTape(BYTES)
    await fetchOnce(transients, tape)
    tape.identity = undefined
    const failure = new IoError('IO_FAILED', 'stat')
    const silent: Mount = { ...tape.mount, stat: async () => { throw failure } }
    await expect(transients.open(silent, { key: 'k', generation: 1 })).rejects.toBe(failure)
    expect(await transients.usage()).toMatchObject({ pinnedBytes: 0, copies: 1 })
    await transients.remove('k', 1)
    await transients.close()
  })

  it('whose source cannot be closed harms nobody who has left', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const held = gate()
    const inner = bytesMount().mount(bytesUrl(BYTES))
    const close = async (): Promise<void> => { throw new IoError('IO_FAILED', 'close') }
    const mount: Mount = {
      ...inner,
      open: async () => {
        await held.passed
        const opened = await inner.open()
        if (opened.access !== 'random') throw new Error('not random')
        return { access: 'random', source: { ...opened.source, close, [Symbol.asyncDispose]: close } }
      },
    }
    const leaving = new AbortController()
    const opening = transients.open(mount, { key: 'k', generation: 1, signal: leaving.signal })
    // opened, and left before it is handed over
    held.open()
    queueMicrotask(() => { leaving.abort('left') })
    await opening.then((source) => source.close()).catch(() => {})
    await settle()
    await transients.close()
  })

  it('that does not listen holds up no second caller who leaves', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const inner = bytesMount().mount(bytesUrl(BYTES))
    let opens = 0
    const mount: Mount = { ...inner, open: (options) => opens++ === 0 ? inner.open(options) : new Promise(() => {}) }
    const leaving = new AbortController()
    const [first, second] = [transients.open(mount, { key: 'k', generation: 1 }), transients.open(mount, { key: 'k', generation: 1, signal: leaving.signal })]
    await (await first).close()
    await settle()
    expect(opens).toBe(2)
    leaving.abort('left')
    await expect(second).rejects.toBe('left')
    await transients.close()
  })
})

describe('room', () => {
  it('is made by the next copy where one cannot be deleted', async () => {
    const fs = createCrashFs({ seed: 'stuck' })
    const transients = await openTransients({ directory: fs.directory, quotaBytes: 2 * (SIZE + 200), ...room })
    for (const key of ['stuck', 'other']) await fetchOnce(transients, createTape(BYTES, key), key)
    const stuck = new IoError('IO_FORBIDDEN', 'test')
    fs.faults.failAt(({ kind, name }) => kind === 'remove' && name === transientName('stuck', 1), stuck)
    await fetchOnce(transients, createTape(BYTES, 'new'), 'new')
    expect(fs.names().filter((name) => name.endsWith('.transient')).sort()).toEqual([transientName('stuck', 1), transientName('new', 1)].sort())
    await transients.close()
  })

  it('that nothing can make is refused with what could not be deleted', async () => {
    const fs = createCrashFs({ seed: 'all stuck' })
    const transients = await openTransients({ directory: fs.directory, quotaBytes: SIZE + 200, ...room })
    await fetchOnce(transients, createTape(BYTES, 'stuck'), 'stuck')
    const stuck = new IoError('IO_FORBIDDEN', 'test')
    fs.faults.failAt(({ kind, name }) => kind === 'remove' && name === transientName('stuck', 1), stuck)
    const failure = await open(transients, createTape(BYTES, 'new'), 'new').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'IO_FULL', retry: 'later', cause: { cause: { errors: [stuck] } } })
    await transients.close()
  })

  it('is asked for by what is needed now, not by a length that is remembered or by what was begun for other bytes', async () => {
    const directory = createMemoryDirectory()
    const large = await openTransients({ directory, quotaBytes: 100_000, ...room })
    await fetchOnce(large, unknown(createTape(bytesOf(50_000))))
    await large.remove('k', 1)
    const tape = createTape(bytesOf(50_000), 'old')
    tape.before = (at) => { if (at >= 40_000) throw new IoError('IO_SOURCE_LOST', 'test') }
    await open(large, tape, 'begun').catch(() => {})
    await large.close()
    const small = await openTransients({ directory, quotaBytes: 20_000, ...room })
    await fetchOnce(small, unknown(createTape(BYTES)))
    await fetchOnce(small, createTape(BYTES, 'new'), 'begun')
    expect((await small.usage()).bytes).toBeLessThanOrEqual(20_000)
    await small.close()
  })

  it('counts its trailer, also where nobody knew the length', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory, quotaBytes: SIZE + 10, reserveBytes: 1000, ...room })
    await expect(open(transients, unknown(createTape(BYTES)))).rejects.toMatchObject({ code: 'IO_FULL' })
    expect(await filesIn(directory)).toEqual([])
    await transients.close()
  })

  it('is taken from a copy beside a file that is lent, and the lent file stays', async () => {
    const outer = createMemoryDirectory()
    await outer.writeAtomic('given.car', [bytesOf(6000)])
    const localFiles: LocalFiles = { recorded: (path) => path, open: (path) => outer.openSource(path), move: async () => {}, link: async () => {} }
    const directory = outer.child('t')
    const transients = await openTransients({ directory, localFiles, quotaBytes: 12_000, ...room })
    await transients.adopt({ key: 'lent', generation: 1, path: 'given.car', mode: 'borrow' })
    await fetchOnce(transients, createTape(BYTES, 'x'), 'lent') // of another length, so it was of no use
    await fetchOnce(transients, createTape(BYTES, 'y'), 'other')
    expect((await filesIn(outer)).filter((name) => !name.endsWith('.json')).sort()).toEqual(
      ['given.car', `t/${transientName('lent', 1).replace('.transient', '.adoption')}`, `t/${transientName('other', 1)}`].sort())
    await transients.close()
  })

  it('tells who watches how many wait, how long, and what was given up', async () => {
    const told: string[] = []
    const transients = await openTransients({
      directory: createMemoryDirectory(), quotaBytes: SIZE + 200, ...room,
      watch: { waits: (count) => { told.push(`waits ${count}`); return () => { told.push('ends') } }, evicted: (bytes) => { told.push(bytes > SIZE ? 'evicted' : 'part') } },
    })
    const held = await open(transients, createTape(BYTES, 'a'), 'a')
    const leaving = new AbortController()
    const left = open(transients, createTape(BYTES, 'b'), 'b', leaving.signal)
    await settle()
    leaving.abort('left')
    await expect(left).rejects.toBe('left')
    const next = open(transients, createTape(BYTES, 'c'), 'c')
    await settle()
    await held.close()
    await (await next).close()
    expect(told).toEqual(['waits 1', 'ends', 'waits 1', 'evicted', 'ends'])
    await transients.close()
  })
})

describe('the disk', () => {
  it('is only a forecast: where it does not say what is free, copies are made', async () => {
    const directory: Directory = { ...createMemoryDirectory(), freeBytes: async () => { throw new IoError('IO_FAILED', 'statfs') } }
    const transients = await openTransients({ directory })
    await fetchOnce(transients, createTape(BYTES))
    await transients.close()
  })

  it('is asked again when a copy needs more than was thought, before it is full', async () => {
    const fs = createCrashFs({ seed: 'fills', capacityBytes: 6000 })
    const transients = await openTransients({ directory: fs.directory, quotaBytes: 1 << 20, reserveBytes: 2000, ...room })
    const tape = unknown(createTape(BYTES))
    await expect(open(transients, tape)).rejects.toMatchObject({ code: 'IO_FULL', message: expect.stringContaining('need=') })
    expect(fs.names().filter((name) => name !== 'transients.json')).toEqual([])
    expect(await transients.usage()).toMatchObject({ bytes: 0, reservedBytes: 0 })
    await transients.close()
  })
})

describe('closing', () => {
  it('refuses a removal that waits for readers, and waits for what is changing the folder', async () => {
    const held = gate()
    const outer = createMemoryDirectory()
    await outer.writeAtomic('given.car', [BYTES])
    let ended = false
    const localFiles: LocalFiles = { recorded: (path) => path, open: (path) => outer.openSource(path), move: async () => {}, link: async (path, name) => {
      await held.passed
      await outer.child('t').writeAtomic(name, [await (await outer.openSource(path)).read(0, SIZE)])
      ended = true
    } }
    const transients = await openTransients({ directory: outer.child('t'), localFiles })
    const source = await open(transients, createTape(BYTES), 'read')
    const removing = expect(transients.remove('read', 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
    const adopting = transients.adopt({ key: 'given', generation: 1, path: 'given.car', mode: 'link' })
    await settle()
    const closing = transients.close().then(() => ended)
    await removing
    held.open()
    expect(await closing).toBe(true)
    await adopting
    expect(await source.read(0, 1)).toEqual(BYTES.slice(0, 1))
    await source.close()
  })
})
