import { type ByteProgress, type ByteSource, createMemoryDirectory, type Directory, IoError, type SourceIdentity } from '@dagstore/io'
import { createCrashFs, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, type Mount, MountError, openTransients, type OpenTransientOptions, transientName } from '../src/index.ts'

const BYTES = Uint8Array.from({ length: 10_000 }, (_, at) => at & 0xff)
const IDENTITY: SourceIdentity = { kind: 'content', cid: 'test', sizeBytes: BYTES.byteLength }

interface Tape { readonly mount: Mount, streams: number, bytes: Uint8Array, identity: SourceIdentity | undefined, sizeBytes: number | undefined, broken: unknown }

/** A sequential mount whose behaviour can be changed. */
const createTape = (): Tape => {
  const tape: Tape = {
    streams: 0,
    bytes: BYTES,
    identity: IDENTITY,
    sizeBytes: BYTES.byteLength,
    broken: undefined,
    mount: {
      url: 'tape:1',
      stat: async () => ({ exists: true, sizeBytes: tape.sizeBytes, ready: true, access: 'sequential' }),
      open: async () => {
        if (tape.broken !== undefined) throw tape.broken
        const { bytes, identity } = tape
        return {
          access: 'sequential',
          identity,
          resumable: false,
          stream: async function * (_from, { signal } = {}) {
            tape.streams++
            for (let at = 0; at < bytes.byteLength; at += 1024) {
              signal?.throwIfAborted()
              yield bytes.slice(at, at + 1024)
            }
          },
        }
      },
    },
  }
  return tape
}

const filesIn = async (directory: Directory, folder = ''): Promise<string[]> => {
  const names: string[] = []
  for (const entry of await directory.list(folder)) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    names.push(...(entry.kind === 'directory' ? await filesIn(directory, name) : [name]))
  }
  return names
}

const openRandom = async (mount: Mount, { transients, ...options }: OpenTransientOptions & { readonly transients: Directory }): Promise<ByteSource> => {
  const store = await openTransients({ directory: transients })
  try {
    return await store.open(mount, options)
  } finally {
    await store.close()
  }
}

const copiesIn = async (directory: Directory): Promise<string[]> => (await filesIn(directory)).filter((name) => name !== 'transients.json')

const failsWith = (code: string): unknown => expect.objectContaining({ code })

