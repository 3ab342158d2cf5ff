/** What is ours in a directory of copies, what was given, and what is never touched. */
import { link, lstat, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBytesSource, createMemoryDirectory, type Directory, IoError } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import { createCrashFs } from '@dagstore-tooling/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, type LocalFiles, type Mount, MountError, openTransients, type Transients, transientName } from '../src/index.ts'
import { localFiles } from '../src/node.ts'
import { bytesOf, createTape, filesIn, gate, settle } from './tape.ts'

const BYTES = bytesOf(5000)
const fetchOnce = async (transients: Transients, mount: Mount, key: string, generation = 1): Promise<void> => { await (await transients.open(mount, { key, generation })).close() }
const plant = async (directory: Directory, name: string, bytes: Uint8Array = bytesOf(100)): Promise<string> => {
  await directory.writeAtomic(name, [bytes])
  return name
}

describe('what is not ours', () => {
  it('D18, D19: stays: other names, names like ours without our mark, whoever collects', async () => {
    const directory = createMemoryDirectory()
    const foreign = [
      await plant(directory, 'notes.txt'),
      await plant(directory, 'ab/other.transient'),
      await plant(directory, 'transient-old.complete'),
      // names of ours, and nothing in them that says so
      await plant(directory, transientName('a', 1)),
      await plant(directory, transientName('b', 1).replace('.transient', '.partial')),
      await plant(directory, transientName('c', 1).replace('.transient', '.adopted')),
      await plant(directory, transientName('d', 1).replace(/^../u, 'zz')),
    ]
    const transients = await openTransients({ directory, quotaBytes: 6000, highWatermark: 1, lowWatermark: 0.1 })
    await fetchOnce(transients, createTape(BYTES, 'x').mount, 'x')
    await transients.collect()
    const left = (await filesIn(directory)).filter((name) => name !== 'transients.json')
    expect(left.sort()).toEqual(foreign.sort())
    await transients.close()
  })

  it('D19: is told by name alone, wherever the directory stands and however it is named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'transients-'))
    const tape = createTape(BYTES)
    const first = await openTransients({ directory: openDirectory(folder) })
    await fetchOnce(first, tape.mount, 'k')
    await first.close()
    const other = await openTransients({ directory: openDirectory(`${folder}/./`) })
    await fetchOnce(other, tape.mount, 'k')
    expect(tape.starts).toHaveLength(1)
    expect((await other.collect({ dryRun: true })).items).toHaveLength(1)
    await other.close()
    await rm(folder, { recursive: true })
  })
})

