/** Directories whose entries go to a scratch file. */
import { createHashes } from '@dagstore/hashes'
import { createMemoryDirectory, IoError, type TreeEntry, type WritableFile } from '@dagstore/io'
import { createCrashFs, seededRandom } from '@dagstore-tooling/testkit'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createBlockWriter } from '../src/block-writer.ts'
import { DirectoryBuilder } from '../src/directory.ts'
import { Scratch } from '../src/entry-runs.ts'
import { PROFILES, rulesOf } from '../src/profile.ts'
import { buildTree, type BuildTreeOptions } from '../src/tree.ts'
import { directory, file, memorySink } from './sinks.ts'

const hashes = createHashes()
const bytes = new TextEncoder().encode('the content of every file, which is as long as not to be inlined under any profile, that is, of more than a hundred and twenty-six bytes')

interface TestScratch {
  readonly scratch: () => Promise<WritableFile>
  readonly opened: () => number
  readonly length: () => Promise<number>
}

const scratchFile = (): TestScratch => {
  let opened = 0
  const parent = createMemoryDirectory()
  return {
    scratch: () => parent.openWritable(`scratch-${opened++}`, 'new'),
    opened: () => opened,
    length: async () => (await parent.stat('scratch-0'))?.sizeBytes ?? 0,
  }
}

const names = (seed: string, count: number): string[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, i) => `${random.int(1e9)}${random.pick(['', 'é', '\u{1f600}', '～'])}${i}`)
}
const files = (seed: string, count: number): TreeEntry[] => names(seed, count).map((name) => file(name, bytes))

/** What is put, in order, and what is built. */
const put = async (tree: TreeEntry, options: Omit<BuildTreeOptions, 'hashes'>): Promise<unknown> => {
  const sink = memorySink()
  const { cid, ...built } = await buildTree(tree, sink, { hashes, ...options })
  return { ...built, cid: cid.toString(), order: sink.order }
}

const nested = directory('',
  ...files('first', 7000), directory('in it', ...files('second', 6500), directory('and in that', ...files('third', 6100)), ...files('fourth', 900)),
  directory('small', ...files('fifth', 5)), ...files('sixth', 2000))

describe('a tree built on a scratch file', () => {
  it.each(PROFILES)('is block for block the one built in memory, under %s', async (profile) => {
    const want = await put(nested, { profile })
    for (const memoryBytes of [0, 5000, 300_000, 1 << 23]) {
      const { scratch, opened } = scratchFile()
      // a run for each entry takes its time
      const tree = memoryBytes === 0 ? directory('', ...files('few', 5900)) : nested
      expect(await put(tree, { profile, scratch, memoryBytes })).toEqual(tree === nested ? want : await put(tree, { profile }))
      expect(opened()).toBe(memoryBytes === 1 << 23 || profile === 'lotus-2021' ? 0 : 1)
    }
  })
  it('gives the place of a finished directory to the next one', async () => {
    const profile = 'unixfs-v1-2025'
    const one = scratchFile()
    await put(directory('', directory('a', ...files('a', 6000))), { profile, scratch: one.scratch, memoryBytes: 100_000 })
    const many = scratchFile()
    await put(directory('', ...['a', 'b', 'c', 'd'].map((name) => directory(name, ...files('a', 6000)))), { profile, scratch: many.scratch, memoryBytes: 100_000 })
    expect(await one.length()).toBeGreaterThan(400_000)
    expect(await many.length()).toBe(await one.length())
  })
  it('refuses memoryBytes that are no length, or that come without a scratch file', async () => {
    const { scratch } = scratchFile()
    for (const memoryBytes of [-1, 0.5, Number.NaN, Infinity]) await expect(put(nested, { scratch, memoryBytes })).rejects.toThrow(RangeError)
    await expect(put(nested, { memoryBytes: 1 })).rejects.toThrow(TypeError)
  })
})

/** Directories of any profile with names of any length, sharded from few bytes on. */
const build = async (profile: typeof PROFILES[number], thresholdBytes: number, list: readonly string[], scratch: TestScratch | undefined, memoryBytes: number): Promise<unknown> => {
  const sink = memorySink()
  const { sharding = { measure: 'block' }, ...rules } = rulesOf(profile)
  const writer = createBlockWriter({ ...rules, sharding: { ...sharding, thresholdBytes } }, sink, hashes, { identity: 'put' })
  const builder = new DirectoryBuilder(writer, 'd', scratch && { scratch: new Scratch(scratch.scratch), memoryBytes })
  for (const [i, name] of list.entries()) {
    const cid = CID.parse(['QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n', 'bafkqaaa', 'bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'][i % 3]!)
    await builder.add(name, { cid, dagBytes: i % 7 === 0 ? 2 ** 40 + i : i }, {})
  }
  const { cid, ...built } = await builder.finish({})
  return { ...built, cid: cid.toString(), order: sink.order }
}

