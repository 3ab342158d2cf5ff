import { type ByteSource, createBytesSource, IoError } from '@dagstore/io'
import { concat, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { createCrashFs, type CrashFs } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { openSector, type UnsealedSector } from '../src/sector.ts'
import { openSectorWriter, type SectorWriter } from '../src/sector-writer.ts'
import { encodeTrailer } from '../src/trailer.ts'

const KIB = 1024
const first = seededBytes(1, 500)
const second = seededBytes(2, 400)
const start = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: first }] })

interface Shared { fs: CrashFs, writer: SectorWriter, sector: UnsealedSector, open: () => number }

/** One file with a writer and a reader, each with an opening of its own; `open` counts the reader's. */
const shared = async (): Promise<Shared> => {
  const fs = createCrashFs({ seed: 1 })
  fs.plant('sector', start)
  let open = 0
  const sector = await openSector(async (call) => {
    const source = await fs.directory.openSource('sector', call)
    open++
    let isClosed = false
    const close = async (): Promise<void> => {
      if (!isClosed) open--
      isClosed = true
      await source.close()
    }
    return { ...source, close, [Symbol.asyncDispose]: close }
  })
  return { fs, sector, writer: await openSectorWriter(await fs.writableFile('sector'), { sectorBytes: 2 * KIB }), open: () => open }
}

