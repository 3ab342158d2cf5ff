import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { relative } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { replacingFs, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const replace = replacingFs()
afterEach(() => { vi.restoreAllMocks() })
type Callback = (error: Error | null, value?: number) => void

/** The module anew, with every call that changes the disk logged; names relative to `root`, the random part of temporary ones left out. */
const tracing = async (root: string): Promise<{ node: typeof import('../src/node.ts'), log: string[] }> => {
  const log: string[] = []
  const opened = new Map<number, string>()
  const nameOf = (path: string): string => relative(root, path).replace(/\.[0-9a-f]{16}\.tmp$/u, '.tmp') || '.'
  replace('open', (real) => (path: string, flags: number, mode: number | Callback, done: Callback) => {
    const callback = typeof mode === 'function' ? mode : done
    const logged: Callback = (error, fd) => {
      if (fd !== undefined) opened.set(fd, nameOf(path))
      if ((flags & fs.constants.O_CREAT) !== 0 && error === null) log.push(`create ${nameOf(path)}`)
      callback(error, fd)
    }
    real(path, flags, typeof mode === 'function' ? 0 : mode, logged as never)
  })
  for (const name of ['fsync', 'fdatasync'] as const) {
    replace(name, (real) => (fd: number, done: Callback) => real(fd, (error) => {
      log.push(`${name} ${opened.get(fd)}`)
      done(error)
    }))
  }
  replace('write', (real) => (fd: number, ...rest: unknown[]) => {
    log.push(`write ${opened.get(fd)}`)
    Reflect.apply(real, fs, [fd, ...rest])
  })
  for (const name of ['mkdir', 'rename', 'unlink'] as const) {
    vi.spyOn(fs.promises, name).mockImplementation((async (...args: unknown[]) => {
      const real = originals[name] as (...given: unknown[]) => Promise<unknown>
      const value = await real(...args)
      log.push([name, ...args.filter((arg) => typeof arg === 'string').map(nameOf)].join(' '))
      return value
    }) as never)
  }
  syncBuiltinESMExports()
  vi.resetModules()
  return { node: await import('../src/node.ts'), log }
}
const originals = { mkdir: fs.promises.mkdir, rename: fs.promises.rename, unlink: fs.promises.unlink }

describe('what is durable, in which order', () => {
  it('a file written atomically: synced, renamed, folder synced; new folders from above', async () => {
    const root = folder()
    const { node, log } = await tracing(root)
    const directory = node.openDirectory(root)
    await directory.writeAtomic('x/y/a', [Buffer.from('text')])
    expect(log).toEqual([
      'mkdir .', 'mkdir x', 'fsync .', 'mkdir x/y', 'fsync x',
      'create x/y/.a.tmp', 'write x/y/.a.tmp', 'fsync x/y/.a.tmp', 'rename x/y/.a.tmp x/y/a', 'fsync x/y',
    ])
    log.length = 0
    await directory.writeAtomic('x/y/b', [])
    expect(log).toEqual(['create x/y/.b.tmp', 'fsync x/y/.b.tmp', 'rename x/y/.b.tmp x/y/b', 'fsync x/y'])
  })

  it('a file written atomically by way of a folder of drafts', async () => {
    const root = folder()
    const { node, log } = await tracing(root)
    const directory = node.openDirectory(root, { draftsIn: ['x'] })
    await directory.writeAtomic('x/y/a', [Buffer.from('text')])
    expect(log).toEqual([
      'mkdir .', 'mkdir x', 'fsync .', 'mkdir x/y', 'fsync x', 'mkdir x/.drafts', 'fsync x',
      'create x/.drafts/.a.tmp', 'write x/.drafts/.a.tmp', 'fsync x/.drafts/.a.tmp', 'rename x/.drafts/.a.tmp x/y/a', 'fsync x/y',
    ])
  })

  it('the folder of the directory itself', async () => {
    const root = folder()
    const { node, log } = await tracing(root)
    await node.openDirectory(`${root}/home/of/it`).writeAtomic('a', [])
    expect(log.slice(0, 4)).toEqual(['mkdir home/of/it', 'fsync home/of', 'fsync home', 'fsync .'])
  })

  it('a folder that exists already, whose maker may not have come so far', async () => {
    const root = folder()
    fs.mkdirSync(`${root}/x`)
    const { node, log } = await tracing(root)
    const directory = node.openDirectory(root)
    await Promise.all([directory.writeAtomic('x/a', []), directory.writeAtomic('x/b', [])])
    expect(log.filter((line) => line === 'fsync .')).toHaveLength(1)
    expect(log.indexOf('fsync .')).toBeLessThan(log.findIndex((line) => line.startsWith('create')))
  })

  it('a draft that fails is unlinked', async () => {
    const root = folder()
    const { node, log } = await tracing(root)
    const content = function * (): Generator<Uint8Array> {
      yield Buffer.from('half')
      throw new Error('no more')
    }
    await node.openDirectory(root).writeAtomic('a', content()).catch(() => {})
    expect(log).toEqual(['mkdir .', 'create .a.tmp', 'unlink .a.tmp'])
  })

  it('a new file written in place: its name before the first write; its length by a full sync', async () => {
    const root = folder()
    const { node, log } = await tracing(root)
    const file = await node.openWritableFile(`${root}/a`, 'new')
    await file.write(0, Buffer.from('text'))
    await file.sync()
    await file.write(0, Buffer.from('next'))
    await file.sync()
    await file.truncate(100)
    await file.sync()
    await file.close()
    expect(log).toEqual(['create a', 'fsync .', 'write a', 'fsync a', 'write a', 'fdatasync a', 'fsync a'])
  })

  it('a rename and a removal: every folder concerned', async () => {
    const root = folder()
    const { node, log } = await tracing(root)
    const directory = node.openDirectory(root)
    await directory.writeAtomic('x/a', [])
    log.length = 0
    await directory.rename('x/a', 'y/b')
    await directory.rename('y/b', 'y/c')
    await directory.remove('y/c')
    expect(log).toEqual(['mkdir y', 'fsync .', 'rename x/a y/b', 'fsync y', 'fsync x', 'rename y/b y/c', 'fsync y', 'unlink y/c', 'fsync y'])
  })
})
