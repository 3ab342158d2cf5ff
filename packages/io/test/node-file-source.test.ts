import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { compareIdentity, isBlocking, readChunks, type SourceIdentity } from '../src/index.ts'
import { openFileSource } from '../src/node.ts'
import { descriptorsIn, replacingFs, systemError, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const replace = replacingFs()
const coded = (code: string, retry?: string): unknown => expect.objectContaining(retry === undefined ? { code } : { code, retry })
const bytes = Uint8Array.from({ length: 5000 }, (_, at) => at * 7)

const file = (content: Uint8Array | string = bytes): string => {
  const path = join(folder(), 'file')
  writeFileSync(path, content)
  return path
}

describe('openFileSource', () => {
  it('reads any part, in memory of its own', async () => {
    const source = await openFileSource(file())
    expect(source).toMatchObject({ sizeBytes: 5000, cost: { kind: 'local' } })
    expect(isBlocking(source)).toBe(true)
    for (const [at, length] of [[0, 5000], [0, 1], [4999, 1], [123, 456], [5000, 0], [0, 0]] as const) {
      const part = await source.read(at, length)
      expect(part).toEqual(bytes.slice(at, at + length))
      expect(part.constructor).toBe(Uint8Array)
      expect(part.buffer.byteLength).toBe(length)
    }
    await source.close()
  })

  it('reads nothing that is not inside', async () => {
    const source = await openFileSource(file())
    for (const [at, length] of [[0, 5001], [5000, 1], [5001, 0], [-1, 1], [0, -1], [0.5, 1], [0, 0.5], [Number.NaN, 1], [Number.MAX_SAFE_INTEGER, 1]] as const) {
      await expect(source.read(at, length)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      expect(() => source.peek(at, length)).toThrow(coded('IO_OUT_OF_RANGE') as Error)
    }
    expect(() => source.readSync(-1, new Uint8Array(1))).toThrow(coded('IO_OUT_OF_RANGE') as Error)
    expect(() => source.readSync(5001, new Uint8Array(1))).toThrow(coded('IO_OUT_OF_RANGE') as Error)
    expect(source.peek(0, 10)).toBeUndefined()
    await source.close()
  })

  it('reads into memory given, blocking, fewer bytes only at the end', async () => {
    const source = await openFileSource(file())
    const into = new Uint8Array(100)
    expect(source.readSync(10, into)).toBe(100)
    expect(into).toEqual(bytes.slice(10, 110))
    expect(source.readSync(4950, into)).toBe(50)
    expect(into.subarray(0, 50)).toEqual(bytes.slice(4950))
    expect(source.readSync(5000, into)).toBe(0)
    expect(source.readSync(0, new Uint8Array(0))).toBe(0)
    await source.close()
  })

  it('gives chunks of a range, of many readers at once', async () => {
    const source = await openFileSource(file())
    const all = await Promise.all(Array.from({ length: 20 }, async (_, from) => {
      const parts: Uint8Array[] = []
      for await (const chunk of readChunks(source, from, 5000, { chunkBytes: 333 })) parts.push(chunk)
      return Buffer.concat(parts)
    }))
    all.forEach((whole, from) => expect(Buffer.compare(whole, bytes.subarray(from))).toBe(0))
    await source.close()
  })

  it('goes on where the system gives a part of what was asked', async () => {
    const source = await openFileSource(file())
    replace('read', (real) => (fd: number, into: Uint8Array, offset: number, length: number, at: number, done: () => void) => real(fd, into, offset, Math.min(length, 7), at, done))
    replace('readSync', (real) => (fd: number, into: Uint8Array, offset: number, length: number, at: number) => real(fd, into, offset, Math.min(length, 7), at))
    expect(await source.read(3, 1000)).toEqual(bytes.slice(3, 1003))
    const into = new Uint8Array(1000)
    expect(source.readSync(3, into)).toBe(1000)
    expect(into).toEqual(bytes.slice(3, 1003))
    await source.close()
  })

  it('says what kind of file it was, and when it changed', async () => {
    const path = file()
    const identities: SourceIdentity[] = []
    for (const change of [() => {}, () => {}, () => utimesSync(path, 1, 1), () => appendFileSync(path, 'x')]) {
      change()
      const source = await openFileSource(path)
      identities.push(source.identity)
      await source.close()
    }
    expect(identities.map((identity) => compareIdentity(identities[0]!, identity))).toEqual(['same', 'same', 'unknown', 'different'])
    expect(identities[2]).toMatchObject({ kind: 'file', sizeBytes: 5000, mtimeNs: 1_000_000_000n })
  })

  it('stays on the file that was opened', async () => {
    const path = file('old')
    const source = await openFileSource(path)
    renameSync(file('new'), path)
    expect(await source.read(0, 3)).toEqual(new TextEncoder().encode('old'))
    unlinkSync(path)
    expect(await source.read(0, 3)).toEqual(new TextEncoder().encode('old'))
    await source.close()
  })

  it('follows links', async () => {
    const path = file('text')
    symlinkSync(path, `${path}.link`)
    const source = await openFileSource(`${path}.link`)
    expect(source.sizeBytes).toBe(4)
    await source.close()
  })

  it('says so when the file became shorter', async () => {
    const path = file()
    const source = await openFileSource(path)
    truncateSync(path, 100)
    expect(await source.read(0, 100)).toEqual(bytes.slice(0, 100))
    await expect(source.read(50, 100)).rejects.toEqual(expect.objectContaining({ code: 'IO_TRUNCATED', offset: 100 }))
    await expect(source.read(4000, 10)).rejects.toEqual(coded('IO_TRUNCATED'))
    expect(() => source.readSync(50, new Uint8Array(100))).toThrow(coded('IO_TRUNCATED') as Error)
    await source.close()
  })

  it('can be closed after a read for which there was no memory', async () => {
    const path = file(new Uint8Array(100_000))
    const source = await openFileSource(path)
    // whether a real allocation is refused depends on the machine
    const spy = vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation(() => { throw new RangeError('Array buffer allocation failed') })
    try {
      await expect(source.read(0, 100_000)).rejects.toEqual(coded('IO_SOURCE_LOST'))
    } finally {
      spy.mockRestore()
    }
    await source.close()
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it.each([['EIO', 'later'], ['ESTALE', 'later'], ['EBADMSG', 'never']])('loses the source on %s, to be tried %s', async (code, retry) => {
    const source = await openFileSource(file())
    const failure = systemError(code)
    replace('read', () => (...args: unknown[]) => (args.at(-1) as (error: Error) => void)(failure))
    replace('readSync', () => () => { throw failure })
    const lost = expect.objectContaining({ code: 'IO_SOURCE_LOST', retry, cause: failure, offset: 10 })
    await expect(source.read(10, 10)).rejects.toEqual(lost)
    expect(() => source.readSync(10, new Uint8Array(10))).toThrow(lost as Error)
    await source.close()
  })

  it('rejects with the reason of a signal, before and on the way', async () => {
    const reason = new Error('enough')
    const path = file()
    await expect(openFileSource(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const opening = new AbortController()
    const opened = openFileSource(path, { signal: opening.signal })
    opening.abort(reason)
    await expect(opened).rejects.toBe(reason)
    const source = await openFileSource(path)
    await expect(source.read(0, 10, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const reading = new AbortController()
    const read = source.read(0, 10, { signal: reading.signal })
    reading.abort(reason)
    await expect(read).rejects.toBe(reason)
    await source.close()
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it('lets reads under way finish when it is closed, refuses later ones, and closes once', async () => {
    const path = file()
    let closes = 0
    const source = await openFileSource(path)
    const reads = Array.from({ length: 50 }, (_, at) => source.read(at, 1000))
    const closing = [source.close(), source.close(), source[Symbol.asyncDispose]()].map((done) => done.then(() => closes++))
    await expect(source.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
    expect(() => source.readSync(0, new Uint8Array(1))).toThrow(coded('IO_CLOSED') as Error)
    expect(() => source.peek(0, 1)).toThrow(coded('IO_CLOSED') as Error)
    const parts = await Promise.all(reads)
    parts.forEach((part, at) => expect(part).toEqual(bytes.slice(at, at + 1000)))
    await Promise.all(closing)
    await source.close()
    expect(closes).toBe(3)
    expect(descriptorsIn(path) ?? 0).toBe(0)
  })

  it('opens nothing that is missing, or not a file, and never waits for one', async () => {
    const home = folder()
    await expect(openFileSource(join(home, 'missing'))).rejects.toEqual(coded('IO_NOT_FOUND', 'never'))
    await expect(openFileSource(join(file(), 'below'))).rejects.toEqual(coded('IO_NOT_FOUND'))
    symlinkSync(join(home, 'nowhere'), join(home, 'dangling'))
    await expect(openFileSource(join(home, 'dangling'))).rejects.toEqual(coded('IO_NOT_FOUND'))
    mkdirSync(join(home, 'folder'))
    await expect(openFileSource(join(home, 'folder'))).rejects.toThrow('kind=directory')
    if (process.platform === 'win32') return
    execFileSync('mkfifo', [join(home, 'fifo')])
    await expect(openFileSource(join(home, 'fifo'))).rejects.toThrow('kind=fifo')
    await expect(openFileSource('/dev/null')).rejects.toThrow('kind=device')
    const server = createServer()
    await new Promise<void>((resolve) => { server.listen(join(home, 'socket'), resolve) })
    await expect(openFileSource(join(home, 'socket'))).rejects.toThrow('kind=socket')
    await expect(openFileSource(join(home, 'socket'))).rejects.toEqual(coded('IO_FAILED'))
    await new Promise((resolve) => { server.close(resolve) })
  })
})