describe('collecting', () => {
  it('deletes whole and begun copies, says whose they were, and a dry run says the same and deletes nothing', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory })
    const tape = createTape(BYTES)
    for (const key of ['a', 'b/ä']) await fetchOnce(transients, tape.mount, key)
    const failing = createTape(BYTES, 'y')
    failing.before = (at) => { if (at >= 2000) throw new IoError('IO_SOURCE_LOST', 'test') }
    await transients.open(failing.mount, { key: 'c', generation: 7 }).catch(() => {})
    const held = await transients.open(tape.mount, { key: 'held', generation: 1 })
    const dry = await transients.collect({ dryRun: true })
    expect(dry.items.map(({ key, generation, kinds }) => ({ key, generation, kinds })).sort((x, y) => x.key! < y.key! ? -1 : 1)).toEqual([
      { key: 'a', generation: 1, kinds: ['transient'] }, { key: 'b/ä', generation: 1, kinds: ['transient'] }, { key: 'c', generation: 7, kinds: ['partial', 'progress'] },
    ])
    const before = (await transients.usage()).bytes
    const kept = await transients.collect({ keep: ({ key }) => key === 'a' })
    expect(kept.items.map(({ key }) => key).sort()).toEqual(['b/ä', 'c'])
    expect(kept.failures).toEqual([])
    expect((await transients.usage()).bytes).toBe(before - kept.reclaimedBytes)
    expect((await filesIn(directory)).sort()).toEqual([transientName('a', 1), transientName('held', 1)].sort())
    expect(await held.read(0, 3)).toEqual(BYTES.slice(0, 3))
    await held.close()
    await transients.collect()
    expect(await filesIn(directory)).toEqual([])
    await transients.close()
  })

  it('goes on over what cannot be deleted, and tells', async () => {
    const fs = createCrashFs({ seed: 'collect' })
    const transients = await openTransients({ directory: fs.directory })
    for (const key of ['a', 'b', 'c']) await fetchOnce(transients, createTape(BYTES).mount, key)
    fs.faults.failAt(({ kind, name }) => kind === 'remove' && name === transientName('b', 1), new IoError('IO_FORBIDDEN', 'test'))
    const { items, failures } = await transients.collect()
    expect(items.map(({ key }) => key).sort()).toEqual(['a', 'c'])
    expect(failures).toMatchObject([{ name: transientName('b', 1).replace('.transient', ''), error: { code: 'IO_FORBIDDEN' } }])
    expect((await transients.usage()).copies).toBe(1)
    await transients.close()
  })

  it('removing waits for readers, and takes what a crash left of the same generation', async () => {
    const directory = createMemoryDirectory()
    const transients = await openTransients({ directory })
    const source = await transients.open(createTape(BYTES).mount, { key: 'k', generation: 1 })
    await plant(directory, transientName('k', 1).replace('.transient', '.progress'))
    let removed = false
    const removing = transients.remove('k', 1).then(() => { removed = true })
    await settle()
    expect(removed).toBe(false)
    expect(await source.read(0, 3)).toEqual(BYTES.slice(0, 3))
    await source.close()
    await removing
    expect(await filesIn(directory)).toEqual([])
    await transients.remove('k', 1)
    await transients.close()
  })
})

