import { createBytesSource, createMemoryDirectory, IoError, type WritableFile } from '@dagstore/io'
import { concat, plainRlePlus, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { createCrashFs } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { type Fr32, padFr32Into } from '@dagstore/piece'
import { openSector } from '../src/sector.ts'
import { openSectorWriter, type SectorWriter, type SectorWriterOptions } from '../src/sector-writer.ts'

const KIB = 1024
const MIB = 1024 * KIB

interface Opened { writer: SectorWriter, content: () => Uint8Array, fs: ReturnType<typeof createCrashFs> }

const openOn = async (bytes: Uint8Array | undefined, options: Partial<SectorWriterOptions> = {}): Promise<Opened> => {
  const fs = createCrashFs({ seed: 1 })
  if (bytes !== undefined) fs.plant('sector', bytes)
  const writer = await openSectorWriter(await fs.writableFile('sector'), { sectorBytes: 2 * KIB, ...options })
  return { writer, content: () => fs.content('sector')!, fs }
}

async function * inParts (bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.slice(at, at + size)
}

describe('openSectorWriter', () => {
  it('makes an empty file a sector with nothing in it', async () => {
    const { writer, content } = await openOn(undefined)
    expect(writer.allocated).toEqual([])
    expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [] }))
  })
  it('goes on with a file that has pieces', async () => {
    const pieces = [{ offset: 512, paddedBytes: 512, payload: seededBytes(1, 400) }]
    const { writer, content } = await openOn(sectorFile({ sectorBytes: 2 * KIB, pieces }))
    expect(writer.allocated).toEqual([{ start: 512, length: 512 }])
    const payload = seededBytes(2, 254)
    await writer.writePiece(0, 256, [payload])
    expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [...pieces, { offset: 0, paddedBytes: 256, payload }] }))
  })
  it('finds no room in a file without a trailer, which is wholly in use', async () => {
    const { writer } = await openOn(new Uint8Array(2 * KIB))
    await expect(writer.writePiece(0, 128, [])).rejects.toMatchObject({ code: 'SECTOR_OCCUPIED' })
  })
  it('finishes an update that was cut off, when its trailer cannot be torn', async () => {
    const file = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: seededBytes(1, 400) }] })
    const { writer, content } = await openOn(concat([file, new Uint8Array(8)]))
    expect(writer.allocated).toEqual([{ start: 0, length: 512 }])
    expect(content()).toEqual(file)
  })
  it('writes the ranges it is given when the trailer was torn, and only then', async () => {
    const file = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: seededBytes(1, 400) }] })
    const torn = concat([file.subarray(0, 2 * KIB), Uint8Array.of(9, 9, 9, 0, 0, 0, 0, 0, 0)])
    await expect(openOn(torn)).rejects.toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
    const repaired = await openOn(torn, { repair: [{ start: 256, length: 256 }, { start: 0, length: 256 }] })
    expect(repaired.content()).toEqual(file)
    const whole = await openOn(file, { repair: [{ start: 1024, length: 1024 }] })
    expect(whole.content()).toEqual(file)
    expect(whole.writer.allocated).toEqual([{ start: 0, length: 512 }])
  })
  it('takes a tail of zeros for an empty list only when nobody says otherwise', async () => {
    const file = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: seededBytes(1, 400) }] })
    const blank = concat([file.subarray(0, 2 * KIB), new Uint8Array(12)])
    expect((await openOn(blank)).writer.allocated).toEqual([])
    expect((await openOn(blank, { repair: [] })).writer.allocated).toEqual([])
    const known = await openOn(blank, { repair: [{ start: 0, length: 512 }] })
    expect(known.content()).toEqual(file)
    await expect(known.writer.writePiece(0, 128, [])).rejects.toMatchObject({ code: 'SECTOR_OCCUPIED' })
  })
  it('refuses a repair beyond the sector, and a tail that is longer than any trailer', async () => {
    const torn = concat([new Uint8Array(2 * KIB), Uint8Array.of(9, 9, 9, 9, 9)])
    await expect(openOn(torn, { repair: [{ start: KIB, length: 2 * KIB }] })).rejects.toThrow(RangeError)
    await expect(openOn(torn, { repair: [{ start: 0, length: 10 }, { start: 5, length: 10 }] })).rejects.toThrow(RangeError)
    await expect(openOn(new Uint8Array(4 * MIB), { repair: [] })).rejects.toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
  })
  it('takes up a file whose making was cut off, but none that was cut', async () => {
    const { content } = await openOn(new Uint8Array(700))
    expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [] }))
    const cut = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: seededBytes(1, 400) }] }).subarray(0, 2047)
    await expect(openOn(cut)).rejects.toMatchObject({ code: 'SECTOR_TRUNCATED' })
  })
  it('refuses a size that no sector has', async () => {
    await expect(openOn(undefined, { sectorBytes: 4096 })).rejects.toThrow(RangeError)
  })
})

