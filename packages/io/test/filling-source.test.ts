import { truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ByteSource, canFill, createBytesSource, createWindow, type FillingSource } from '../src/index.ts'
import { createFilePool, openFileSource } from '../src/node.ts'
import { descriptorsIn, replacingFs, systemError, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const replace = replacingFs()
const coded = (code: string): unknown => expect.objectContaining({ code })
const bytes = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff)
const fileOf = (content: Uint8Array = bytes): string => {
  const path = join(folder(), 'file')
  writeFileSync(path, content)
  return path
}
const around = (content: Uint8Array): Uint8Array => Uint8Array.of(...bytes.subarray(0, 9), ...content, ...bytes.subarray(0, 9))

const forms: Record<string, () => Promise<ByteSource>> = {
  'bytes in memory': async () => createBytesSource(bytes),
  'a window of bytes': async () => createWindow(createBytesSource(around(bytes)), 9, 5000),
  'a file': () => openFileSource(fileOf()),
  'a window of a file': async () => createWindow(await openFileSource(fileOf(around(bytes))), 9, 5000, { owns: true }),
  'a file of a pool': () => createFilePool().openSource(fileOf()),
}
const filling = (source: ByteSource): FillingSource => {
  if (!canFill(source)) throw new Error('source does not read into memory given')
  return source
}

describe.each(Object.keys(forms))('readInto of %s', (form) => {
  it('fills what it is given and nothing beside it, with fewer bytes only at the end', async () => {
    const source = filling(await forms[form]!())
    for (const [at, length] of [[0, 5000], [0, 1], [4999, 1], [123, 456], [4950, 100], [5000, 10], [5000, 0], [0, 0]] as const) {
      const memory = new Uint8Array(length + 20).fill(0xee)
      const wanted = Math.min(length, 5000 - at)
      expect(await source.readInto(at, memory.subarray(10, 10 + length))).toBe(wanted)
      expect(memory.subarray(10, 10 + wanted)).toEqual(bytes.subarray(at, at + wanted))
      expect(new Set([...memory.subarray(0, 10), ...memory.subarray(10 + wanted)])).toEqual(new Set([0xee]))
    }
    await source.close()
  })

  it('rejects, and writes nothing, outside, with a signal that is aborted, and once closed', async () => {
    const source = filling(await forms[form]!())
    const into = new Uint8Array(10)
    for (const at of [-1, 5001, 0.5, Number.NaN]) await expect(source.readInto(at, into)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
    const reason = new Error('enough')
    await expect(source.readInto(0, into, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await source.close()
    await expect(source.readInto(0, into)).rejects.toEqual(coded('IO_CLOSED'))
    expect(into).toEqual(new Uint8Array(10))
  })
})

describe('canFill', () => {
  it('is false of a source without the power, and of a window of it', () => {
    const { readInto, ...plain } = createBytesSource(bytes)
    expect(readInto).toBeTypeOf('function')
    expect([canFill(plain), canFill(createWindow(plain, 0, 10))]).toEqual([false, false])
  })
})

describe('readInto of a file', () => {
  it('goes on where the system gives a part, and says what read says of failures', async () => {
    const path = fileOf()
    const source = await openFileSource(path)
    replace('read', (real) => (fd: number, into: Uint8Array, offset: number, length: number, at: number, done: () => void) => real(fd, into, offset, Math.min(length, 7), at, done))
    const into = new Uint8Array(1000)
    expect(await source.readInto(3, into)).toBe(1000)
    expect(into).toEqual(bytes.slice(3, 1003))
    truncateSync(path, 100)
    await expect(source.readInto(50, into)).rejects.toEqual(expect.objectContaining({ code: 'IO_TRUNCATED', offset: 100 }))
    replace('read', () => (...args: unknown[]) => { setImmediate(args.at(-1) as (error: Error) => void, systemError('EIO')) })
    await expect(source.readInto(0, into)).rejects.toEqual(expect.objectContaining({ code: 'IO_SOURCE_LOST', retry: 'later', offset: 0 }))
    await source.close()
  })

  it('is right where reads that follow each other are made by one', async () => {
    const source = await openFileSource(fileOf())
    const parts = Array.from({ length: 40 }, () => new Uint8Array(100))
    const got = await Promise.all(parts.map((part, i) => i % 3 === 0 ? source.read(i * 100, 100).then((read) => { part.set(read); return 100 }) : source.readInto(i * 100, part)))
    expect(new Set(got)).toEqual(new Set([100]))
    parts.forEach((part, i) => expect(part).toEqual(bytes.slice(i * 100, i * 100 + 100)))
    await source.close()
  })

  it('keeps the memory until the system has let go of it, though the caller gave up; a read that waits gives it back at once', async () => {
    const held: (() => void)[] = []
    replace('read', (real) => (...args: unknown[]) => { held.push(() => { (real as (...args: unknown[]) => void)(...args) }) })
    const source = await openFileSource(fileOf())
    const controller = new AbortController()
    const reason = new Error('enough')
    const settled: number[] = []
    const memory = Array.from({ length: 8 }, () => new Uint8Array(10))
    const reads = memory.map((into, i) => source.readInto(i * 600, into, { signal: controller.signal }).catch((error: unknown) => {
      settled.push(i)
      return error
    }))
    const begun = held.length
    expect(begun).toBeGreaterThan(0)
    controller.abort(reason)
    await Promise.all(reads.slice(begun))
    expect(settled).toEqual(memory.map((_, i) => i).slice(begun))
    for (const go of held) go()
    expect(new Set(await Promise.all(reads))).toEqual(new Set([reason]))
    expect(memory.slice(begun)).toEqual(memory.slice(begun).map(() => new Uint8Array(10)))
    await source.close()
  })
})

describe('readInto of a pool', () => {
  it('opens the file again, and rejects when it is lost', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 1 })
    const paths = ['a', 'b'].map((name) => join(home, name))
    for (const path of paths) writeFileSync(path, bytes)
    const [a, b] = await Promise.all(paths.map((path) => pool.openSource(path)))
    const into = new Uint8Array(300)
    for (const source of [a!, b!, a!, b!]) {
      expect(await source.readInto(200, into.fill(0))).toBe(300)
      expect(into).toEqual(bytes.slice(200, 500))
    }
    unlinkSync(paths[0]!)
    await expect(a!.readInto(0, into)).rejects.toEqual(coded('IO_SOURCE_LOST'))
    await pool.close()
    expect(descriptorsIn(home) ?? 0).toBe(0)
  })
})