describe('a local file that was given', () => {
  let folder: string
  let path: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'transients-'))
    path = join(folder, 'given.car')
    await writeFile(path, BYTES)
  })
  afterEach(() => rm(folder, { recursive: true }))
  const openHere = (more: Partial<Parameters<typeof openTransients>[0]> = {}): Promise<Transients> =>
    openTransients({ directory: openDirectory(join(folder, 't')), localFiles: localFiles({ folder: join(folder, 't'), root: folder }), ...more })
  const exists = (file: string): Promise<boolean> => stat(file).then(() => true, () => false)

  it.each(['borrow', 'link', 'move'] as const)('is used under the identity of the mount, over restarts, and pinned: %s', async (mode) => {
    const tape = createTape(BYTES)
    for (let round = 0; round < 2; round++) {
      const transients = await openHere()
      if (round === 0) await transients.adopt({ key: 'k', generation: 1, path, mode })
      await transients.adopt({ key: 'k', generation: 1, path, mode })
      expect(await transients.has({ key: 'k', generation: 1 })).toBe(true)
      const source = await transients.open(tape.mount, { key: 'k', generation: 1 })
      expect(await source.read(0, 5000)).toEqual(BYTES)
      expect(source.identity).toEqual(tape.identity)
      expect((await transients.collect({ keep: () => false })).items).toEqual([])
      await source.close()
      const { bytes } = await transients.usage()
      if (mode === 'move') expect(bytes).toBeGreaterThan(5000)
      else expect(bytes).toBeLessThan(1000)
      await transients.close()
    }
    expect(tape.starts).toEqual([])
    const transients = await openHere()
    await transients.remove('k', 1)
    await transients.close()
    expect(await filesIn(openDirectory(join(folder, 't')))).toEqual([])
    // D18: never deleted, unless it was given away
    expect(await exists(path)).toBe(mode !== 'move')
    if (mode !== 'move') expect(new Uint8Array(await readFile(path))).toEqual(BYTES)
  })

  it('is recorded relative to the root, so that a moved root works', async () => {
    const files = localFiles({ folder: join(folder, 't'), root: folder })
    expect(files.recorded(path)).toBe('given.car')
    expect(files.recorded('sub/../given.car')).toBe('given.car')
    expect(files.recorded('/elsewhere/x.car')).toBe('/elsewhere/x.car')
    expect(() => localFiles({ folder: join(folder, 't') }).recorded('relative')).toThrow(TypeError)
    expect(() => localFiles({ folder: 'relative' })).toThrow(TypeError)
  })

  it('D18: that is lent is not given up for room, and not changed; the mount is read when it changed or vanished', async () => {
    for (const damage of ['touched', 'changed', 'gone'] as const) {
      await writeFile(path, BYTES)
      const transients = await openHere()
      await transients.adopt({ key: damage, generation: 1, path, mode: 'borrow' })
      if (damage === 'touched') await utimes(path, 1, 1)
      if (damage === 'changed') await writeFile(path, bytesOf(5000, 3))
      if (damage === 'gone') await rm(path)
      // the same again must not make it good
      await transients.adopt({ key: damage, generation: 1, path, mode: 'borrow' }).catch(() => {})
      const tape = createTape(BYTES)
      const source = await transients.open(tape.mount, { key: damage, generation: 1 })
      expect(await source.read(0, 5000)).toEqual(BYTES)
      expect(tape.starts).toEqual([0])
      await source.close()
      await transients.close()
    }
  })

  it('of another length than the mount has is left alone', async () => {
    const transients = await openHere()
    await transients.adopt({ key: 'k', generation: 1, path, mode: 'link' })
    const tape = createTape(bytesOf(6000))
    const source = await transients.open(tape.mount, { key: 'k', generation: 1 })
    expect(await source.read(0, 6000)).toEqual(bytesOf(6000))
    await source.close()
    await transients.close()
  })

  it('serves while the mount is away, and in place of a remote one', async () => {
    const transients = await openHere()
    await transients.adopt({ key: 'k', generation: 1, path, mode: 'borrow' })
    const tape = createTape(BYTES)
    tape.openFails = new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' })
    const source = await transients.open(tape.mount, { key: 'k', generation: 1 })
    expect(source.identity.kind).toBe('file')
    await source.close()
    let reads = 0
    const inner = createBytesSource(BYTES, { identity: { kind: 'content', cid: 'x', sizeBytes: 5000 } })
    const remote: Mount = {
      url: 'remote:x',
      stat: async () => ({ exists: true, sizeBytes: 5000, ready: true, access: 'random' }),
      open: async () => ({ access: 'random', source: { ...inner, cost: { kind: 'remote', seekBytes: 1 }, read: async (...args) => { reads++; return inner.read(...args) } } }),
    }
    const local = await transients.open(remote, { key: 'k', generation: 1 })
    expect(await local.read(10, 5)).toEqual(BYTES.slice(10, 15))
    expect(local.identity).toEqual({ kind: 'content', cid: 'x', sizeBytes: 5000 })
    expect(reads).toBe(0)
    await local.close()
    await transients.close()
  })

  it('is refused when there is none, without a port, and where a link is in the way of a name of ours', async () => {
    const transients = await openHere()
    await expect(transients.adopt({ key: 'k', generation: 1, path: join(folder, 'none'), mode: 'move' })).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    expect(await transients.has({ key: 'k', generation: 1 })).toBe(false)
    await transients.close()
    await expect((await openTransients({ directory: createMemoryDirectory() })).adopt({ key: 'k', generation: 1, path, mode: 'move' })).rejects.toBeInstanceOf(TypeError)
    // the same inode under two names: both stay when one is let go
    await link(path, join(folder, 'second.car'))
    const again = await openHere()
    await again.adopt({ key: 'k', generation: 1, path, mode: 'link' })
    await again.remove('k', 1)
    expect(await exists(path) && await exists(join(folder, 'second.car'))).toBe(true)
    await again.close()
  })

  it('is the file that a symbolic link stands for, wherever that points from', async () => {
    for (const mode of ['link', 'move'] as const) {
      await symlink('given.car', join(folder, `${mode}.car`))
      const transients = await openHere()
      await transients.adopt({ key: mode, generation: 1, path: join(folder, `${mode}.car`), mode })
      const tape = createTape(BYTES)
      const source = await transients.open(tape.mount, { key: mode, generation: 1 })
      expect(await source.read(0, 5000)).toEqual(BYTES)
      expect(tape.starts).toEqual([])
      await source.close()
      const adopted = join(folder, 't', transientName(mode, 1).replace('.transient', '.adopted'))
      expect((await lstat(adopted)).isFile()).toBe(true)
      await transients.remove(mode, 1)
      await transients.close()
      // the name that was given goes, what it stood for was not given
      expect(await lstat(join(folder, `${mode}.car`)).then(() => true, () => false)).toBe(mode === 'link')
      expect(new Uint8Array(await readFile(path))).toEqual(BYTES)
    }
  })

  it('is none of the files that are here already', async () => {
    const transients = await openHere()
    await fetchOnce(transients, createTape(BYTES).mount, 'k')
    const copy = join(folder, 't', transientName('k', 1))
    await symlink(copy, join(folder, 'alias.car'))
    for (const given of [copy, join(folder, 'alias.car')]) {
      for (const mode of ['borrow', 'link', 'move'] as const) {
        await expect(transients.adopt({ key: 'k', generation: 1, path: given, mode })).rejects.toMatchObject({ code: 'IO_FORBIDDEN' })
      }
    }
    expect(await transients.has({ key: 'k', generation: 1 })).toBe(true)
    await transients.close()
  })

  it('that came here, and kept its old name against our will, is known and goes', async () => {
    const real = localFiles({ folder: join(folder, 't'), root: folder })
    const failing: LocalFiles = { ...real, move: async (from, name) => { await real.link(from, name); throw new IoError('IO_FORBIDDEN', 'unlink') } }
    const transients = await openHere({ localFiles: failing })
    await expect(transients.adopt({ key: 'k', generation: 1, path, mode: 'move' })).rejects.toMatchObject({ code: 'IO_FORBIDDEN' })
    expect((await transients.usage()).bytes).toBeGreaterThan(5000)
    await transients.collect({ keep: () => false })
    expect(await filesIn(openDirectory(join(folder, 't')))).toEqual([])
    expect(await exists(path)).toBe(true)
    await transients.close()
  })

  it('is not lost when moving it is cut off: it stands under one of its names', async () => {
    const events: string[] = []
    const real = localFiles({ folder: join(folder, 't'), root: folder })
    const failing: LocalFiles = { ...real, move: async () => { events.push('move'); throw new IoError('IO_FAILED', 'test') } }
    const transients = await openHere({ localFiles: failing })
    await expect(transients.adopt({ key: 'k', generation: 1, path, mode: 'move' })).rejects.toMatchObject({ code: 'IO_FAILED' })
    await transients.collect({ keep: () => false })
    expect(await exists(path)).toBe(true)
    await transients.close()
    const next = await openHere()
    await next.adopt({ key: 'k', generation: 1, path, mode: 'move' })
    expect(await next.has({ key: 'k', generation: 1 })).toBe(true)
    expect(await exists(path)).toBe(false)
    await next.close()
    expect(events).toEqual(['move'])
  })
})