describe('writePiece', () => {
  it.each([1, 126, 127, 128, 500, 508, 1000, 2032])('writes what a reader made from the definition reads, for %i bytes', async (length) => {
    const payload = seededBytes(length, length)
    const { writer, content } = await openOn(undefined)
    expect(await writer.writePiece(0, 2 * KIB, inParts(payload, 77))).toEqual({ payloadBytes: length })
    expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 2 * KIB, payload }] }))
    const piece = (await openSector(createBytesSource(content()))).openPiece(0, 2 * KIB)
    const want = new Uint8Array(2032)
    want.set(payload)
    expect(await piece.read(0, 2032)).toEqual(want)
  })
  it('writes pieces side by side, in any order, and joins their ranges', async () => {
    const pieces = [[1024, 512, 400], [0, 128, 127], [512, 512, 1], [128, 128, 64], [256, 256, 254], [1536, 512, 508]].map(([offset = 0, paddedBytes = 0, length = 0]) => ({ offset, paddedBytes, payload: seededBytes(offset, length) }))
    const { writer, content } = await openOn(undefined)
    for (const [i, piece] of pieces.entries()) {
      await writer.writePiece(piece.offset, piece.paddedBytes, [piece.payload])
      expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: pieces.slice(0, i + 1) }))
    }
    expect(writer.allocated).toEqual([{ start: 0, length: 2 * KIB }])
  })
  it('writes large pieces in parts of at least 256 KiB and leaves the zero tail alone', async () => {
    const payload = seededBytes(5, 3 * MIB + 12_345)
    const { writer, content, fs } = await openOn(undefined, { sectorBytes: 8 * MIB })
    const before = fs.log.length
    await writer.writePiece(4 * MIB, 4 * MIB, inParts(payload, 10_007))
    const writes = fs.log.slice(before).filter((line) => line.startsWith('write')).map((line) => line.split(' ').at(-1)!.split('+').map(Number) as [number, number])
    expect(writes.slice(0, 3).every(([, length]) => length === MIB)).toBe(true)
    const dataEnd = 4 * MIB + Math.ceil(payload.byteLength / 127) * 128
    expect(writes.filter(([at]) => at < 8 * MIB).every(([at, length]) => at + length <= dataEnd)).toBe(true)
    expect(Buffer.compare(content(), sectorFile({ sectorBytes: 8 * MIB, pieces: [{ offset: 4 * MIB, paddedBytes: 4 * MIB, payload }] }))).toBe(0)
  })
  it('syncs the data before it touches the trailer', async () => {
    const { writer, fs } = await openOn(undefined)
    const before = fs.log.length
    await writer.writePiece(0, 512, [seededBytes(1, 300)])
    expect(fs.log.slice(before)).toEqual([
      'write sector 0+384', 'sync sector',
      // the record of the update; 2 bytes of ranges, 4 of their length, zeros up to the record; 6 bytes are left
      'read sector 2048+4', 'write sector 2560+512', 'sync sector', 'write sector 2048+512', 'sync sector', 'truncate sector 2054', 'sync sector',
    ])
  })
  it('puts zeros behind the payload where the file held something else', async () => {
    const used = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 2 * KIB, payload: seededBytes(9, 2032) }] })
    // freed in Lotus's way: out of the list, bytes still there
    const list = plainRlePlus([{ start: 0, length: 512 }])
    const freed = concat([used.subarray(0, 2 * KIB), list, Uint8Array.of(list.byteLength, 0, 0, 0)])
    const { writer, content } = await openOn(freed)
    const payload = seededBytes(3, 200)
    await writer.writePiece(KIB, KIB, [payload])
    const sector = await openSector(createBytesSource(content()))
    const want = new Uint8Array(1016)
    want.set(payload)
    expect(await sector.openPiece(KIB, KIB).read(0, 1016)).toEqual(want)
    expect(content().subarray(512, KIB)).toEqual(used.subarray(512, KIB))
  })
  it('leaves nothing in use after a failure, and the place free and clean for the next one', async () => {
    const { writer, content } = await openOn(undefined, { sectorBytes: 8 * MIB })
    const broken = new Error('source lost')
    const failing = async function * (): AsyncGenerator<Uint8Array> {
      yield seededBytes(1, 3 * MIB)
      throw broken
    }
    await expect(writer.writePiece(0, 4 * MIB, failing())).rejects.toBe(broken)
    expect(writer.allocated).toEqual([])
    expect((await openSector(createBytesSource(content()))).allocated).toEqual([])
    const payload = seededBytes(2, 1000)
    await writer.writePiece(0, 4 * MIB, [payload])
    expect(Buffer.compare(content(), sectorFile({ sectorBytes: 8 * MIB, pieces: [{ offset: 0, paddedBytes: 4 * MIB, payload }] }))).toBe(0)
  })
  it('rejects with the reason of an abort, before it starts and between parts, and ends the payload', async () => {
    const reason = new Error('enough')
    const { writer } = await openOn(undefined)
    await expect(writer.writePiece(0, 512, [new Uint8Array(5)], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const control = new AbortController()
    let ended = false
    const payload = async function * (): AsyncGenerator<Uint8Array> {
      try {
        yield new Uint8Array(5)
        control.abort(reason)
        yield new Uint8Array(5)
        throw new Error('not to be asked for')
      } finally {
        ended = true
      }
    }
    await expect(writer.writePiece(0, 512, payload(), { signal: control.signal })).rejects.toBe(reason)
    expect(ended).toBe(true)
    expect(writer.allocated).toEqual([])
    await writer.writePiece(0, 512, [new Uint8Array(5)])
  })
  it('rejects at once with the reason of an abort while the payload lets wait, and goes on with the next piece', async () => {
    const reason = new Error('enough')
    const { writer } = await openOn(undefined)
    const control = new AbortController()
    const payload = async function * (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(5)
      await new Promise(() => { control.abort(reason) })
    }
    await expect(writer.writePiece(0, 512, payload(), { signal: control.signal })).rejects.toBe(reason)
    expect(writer.allocated).toEqual([])
    await writer.writePiece(0, 512, [new Uint8Array(5)])
  })
  it.each([
    { why: 'over one that is there', offset: 0, padded: 1024, code: 'SECTOR_OCCUPIED' },
    { why: 'inside one that is there', offset: 512, padded: 128, code: 'SECTOR_OCCUPIED' },
    { why: 'beyond the sector', offset: 2048, padded: 1024, code: 'SECTOR_TOO_SMALL' },
    { why: 'larger than the sector', offset: 0, padded: 4096, code: 'SECTOR_TOO_SMALL' },
  ])('refuses a piece $why', async ({ offset, padded, code }) => {
    const { writer, content } = await openOn(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 512, paddedBytes: 512, payload: seededBytes(1, 5) }] }))
    const before = content().slice()
    await expect(writer.writePiece(offset, padded, [new Uint8Array(1)])).rejects.toMatchObject({ code })
    expect(content()).toEqual(before)
  })
  it.each([[64, 128], [0, 384], [0, 64], [-128, 128], [128, 256], [Number.NaN, 128]])('takes %s and %s for no piece', async (offset, padded) => {
    const { writer } = await openOn(undefined)
    await expect(writer.writePiece(offset, padded, [])).rejects.toThrow(RangeError)
  })
  it('refuses a payload that is longer than the piece', async () => {
    const { writer, content } = await openOn(undefined)
    await expect(writer.writePiece(0, 512, inParts(new Uint8Array(509).fill(1), 100))).rejects.toMatchObject({ code: 'SECTOR_PAYLOAD_TOO_LONG' })
    expect((await openSector(createBytesSource(content()))).allocated).toEqual([])
  })
  it('takes a piece of nothing but zeros', async () => {
    const { writer } = await openOn(undefined)
    expect(await writer.writePiece(0, 512, [])).toEqual({ payloadBytes: 0 })
    expect(writer.allocated).toEqual([{ start: 0, length: 512 }])
  })
  it('serves two callers one after the other', async () => {
    const { writer, content } = await openOn(undefined)
    const [a, b] = [seededBytes(1, 500), seededBytes(2, 500)]
    await Promise.all([writer.writePiece(0, 512, inParts(a, 50)), writer.writePiece(512, 512, inParts(b, 50))])
    expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: a }, { offset: 512, paddedBytes: 512, payload: b }] }))
    const both = await Promise.allSettled([writer.writePiece(1024, 512, [a]), writer.writePiece(1024, 512, [b])])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })
  it('goes on after a failed update of the trailer', async () => {
    for (let failing = 0; failing < 9; failing++) {
      const { writer, content, fs } = await openOn(undefined)
      const first = seededBytes(1, 400)
      await writer.writePiece(0, 512, [first])
      const from = fs.faults.operations
      fs.faults.failAt(from + failing, new IoError('IO_FULL', 'no space left'))
      const payload = seededBytes(2, 400)
      await expect(writer.writePiece(1024, 512, [payload])).rejects.toMatchObject({ code: 'IO_FULL' })
      expect(writer.allocated).toEqual([{ start: 0, length: 512 }])
      await writer.writePiece(1024, 512, [payload])
      expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: first }, { offset: 1024, paddedBytes: 512, payload }] }))
    }
  })
  it('reports the payload bytes that were written', async () => {
    const { writer } = await openOn(undefined, { sectorBytes: 8 * MIB })
    const seen: number[] = []
    await writer.writePiece(0, 4 * MIB, inParts(new Uint8Array(2_500_000), 99_999), { onProgress: ({ doneBytes }) => { seen.push(doneBytes) } })
    expect(seen).toEqual([8192 * 127, 2 * 8192 * 127, 2_500_000])
  })
})

