import { linkSync, mkdirSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FileSource } from '../src/node.ts'
import { createFilePool } from '../src/node.ts'
import { descriptorsIn, replacingFs, systemError, temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()
const replace = replacingFs()
const coded = (code: string, retry?: string): unknown => expect.objectContaining(retry === undefined ? { code } : { code, retry })
const contentOf = (i: number): Uint8Array => new TextEncoder().encode(`this is file ${i}`.padEnd(100, '.'))
const filesIn = (home: string, count: number): string[] => Array.from({ length: count }, (_, i) => {
  const path = join(home, String(i))
  writeFileSync(path, contentOf(i))
  return path
})

describe('createFilePool', () => {
  it('has many sources on few descriptors, whichever are read, one after another and all at once', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 8 })
    let most = 0
    const look = (): void => { most = Math.max(most, pool.openFiles, descriptorsIn(home) ?? 0) }
    const sources: FileSource[] = []
    for (const path of filesIn(home, 60)) {
      sources.push(await pool.openSource(path))
      look()
    }
    const check = async (i: number): Promise<void> => {
      expect(await sources[i]!.read(0, 100)).toEqual(contentOf(i))
      look()
    }
    for (let i = 0; i < 60; i++) await check((i * 37) % 60)
    for (let round = 0; round < 3; round++) await Promise.all(sources.flatMap((_, i) => [check(i), check((i * 7) % 60)]))
    expect(most).toBe(8)
    await Promise.all(sources.map((source) => source.close()))
    expect([pool.openFiles, descriptorsIn(home) ?? 0]).toEqual([0, 0])
    await pool.close()
  })

  it('keeps open those used last', async () => {
    const home = folder()
    const paths = filesIn(home, 3)
    const pool = createFilePool({ maxOpen: 2 })
    const [a, b, c] = await Promise.all(paths.map((path) => pool.openSource(path)))
    await a!.read(0, 1)
    await b!.read(0, 1)
    await a!.read(0, 1)
    await c!.read(0, 1) // in place of b
    unlinkSync(paths[0]!)
    unlinkSync(paths[1]!)
    expect(await a!.read(0, 100)).toEqual(contentOf(0))
    await expect(b!.read(0, 100)).rejects.toEqual(coded('IO_SOURCE_LOST', 'never'))
    await pool.close()
  })

  it.each([
    { what: 'another file', change: (path: string) => { writeFileSync(`${path}.new`, contentOf(9)); renameSync(`${path}.new`, path) } },
    { what: 'another time', change: (path: string) => { utimesSync(path, 1, 1) } },
    { what: 'another length', change: (path: string) => { writeFileSync(path, 'short') } },
    { what: 'a folder', change: (path: string) => { unlinkSync(path); mkdirSync(path) } },
    { what: 'nothing', change: (path: string) => { unlinkSync(path) }, code: 'IO_SOURCE_LOST' },
  ])('gives no bytes of $what that has the name when it opens it again', async ({ change, code = 'IO_SOURCE_CHANGED' }) => {
    const home = folder()
    const [path, other] = filesIn(home, 2) as [string, string]
    const pool = createFilePool({ maxOpen: 1 })
    const source = await pool.openSource(path)
    const another = await pool.openSource(other)
    change(path)
    for (let i = 0; i < 2; i++) await expect(source.read(0, 5)).rejects.toEqual(coded(code))
    expect(() => source.readSync(0, new Uint8Array(5))).toThrow(coded(code) as Error)
    expect(await another.read(0, 100)).toEqual(contentOf(1))
    await pool.close()
    expect(descriptorsIn(home) ?? 0).toBe(0)
  })

  it('reads a file again that came back as it was', async () => {
    const home = folder()
    const [path, other] = filesIn(home, 2) as [string, string]
    const pool = createFilePool({ maxOpen: 1 })
    const source = await pool.openSource(path)
    await pool.openSource(other)
    linkSync(path, `${path}.kept`)
    unlinkSync(path)
    await expect(source.read(0, 1)).rejects.toEqual(coded('IO_SOURCE_LOST'))
    linkSync(`${path}.kept`, path)
    expect(await source.read(0, 100)).toEqual(contentOf(0))
    await pool.close()
  })

  it('blocks beside the bound, and leaves nothing open by that', async () => {
    const home = folder()
    const [path, other] = filesIn(home, 2) as [string, string]
    const pool = createFilePool({ maxOpen: 1 })
    const sources = [await pool.openSource(path), await pool.openSource(other)]
    for (const [i, source] of sources.entries()) {
      const into = new Uint8Array(100)
      expect(source.readSync(0, into)).toBe(100)
      expect(into).toEqual(contentOf(i))
    }
    expect(pool.openFiles).toBe(1)
    expect(descriptorsIn(home) ?? 1).toBe(1)
    await pool.close()
  })

  it('opens nothing that is missing or aborted, and holds nothing for it', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 1 })
    const reason = new Error('enough')
    for (let i = 0; i < 5; i++) {
      await expect(pool.openSource(join(home, 'missing'), { label: 'the name' })).rejects.toThrow('the name')
      await expect(pool.openSource(join(home, 'missing'))).rejects.toEqual(coded('IO_NOT_FOUND'))
      await expect(pool.openSource(join(home, 'missing'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    }
    expect(pool.openFiles).toBe(0)
    const [path] = filesIn(home, 1) as [string]
    const controller = new AbortController()
    const opening = pool.openSource(path, { signal: controller.signal })
    controller.abort(reason)
    await expect(opening).rejects.toBe(reason)
    const source = await pool.openSource(path)
    expect(await source.read(0, 100)).toEqual(contentOf(0))
    await pool.close()
    expect([pool.openFiles, descriptorsIn(home) ?? 0]).toEqual([0, 0])
  })

  it('lets callers who wait for a descriptor withdraw; others get theirs', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 1 })
    const sources = await Promise.all(filesIn(home, 3).map((path) => pool.openSource(path)))
    let hold: (() => void)[] | undefined = []
    replace('read', (real) => (...args: Parameters<typeof real>) => {
      const go = (): void => { (real as (...args: unknown[]) => void)(...args) }
      if (hold === undefined) go()
      else hold.push(go)
    })
    const first = sources[0]!.read(0, 100)
    await new Promise((resolve) => { setTimeout(resolve, 20) })
    const controller = new AbortController()
    const reason = new Error('enough')
    const given = sources[1]!.read(0, 100, { signal: controller.signal })
    const kept = [sources[1]!.read(0, 100), sources[2]!.read(0, 100)]
    controller.abort(reason)
    await expect(given).rejects.toBe(reason)
    const held = hold
    hold = undefined
    for (const go of held) go()
    expect(await Promise.all([first, ...kept])).toEqual([0, 1, 2].map(contentOf))
    await pool.close()
    expect([pool.openFiles, descriptorsIn(home) ?? 0]).toEqual([0, 0])
  })

  it('lets a caller who waits to open a file withdraw at once', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 1 })
    const [path, other] = filesIn(home, 2) as [string, string]
    const source = await pool.openSource(path)
    const held: (() => void)[] = []
    replace('read', (real) => (...args: Parameters<typeof real>) => { held.push(() => { (real as (...args: unknown[]) => void)(...args) }) })
    const read = source.read(0, 100)
    const controller = new AbortController()
    const reason = new Error('enough')
    const opening = pool.openSource(other, { signal: controller.signal }).then(() => 'open', (error: unknown) => error)
    await new Promise((resolve) => { setImmediate(resolve) })
    controller.abort(reason)
    const late = new Promise((resolve) => { setTimeout(resolve, 50, 'nothing yet') })
    expect(await Promise.race([opening, late])).toBe(reason)
    for (const go of held) go()
    expect(await read).toEqual(contentOf(0))
    await pool.close()
    expect([pool.openFiles, descriptorsIn(home) ?? 0]).toEqual([0, 0])
  })

  it.each(Array.from({ length: 12 }, (_, ticks) => ticks))('reads a file whose descriptor was opened for somebody who withdrew, and taken by another file; ticks=%i', async (ticks) => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 1 })
    const [a, b] = await Promise.all(filesIn(home, 2).map((path) => pool.openSource(path)))
    await b!.read(0, 1)
    let late: Promise<Uint8Array> | undefined
    const readLater = async (): Promise<void> => {
      for (let left = ticks; left > 0; left--) await Promise.resolve()
      late = a!.read(0, 100)
      late.catch(() => {})
    }
    replace('fstat', (real) => (...args: unknown[]) => {
      const done = args.at(-1) as (...results: unknown[]) => void
      ;(real as (...args: unknown[]) => void)(...args.slice(0, -1), (...results: unknown[]) => {
        if (late === undefined) void readLater()
        done(...results)
      })
    })
    const controller = new AbortController()
    const given = a!.read(0, 100, { signal: controller.signal })
    const other = b!.read(0, 100)
    controller.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    expect(await other).toEqual(contentOf(1))
    expect(await late).toEqual(contentOf(0))
    await pool.close()
    expect([pool.openFiles, descriptorsIn(home) ?? 0]).toEqual([0, 0])
  })

  it('comes to a file that waits although others are read without a pause', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 1 })
    const [busy, quiet] = await Promise.all(filesIn(home, 2).map((path) => pool.openSource(path)))
    let reads = 0
    let stop = false
    const reader = async (): Promise<void> => {
      for (; !stop && reads < 2000; reads++) await busy!.read(0, 100)
    }
    const readers = [reader(), reader(), reader()]
    expect(await quiet!.read(0, 100)).toEqual(contentOf(1))
    stop = true
    await Promise.all(readers)
    expect(reads).toBeLessThan(100)
    await pool.close()
    expect([pool.openFiles, descriptorsIn(home) ?? 0]).toEqual([0, 0])
  })

  it('gives the descriptor of a read that failed to the next', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 1 })
    const sources = await Promise.all(filesIn(home, 2).map((path) => pool.openSource(path)))
    let fails = 0
    replace('read', (real) => (...args: Parameters<typeof real>) => {
      if (fails++ % 2 === 0) setImmediate(args.at(-1) as unknown as (error: Error) => void, systemError('EIO'))
      else (real as (...args: unknown[]) => void)(...args)
    })
    for (let i = 0; i < 10; i++) {
      await expect(sources[i % 2]!.read(0, 5)).rejects.toEqual(coded('IO_SOURCE_LOST', 'later'))
      expect(await sources[(i + 1) % 2]!.read(0, 100)).toEqual(contentOf((i + 1) % 2))
    }
    await pool.close()
    expect(descriptorsIn(home) ?? 0).toBe(0)
  })

  it('closes with reads under way and waiting, which finish; later ones are refused', async () => {
    const home = folder()
    const pool = createFilePool({ maxOpen: 2, maxReads: 2 })
    const sources = await Promise.all(filesIn(home, 20).map((path) => pool.openSource(path)))
    const reads = sources.map((source) => source.read(0, 100))
    const closing = Promise.all([pool.close(), pool.close(), sources[3]!.close()])
    for (const source of sources) await expect(source.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
    await expect(pool.openSource(join(home, '0'))).rejects.toEqual(coded('IO_CLOSED'))
    expect(await Promise.all(reads)).toEqual(sources.map((_, i) => contentOf(i)))
    await closing
    expect([pool.openFiles, descriptorsIn(home) ?? 0]).toEqual([0, 0])
  })

  it('takes only whole numbers', () => {
    for (const options of [{ maxOpen: 0 }, { maxOpen: 1.5 }, { maxReads: 0 }, { maxReads: Number.NaN }]) expect(() => createFilePool(options)).toThrow(RangeError)
  })
})