describe('a random mount', () => {
  it('is passed through, each caller with a source of his own', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const mount = bytesMount().mount(bytesUrl(BYTES))
    const sources = await Promise.all([1, 2, 3].map(() => transients.open(mount, { key: 'k', generation: 1 })))
    await sources[0]!.close()
    expect(await sources[1]!.read(0, 3)).toEqual(BYTES.slice(0, 3))
    for (const source of sources) await source.close()
    expect(await transients.usage()).toMatchObject({ bytes: 0, copies: 0 })
    await transients.close()
  })

  it('that is opened for somebody who has left is closed', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const held = gate()
    let closed = 0
    const inner = bytesMount().mount(bytesUrl(BYTES))
    const slow: Mount = {
      ...inner,
      open: async () => {
        await held.passed
        const opened = await inner.open()
        if (opened.access !== 'random') throw new Error('not random')
        const close = async (): Promise<void> => { closed++ }
        return { access: 'random', source: { ...opened.source, close, [Symbol.asyncDispose]: close } }
      },
    }
    const leaving = new AbortController()
    const opening = transients.open(slow, { key: 'k', generation: 1, signal: leaving.signal })
    await settle()
    leaving.abort('left')
    await expect(opening).rejects.toBe('left')
    held.open()
    await settle()
    expect(closed).toBe(1)
    await transients.close()
  })
})