describe('an fr32 engine that is given', () => {
  it('does the padding', async () => {
    let bytes = 0
    const fr32: Fr32 = { padInto: (from, to) => { bytes += from.byteLength; return padFr32Into(from, to) }, unpadInto: () => { throw new Error('not here') } }
    const { writer, content } = await openOn(undefined, { fr32 })
    const payload = seededBytes(1, 500)
    await writer.writePiece(0, 512, [payload])
    expect(bytes).toBe(508)
    expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload }] }))
  })
})

describe('a payload', () => {
  it('is taken and padded while a part of it is written, and waits for the part before', async () => {
    const inner = await createMemoryDirectory().openWritable('sector', 'new')
    let [underWay, most, taken] = [0, 0, 0]
    const takenAtWrite: number[] = []
    const file: WritableFile = {
      ...inner,
      get sizeBytes () { return inner.sizeBytes },
      write: async (at, bytes) => {
        most = Math.max(most, ++underWay)
        for (let i = 0; i < 20; i++) await new Promise((resolve) => { setImmediate(resolve) })
        if (bytes.byteLength === MIB) takenAtWrite.push(taken)
        await inner.write(at, bytes)
        underWay--
      },
    }
    const writer = await openSectorWriter(file, { sectorBytes: 8 * MIB })
    const parts = async function * (): AsyncGenerator<Uint8Array> {
      for (; taken < 4; taken++) yield new Uint8Array(MIB).fill(taken + 1)
    }
    await writer.writePiece(0, 8 * MIB, parts())
    expect(most).toBe(1)
    expect(takenAtWrite.slice(0, 3)).toEqual([1, 2, 3])
  })
  it('that fails leaves no write under way', async () => {
    const inner = await createMemoryDirectory().openWritable('sector', 'new')
    let underWay = 0
    const file: WritableFile = {
      ...inner,
      get sizeBytes () { return inner.sizeBytes },
      write: async (at, bytes) => {
        underWay++
        for (let i = 0; i < 20; i++) await new Promise((resolve) => { setImmediate(resolve) })
        await inner.write(at, bytes)
        underWay--
      },
    }
    const writer = await openSectorWriter(file, { sectorBytes: 8 * MIB })
    const broken = new Error('source lost')
    const failing = async function * (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(2 * MIB)
      throw broken
    }
    await expect(writer.writePiece(0, 8 * MIB, failing())).rejects.toBe(broken)
    expect(underWay).toBe(0)
  })
})

