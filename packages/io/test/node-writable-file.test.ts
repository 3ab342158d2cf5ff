import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDirectory, openWritableFile } from '../src/node.ts'
import { descriptorsIn, replacingFs, systemError, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const replace = replacingFs()
const coded = (code: string, retry?: string): unknown => expect.objectContaining(retry === undefined ? { code } : { code, retry })
type Done = (error: Error | null, count?: number) => void

describe('openWritableFile', () => {
  it('opens by mode, in a folder that exists', async () => {
    const path = join(folder(), 'file')
    await expect(openWritableFile(path, 'open')).rejects.toEqual(coded('IO_NOT_FOUND'))
    await expect(openWritableFile(join(path, 'below'), 'new')).rejects.toEqual(coded('IO_NOT_FOUND'))
    await expect(openWritableFile(join(folder(), 'no', 'folder'), 'any')).rejects.toEqual(coded('IO_NOT_FOUND'))
    for (const mode of ['new', 'open', 'any'] as const) {
      const file = await openWritableFile(path, mode)
      await file.write(file.sizeBytes, Uint8Array.of(1))
      await file.close()
    }
    expect(readFileSync(path)).toEqual(Buffer.of(1, 1, 1))
    await expect(openWritableFile(path, 'new')).rejects.toEqual(coded('IO_EXISTS'))
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it('opens no link to nothing, no folder, and waits for no fifo', async () => {
    const home = folder()
    symlinkSync(join(home, 'nowhere'), join(home, 'dangling'))
    await expect(openWritableFile(join(home, 'dangling'), 'any')).rejects.toEqual(coded('IO_EXISTS'))
    await expect(openWritableFile(home, 'any')).rejects.toEqual(coded('IO_FAILED'))
    if (process.platform === 'win32') return
    execFileSync('mkfifo', [join(home, 'fifo')])
    await expect(openWritableFile(join(home, 'fifo'), 'any')).rejects.toThrow('kind=fifo')
  })

  it('leaves a hole between the old end and what is written', async () => {
    const directory = openDirectory(folder())
    const file = await directory.openWritable('sparse', 'new')
    await file.write(64 << 20, Uint8Array.of(1, 2, 3))
    await file.sync()
    await file.truncate(128 << 20)
    await file.sync()
    expect(await file.read(1 << 20, 4)).toEqual(new Uint8Array(4))
    expect(await file.read((64 << 20) + 1, 4)).toEqual(Uint8Array.of(2, 3, 0, 0))
    await file.close()
    const stat = await directory.stat('sparse')
    expect(stat?.sizeBytes).toBe(128 << 20)
    expect(stat?.allocatedBytes).toBeLessThan(64 << 20)
  })

  it('goes on where the system takes a part of what was given', async () => {
    const path = join(folder(), 'file')
    const file = await openWritableFile(path, 'new')
    replace('write', (real) => (fd: number, from: Uint8Array, offset: number, length: number, at: number, done: Done) => real(fd, from, offset, Math.min(length, 7), at, done as never))
    const bytes = Uint8Array.from({ length: 1000 }, (_, at) => at)
    await file.write(5, bytes)
    await file.close()
    expect(readFileSync(path)).toEqual(Buffer.concat([new Uint8Array(5), bytes]))
  })

  it('says that the disk is full, and how long the file then is', async () => {
    const path = join(folder(), 'file')
    const file = await openWritableFile(path, 'new')
    await file.write(0, new Uint8Array(10))
    const full = systemError('ENOSPC')
    replace('write', (real) => (fd: number, from: Uint8Array, offset: number, _length: number, at: number, done: Done) => {
      if (offset > 0) return done(full)
      real(fd, from, offset, 7, at, done as never)
    })
    await expect(file.write(10, new Uint8Array(100))).rejects.toEqual(expect.objectContaining({ code: 'IO_FULL', retry: 'later', cause: full }))
    expect(file.sizeBytes).toBe(17)
    expect(await file.read(0, 17)).toEqual(new Uint8Array(17))
    await file.close()
    expect(statSync(path).size).toBe(17)
  })

  it('says that a file became shorter behind its back', async () => {
    const path = join(folder(), 'file')
    writeFileSync(path, 'hello')
    const file = await openWritableFile(path, 'open')
    truncateSync(path, 2)
    await expect(file.read(0, 5)).rejects.toEqual(expect.objectContaining({ code: 'IO_FAILED', offset: 2 }))
    await file.close()
  })

  it('gives failures of reading, with their cause', async () => {
    const file = await openWritableFile(join(folder(), 'file'), 'new')
    await file.write(0, new Uint8Array(10))
    const failure = systemError('EIO')
    replace('read', () => (...args: unknown[]) => (args.at(-1) as Done)(failure))
    await expect(file.read(0, 5)).rejects.toEqual(expect.objectContaining({ code: 'IO_FAILED', retry: 'later', cause: failure }))
    await file.close()
  })

  it('closes after the calls under way, once', async () => {
    const path = join(folder(), 'file')
    const file = await openWritableFile(path, 'new')
    const writes = Array.from({ length: 20 }, (_, at) => file.write(at * 1000, new Uint8Array(1000).fill(at)))
    const synced = file.sync()
    const closing = [file.close(), file.close()]
    await Promise.all([...writes, synced])
    await Promise.all(closing)
    expect(descriptorsIn(path) ?? 0).toBe(0)
    const content = readFileSync(path)
    for (let at = 0; at < 20; at++) expect(content.subarray(at * 1000, at * 1000 + 1000).every((byte) => byte === at)).toBe(true)
  })
})