describe('a directory built on a scratch file', () => {
  it('is the same for any names, bounds and thresholds (property)', async () => {
    const name = fc.oneof(fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }), fc.string({ minLength: 1, maxLength: 2 }))
    await fc.assert(fc.asyncProperty(fc.uniqueArray(name, { maxLength: 400 }), fc.nat(9000), fc.nat(9000), fc.constantFrom(...PROFILES), async (list, thresholdBytes, memoryBytes, profile) => {
      expect(await build(profile, thresholdBytes, list, scratchFile(), memoryBytes)).toEqual(await build(profile, thresholdBytes, list, undefined, 0))
    }), { seed: 81, numRuns: 150 })
  })
  it('takes names longer than what is read and written at once', async () => {
    const list = Array.from({ length: 40 }, (_, i) => `${i}${'n'.repeat([3, 20_000, 70_000, 1_100_000][i % 4]!)}`)
    for (const memoryBytes of [0, 100_000, 3 << 20]) {
      const scratch = scratchFile()
      expect(await build('unixfs-v1-2025', 1000, list, scratch, memoryBytes)).toEqual(await build('unixfs-v1-2025', 1000, list, undefined, 0))
      expect(scratch.opened()).toBe(1)
    }
  })
  it.each([0, 500, 5000])('refuses two entries of one name, in one run and in two: %d bytes', async (memoryBytes) => {
    const list = names('twice', 300)
    for (const [first, second] of [[0, 299], [0, 150], [120, 124], [298, 299], [299, 300]] as const) {
      const twice = list.toSpliced(second, 0, list[first]!)
      const want = { code: 'UNIXFS_BAD_NAME', path: `d/${list[first]!}` }
      await expect(build('unixfs-v1-2025', 100, twice, scratchFile(), memoryBytes)).rejects.toMatchObject(want)
      await expect(build('unixfs-v1-2025', 100, twice, undefined, 0)).rejects.toMatchObject(want)
    }
  })
})

describe('a tree built on a scratch file, when things go wrong', () => {
  const tree = directory('', directory('d', ...files('wrong', 6500)))
  const options = { hashes, profile: 'unixfs-v1-2025', memoryBytes: 50_000 } as const
  const onDisk = (): { fs: ReturnType<typeof createCrashFs>, scratch: () => Promise<WritableFile> } => {
    const fs = createCrashFs({ seed: 83 })
    return { fs, scratch: () => fs.directory.openWritable('scratch', 'new') }
  }
  it('hands on the errors of the scratch file unchanged, whichever operation fails', async () => {
    const whole = onDisk()
    await buildTree(tree, memorySink(), { ...options, scratch: whole.scratch })
    const { operations, log } = whole.fs.faults
    expect(log.filter((line) => line.startsWith('read')).length).toBeGreaterThan(3)
    for (let at = 0; at < operations; at++) {
      const full = new IoError('IO_FULL', 'no room')
      const { fs, scratch } = onDisk()
      fs.faults.failAt(at, full)
      await expect(buildTree(tree, { put () {} }, { ...options, scratch }), log[at]!).rejects.toBe(full)
    }
  })
  it('says of a scratch file that does not give back what was written that it failed', async () => {
    const { scratch } = scratchFile()
    const spoilt = async (): Promise<WritableFile> => {
      const inner = await scratch()
      return new Proxy(inner, { get: (target, key) => key === 'read'
        ? async (at: number, length: number) => (await target.read(at, length)).fill(0xff)
        : typeof target[key as keyof WritableFile] === 'function' ? (target[key as 'write']).bind(target) : target[key as keyof WritableFile] })
    }
    await expect(buildTree(tree, memorySink(), { ...options, scratch: spoilt })).rejects.toMatchObject({ code: 'IO_FAILED' })
  })
  it('stops on abort while it writes runs, while it merges them, and between nodes', async () => {
    const reason = new Error('enough')
    for (const kind of ['write', 'read'] as const) {
      const control = new AbortController()
      const { scratch } = scratchFile()
      let [after, puts] = [0, 0]
      const watched = async (): Promise<WritableFile> => {
        const inner = await scratch()
        const seen = <T>(what: string, done: T): T => {
          if (control.signal.aborted) after++
          if (what === kind) control.abort(reason)
          return done
        }
        return { get sizeBytes () { return inner.sizeBytes }, truncate: (n) => inner.truncate(n), sync: () => inner.sync(), close: () => inner.close(), [Symbol.asyncDispose]: () => inner.close(),
          read: async (at, length) => seen('read', await inner.read(at, length)), write: async (at, chunk) => seen('write', await inner.write(at, chunk)) }
      }
      await expect(buildTree(tree, { put () { if (control.signal.aborted) puts++ } }, { ...options, scratch: watched, signal: control.signal })).rejects.toBe(reason)
      expect([after, puts], kind).toEqual([0, 0])
    }
    const control = new AbortController()
    let puts = 0
    const sink = { put () { if (++puts === 6503) control.abort(reason) } }
    await expect(buildTree(tree, sink, { ...options, scratch: scratchFile().scratch, signal: control.signal })).rejects.toBe(reason)
    expect(puts).toBe(6503)
  })
})