it('leaves no read under way where clearing old bytes fails', async () => {
  const inner = await createMemoryDirectory().openWritable('sector', 'new')
  const full = new IoError('IO_FULL', 'no space left')
  let [underWay, isFull] = [0, false]
  const file: WritableFile = {
    ...inner,
    get sizeBytes () { return inner.sizeBytes },
    read: async (at, length) => {
      underWay++
      for (let i = 0; i < 20; i++) await new Promise((resolve) => { setImmediate(resolve) })
      underWay--
      return inner.read(at, length)
    },
    write: async (at, bytes) => {
      if (isFull) throw full
      await inner.write(at, bytes)
    },
  }
  const writer = await openSectorWriter(file, { sectorBytes: 8 * MIB })
  await writer.writePiece(0, 8 * MIB, [new Uint8Array(8 * MIB / 128 * 127).fill(1)])
  await writer.free(0, 8 * MIB)
  isFull = true
  await expect(writer.writePiece(0, 8 * MIB, [])).rejects.toBe(full)
  expect(underWay).toBe(0)
})

describe('close', () => {
  it('waits for the calls under way, refuses later ones and closes the file once', async () => {
    const inner = await createMemoryDirectory().openWritable('sector', 'new')
    let closes = 0
    const file: WritableFile = { ...inner, get sizeBytes () { return inner.sizeBytes }, close: async () => { closes++; await inner.close() } }
    const writer = await openSectorWriter(file, { sectorBytes: 2 * KIB })
    const piece = writer.writePiece(0, 512, inParts(seededBytes(1, 500), 50))
    const closed = writer.close()
    await expect(writer.writePiece(512, 512, [])).rejects.toMatchObject({ code: 'SECTOR_CLOSED' })
    expect(await piece).toEqual({ payloadBytes: 500 })
    await closed
    await writer.close()
    await writer[Symbol.asyncDispose]()
    expect(closes).toBe(1)
  })
})