describe('refresh', () => {
  it('finds what was added and freed since', async () => {
    const { sector, writer } = await shared()
    await writer.writePiece(KIB, 512, [second])
    expect(sector.allocated).toEqual([{ start: 0, length: 512 }])
    expect(() => sector.openPiece(KIB, 512)).toThrow(expect.objectContaining({ code: 'SECTOR_NOT_ALLOCATED' }))
    expect(await sector.refresh()).toBe(true)
    expect(sector.allocated).toEqual([{ start: 0, length: 512 }, { start: KIB, length: 512 }])
    expect(await sector.openPiece(KIB, 512).read(0, 400)).toEqual(second)
    expect(await sector.refresh()).toBe(false)
    await writer.free(0, 512)
    expect(await sector.refresh()).toBe(true)
    expect(sector.isAllocated(0, 512)).toBe(false)
  })
  it('leaves open pieces readable, whatever is added, and keeps one source open', async () => {
    const { sector, writer, open } = await shared()
    const piece = sector.openPiece(0, 512)
    for (const offset of [512, 1024, 1536]) {
      await writer.writePiece(offset, 512, [second])
      await sector.refresh()
      expect(await piece.read(3, 400)).toEqual(first.subarray(3, 403))
      expect(open()).toBe(1)
    }
    await sector.close()
    expect(open()).toBe(0)
  })
  it('takes a piece that was freed from those who read it, and says so', async () => {
    const { sector, writer } = await shared()
    const piece = sector.openPiece(0, 512)
    await writer.free(0, 512)
    await sector.refresh()
    await expect(piece.read(0, 1)).rejects.toMatchObject({ code: 'IO_SOURCE_LOST', retry: 'later' })
    expect(() => piece.peek(0, 1)).toThrow(expect.objectContaining({ code: 'IO_SOURCE_LOST' }))
  })
  it('gives no bytes of a piece that was freed while they were read', async () => {
    const fs = createCrashFs({ seed: 1 })
    fs.plant('sector', start)
    let hold: Promise<void> | undefined
    const sector = await openSector(async () => {
      const source = await fs.directory.openSource('sector')
      return { ...source, read: async (at, length, call) => { await hold; return source.read(at, length, call) } }
    })
    const piece = sector.openPiece(0, 512)
    let release = (): void => {}
    hold = new Promise((resolve) => { release = resolve })
    const read = piece.read(0, 100)
    hold = undefined
    await (await openSectorWriter(await fs.writableFile('sector'), { sectorBytes: 2 * KIB })).free(0, 512)
    await sector.refresh()
    release()
    await expect(read).rejects.toMatchObject({ code: 'IO_SOURCE_LOST' })
  })
  it('tells pieces of a file that another one took the place of', async () => {
    const { fs, sector } = await shared()
    const piece = sector.openPiece(0, 512)
    await fs.directory.writeAtomic('sector', [start])
    await sector.refresh()
    await expect(piece.read(0, 1)).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
    expect(await sector.openPiece(0, 512).read(0, 500)).toEqual(first)
  })
  it('is one reading for all who ask meanwhile, begun after they asked', async () => {
    const { fs, sector, writer } = await shared()
    const running = sector.refresh()
    await writer.writePiece(KIB, 512, [second])
    const before = fs.log.filter((line) => line === 'read sector open').length
    const all = await Promise.all([sector.refresh(), sector.refresh(), sector.refresh()])
    expect(new Set(all).size).toBe(1)
    expect(fs.log.filter((line) => line === 'read sector open').length - before).toBeLessThanOrEqual(4)
    await running
    expect(sector.isAllocated(KIB, 512)).toBe(true)
  })
  it('keeps the list when it fails, and the error unchanged', async () => {
    const { fs, sector, open } = await shared()
    const broken = new IoError('IO_FAILED', 'no disk', { retry: 'later' })
    fs.faults.failAt(fs.faults.operations, broken)
    await expect(sector.refresh()).rejects.toBe(broken)
    expect(sector.allocated).toEqual([{ start: 0, length: 512 }])
    await fs.directory.remove('sector')
    await expect(sector.refresh()).rejects.toMatchObject({ code: 'IO_NOT_FOUND' })
    expect(open()).toBe(1)
    expect(await sector.openPiece(0, 512).read(0, 500)).toEqual(first)
  })
  it('leaves a sector of a source, whose bytes do not change, as it is', async () => {
    const sector = await openSector(createBytesSource(start))
    expect(await sector.refresh()).toBe(false)
    await expect(sector.findPiece(KIB, 512)).rejects.toMatchObject({ code: 'SECTOR_NOT_ALLOCATED' })
  })
  it('rejects with the reason of an abort of the caller alone, and after close', async () => {
    const { sector, writer, open } = await shared()
    const reason = new Error('enough')
    await expect(sector.refresh({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await writer.writePiece(KIB, 512, [second])
    const control = new AbortController()
    const [left, stays] = [sector.refresh({ signal: control.signal }), sector.refresh()]
    control.abort(reason)
    await expect(left).rejects.toBe(reason)
    expect(await stays).toBe(true)
    const late = sector.refresh()
    const closed = sector.close()
    await expect(late).rejects.toMatchObject({ code: 'IO_CLOSED' })
    await closed
    await expect(sector.refresh()).rejects.toMatchObject({ code: 'IO_CLOSED' })
    expect(open()).toBe(0)
  })
})

describe('findPiece', () => {
  it('reads the list again only for a piece that it lacks', async () => {
    const { fs, sector, writer } = await shared()
    const before = fs.log.length
    expect(await (await sector.findPiece(0, 512)).read(0, 500)).toEqual(first)
    expect(fs.log.slice(before).filter((line) => line === 'read sector open')).toEqual([])
    await writer.writePiece(KIB, 512, [second])
    expect(await (await sector.findPiece(KIB, 512)).read(0, 400)).toEqual(second)
    await expect(sector.findPiece(512, 512)).rejects.toMatchObject({ code: 'SECTOR_NOT_ALLOCATED' })
  })
  it('refuses what can be no piece, and rejects with the reason of an abort', async () => {
    const { sector } = await shared()
    await expect(sector.findPiece(1, 128)).rejects.toThrow(RangeError)
    const reason = new Error('enough')
    await expect(sector.findPiece(0, 512, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
  it('takes an identity, and closes the sector with a piece that owns it', async () => {
    const { sector, open } = await shared()
    const identity = { kind: 'content', cid: 'piece', sizeBytes: 508 } as const
    const piece = await sector.findPiece(0, 512, { identity, owns: true })
    expect(piece.identity).toEqual(identity)
    await piece.close()
    expect(open()).toBe(0)
  })
})

describe('a list that is being written while it is read', () => {
  const [old, next] = [encodeTrailer([{ start: 0, length: 512 }]), encodeTrailer([{ start: 0, length: 512 }, { start: 1024, length: 128 }])]
  const torn = concat([Uint8Array.of(0xff), old.subarray(1)])
  /** Each opening finds the next of these behind the data, each reading the next of those, when there are more. */
  const changing = (tails: readonly (Uint8Array | readonly Uint8Array[])[]): { open: () => Promise<ByteSource>, opened: () => number, closed: () => number } => {
    let [opened, closed] = [0, 0]
    return {
      opened: () => opened,
      closed: () => closed,
      open: async () => {
        const views = [tails[Math.min(opened++, tails.length - 1)]!].flat()
        let reads = 0
        const source = createBytesSource(concat([start.subarray(0, 2 * KIB), views[0]!]), { identity: { kind: 'file', sizeBytes: 2 * KIB + views[0]!.byteLength, mtimeNs: 0n, inode: 1n } })
        return {
          ...source,
          read: async (at, length, call) => {
            if (at < 2 * KIB) return source.read(at, length, call)
            const view = views[Math.min(reads++, views.length - 1)]!
            if (view.byteLength < length) throw new IoError('IO_TRUNCATED', 'file became shorter')
            return view.slice(0, length)
          },
          close: async () => { closed++ },
        }
      },
    }
  }
  it.each([
    { what: 'is torn once', tails: [torn, next] },
    { what: 'is torn, then of another length', tails: [torn, old, next] },
    { what: 'is the start of a longer one', tails: [next.slice(0, old.byteLength), next] },
    { what: 'becomes shorter before it is read', tails: [[next, old], old] },
    { what: 'differs when it is read again', tails: [[old, torn], [old, torn], old] },
    { what: 'is of a file that is being made', tails: [new Uint8Array(0), old] },
  ])('is read again when it $what', async ({ tails, what }) => {
    const file = changing(tails)
    const sector = await openSector(file.open)
    const wanted = [tails.at(-1)!].flat().at(-1)!
    if (!what.includes('made')) expect(encodeTrailer(sector.allocated)).toEqual(wanted)
    await sector.close()
    expect(file.closed()).toBe(file.opened())
  })
  it('is read again when its writer takes some time to sync', async () => {
    const end = performance.now() + 40
    const sector = await openSector(() => changing(performance.now() < end ? [torn] : [old]).open())
    expect(encodeTrailer(sector.allocated)).toEqual(old)
    await sector.close()
  })
  it('is given up after some attempts, and never taken for a list', async () => {
    for (const tails of [[torn], [new Uint8Array(9)], [next.slice(0, old.byteLength)]]) {
      const file = changing(tails)
      await expect(openSector(file.open)).rejects.toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
      expect(file.opened()).toBeGreaterThan(4)
      expect(file.opened()).toBeLessThan(20)
      expect(file.closed()).toBe(file.opened())
    }
    let turn = 0
    const growing = async (): Promise<ByteSource> => createBytesSource(concat([start.subarray(0, 2 * KIB), encodeTrailer(++turn % 2 === 0 ? [] : [{ start: 0, length: 128 }])]))
    await expect(openSector(growing)).rejects.toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
  })
})

describe('a read that meets a source which looks at its file', () => {
  it('opens it anew when the file was written to, and gives up when that does not end', async () => {
    let changed = 0
    const open = async (): Promise<ByteSource> => {
      const source = createBytesSource(start, { identity: { kind: 'file', sizeBytes: start.byteLength, mtimeNs: 0n, inode: 1n } })
      return {
        ...source,
        read: async (at, length, call) => {
          if (at >= 2 * KIB || changed-- <= 0) return source.read(at, length, call)
          throw new IoError('IO_SOURCE_CHANGED', 'file was written to', { retry: 'later' })
        },
      }
    }
    const piece = (await openSector(open)).openPiece(0, 512)
    changed = 2
    expect(await piece.read(0, 500)).toEqual(first)
    changed = 100
    await expect(piece.read(0, 500)).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
  })
})