describe('Transients', () => {
  it('reads a random mount in place, and copies nothing', async () => {
    const transients = createMemoryDirectory()
    const source = await openRandom(bytesMount().mount(bytesUrl(BYTES)), { transients, key: 'k', generation: 0 })
    expect(await source.read(9000, 3)).toEqual(BYTES.slice(9000, 9003))
    expect(source.cost.kind).toBe('memory')
    expect(await copiesIn(transients)).toEqual([])
    await source.close()
  })

  it('copies a sequential mount once, under the identity of the original, and reports progress', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    const progress: ByteProgress[] = []
    for (let round = 0; round < 3; round++) {
      const source = await openRandom(tape.mount, { transients, key: 'k', generation: 4, onProgress: (event) => progress.push(event) })
      expect(await source.read(9999, 1)).toEqual(BYTES.slice(9999))
      expect(source.identity).toEqual(IDENTITY)
      await source.close()
      await source.close()
      await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'IO_CLOSED' })
    }
    expect(tape.streams).toBe(1)
    expect(await copiesIn(transients)).toEqual([transientName('k', 4)])
    expect(progress.map(({ doneBytes }) => doneBytes)).toEqual([1024, 2048, 3072, 4096, 5120, 6144, 7168, 8192, 9216, 10_000])
    expect(progress.at(-1)).toEqual({ doneBytes: 10_000, totalBytes: 10_000 })
  })

  it('copies again for another generation, and where a file is no whole copy', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    const open = async (generation: number): Promise<void> => { await (await openRandom(tape.mount, { transients, key: 'k', generation })).close() }
    await open(0)
    await open(1)
    expect(tape.streams).toBe(2)
    await transients.writeAtomic(transientName('k', 1), [BYTES.subarray(1)])
    await open(1)
    expect(tape.streams).toBe(3)
    await open(1)
    expect(tape.streams).toBe(3)
  })

  it.each([
    { why: 'another digest', identity: { kind: 'content', cid: 'other', sizeBytes: 10_000 } },
    { why: 'another size', identity: { kind: 'content', cid: 'test', sizeBytes: 9_999 } },
    { why: 'no identity and another size', identity: undefined, sizeBytes: 9_999 },
  ] as const)('takes a copy for nothing but what it was copied from: refuses it when the mount has $why', async ({ identity, ...stat }) => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    const open = (generation: number): Promise<ByteSource> => openRandom(tape.mount, { transients, key: 'k', generation })
    await (await open(0)).close()
    Object.assign(tape, { identity, ...stat, bytes: new Uint8Array(identity?.sizeBytes ?? stat.sizeBytes ?? 0) })
    await expect(open(0)).rejects.toMatchObject({ code: 'MOUNT_COPY_OUTDATED', retry: 'later' })
    const next = await open(1)
    expect(await next.read(0, 3)).toEqual(new Uint8Array(3))
    await next.close()
  })

  it('keeps the identity of the original when only its times have moved, or the mount does not say it', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    const copied = { kind: 'file', sizeBytes: 10_000, mtimeNs: 2n ** 60n + 1n, inode: 3n } as const
    for (const identity of [copied, { ...copied, mtimeNs: 5n }, undefined]) {
      tape.identity = identity
      const source = await openRandom(tape.mount, { transients, key: 'k', generation: 0 })
      expect(source.identity).toEqual(copied)
      await source.close()
    }
    expect(tape.streams).toBe(1)
  })

  it('D25: refuses a delivery that is shorter or longer than announced, and leaves no file', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    tape.bytes = BYTES.subarray(0, 4)
    await expect(openRandom(tape.mount, { transients, key: 'k', generation: 0 })).rejects.toMatchObject({ code: 'IO_TRUNCATED', offset: 4, retry: 'later' })
    tape.identity = undefined
    await expect(openRandom(tape.mount, { transients, key: 'k', generation: 0 })).rejects.toEqual(failsWith('IO_TRUNCATED'))
    tape.bytes = new Uint8Array(10_001)
    await expect(openRandom(tape.mount, { transients, key: 'k', generation: 0 })).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED', retry: 'later' })
    expect(await copiesIn(transients)).toEqual([])
    tape.bytes = BYTES
    await (await openRandom(tape.mount, { transients, key: 'k', generation: 0 })).close()
  })

  it('takes what comes from a mount that cannot say its size', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    tape.identity = undefined
    tape.sizeBytes = undefined
    for (let round = 0; round < 2; round++) {
      const source = await openRandom(tape.mount, { transients, key: 'k', generation: 0 })
      expect(source.sizeBytes).toBe(10_000)
      await source.close()
    }
    expect(tape.streams).toBe(1)
  })

  it('uses a whole copy while the mount cannot be reached, and only then', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    const unreachable = new MountError('MOUNT_UNREACHABLE', 'test', { retry: 'later' })
    tape.broken = unreachable
    await expect(openRandom(tape.mount, { transients, key: 'k', generation: 0 })).rejects.toBe(unreachable)
    tape.broken = undefined
    await (await openRandom(tape.mount, { transients, key: 'k', generation: 0 })).close()
    tape.broken = unreachable
    const source = await openRandom(tape.mount, { transients, key: 'k', generation: 0 })
    expect(await source.read(5, 1)).toEqual(BYTES.slice(5, 6))
    await source.close()
    tape.broken = new IoError('IO_SOURCE_LOST', 'test', { retry: 'later' })
    await (await openRandom(tape.mount, { transients, key: 'k', generation: 0 })).close()
    const missing = new MountError('MOUNT_MISSING', 'test')
    tape.broken = missing
    await expect(openRandom(tape.mount, { transients, key: 'k', generation: 0 })).rejects.toBe(missing)
  })

  it('D1: fails with each failure of the source, and works once that works', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    const error = new IoError('IO_SOURCE_LOST', 'test', { retry: 'later' })
    const good = tape.mount
    const bad: Mount = { ...good, open: async () => ({ access: 'sequential', identity: IDENTITY, resumable: false, stream: async function * () { yield BYTES.slice(0, 100); throw error } }) }
    for (let round = 0; round < 2; round++) await expect(openRandom(bad, { transients, key: 'k', generation: 0 })).rejects.toBe(error)
    expect(await copiesIn(transients)).toEqual([])
    await (await openRandom(good, { transients, key: 'k', generation: 0 })).close()
  })

  it('stops at an abort with its reason, and leaves no file', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    await expect(openRandom(tape.mount, { transients, key: 'k', generation: 0, signal: AbortSignal.abort('early') })).rejects.toBe('early')
    const aborting = new AbortController()
    const opening = openRandom(tape.mount, { transients, key: 'k', generation: 0, signal: aborting.signal, onProgress: () => { aborting.abort('midway') } })
    await expect(opening).rejects.toBe('midway')
    expect(await copiesIn(transients)).toEqual([])
  })

  it('D2: makes one copy for all who ask at once', async () => {
    const transients = createMemoryDirectory()
    const tape = createTape()
    const store = await openTransients({ directory: transients })
    const sources = await Promise.all([1, 2, 3].map(() => store.open(tape.mount, { key: 'k', generation: 0 })))
    expect(tape.streams).toBe(1)
    for (const source of sources) {
      expect(await source.read(0, 10_000)).toEqual(BYTES)
      await source.close()
    }
    expect(await copiesIn(transients)).toEqual([transientName('k', 0)])
  })

  it('asks for room before the first byte', async () => {
    const fs = createCrashFs({ seed: 'full', capacityBytes: 9_999 })
    const tape = createTape()
    await expect(openRandom(tape.mount, { transients: fs.directory, key: 'k', generation: 0 })).rejects.toMatchObject({ code: 'IO_FULL', retry: 'later' })
    expect(tape.streams).toBe(0)
    tape.identity = undefined
    tape.sizeBytes = undefined
    await expect(openRandom(tape.mount, { transients: fs.directory, key: 'k', generation: 0 })).rejects.toMatchObject({ code: 'IO_FULL' })
    expect(fs.names()).toEqual([])
  })

  it('D25: has a whole copy or none, wherever the process dies (seed transient)', async () => {
    const cuts = await everyCrash({
      seed: 'transient',
      run: async ({ fs }) => { await (await openRandom(createTape().mount, { transients: fs.directory, key: 'k', generation: 0 })).close() },
      check: async ({ fs }) => {
        const content = fs.content(transientName('k', 0))
        if (content !== undefined) expect(content.subarray(0, BYTES.byteLength)).toEqual(BYTES)
        await (await openRandom(createTape().mount, { transients: fs.directory, key: 'k', generation: 0 })).close()
      },
    })
    expect(cuts).toBeGreaterThan(10)
  })
})

describe('transientName', () => {
  it('is safe for any key, differs for any two, and stays readable', () => {
    expect(transientName('baga6ea4seaqabc', 7)).toMatch(/^([0-9a-f]{2})\/\1[0-9a-f]{30}-baga6ea4seaqabc\.7\.transient$/u)
    const keys = ['../evil', 'a/b', 'A/B', 'a_b', 'A_B', 'con', '', '\0', 'x'.repeat(512), 'x'.repeat(511), '\ud800', 'ä']
    const names = keys.map((key) => transientName(key, 0))
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{2}\/[0-9a-f]{32}-[a-z0-9_-]{0,64}\.0\.transient$/u)
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(keys.length)
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses generation %d', (generation) => {
    expect(() => transientName('k', generation)).toThrow(RangeError)
  })
})
