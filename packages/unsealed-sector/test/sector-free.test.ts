import { createBytesSource } from '@dagstore/io'
import { concat, plainRlePlus, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { createCrashFs } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { openSector } from '../src/sector.ts'
import { openSectorWriter, type SectorWriter, type SectorWriterOptions } from '../src/sector-writer.ts'

const KIB = 1024

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

describe('free', () => {
  const payload = seededBytes(1, 500)
  it('takes pieces out of the list, as Lotus does, and leaves the bytes', async () => {
    const pieces = [0, 512, 1024].map((offset) => ({ offset, paddedBytes: 512, payload }))
    const file = sectorFile({ sectorBytes: 2 * KIB, pieces })
    const { writer, content } = await openOn(file)
    expect(await writer.free(512, 512)).toEqual({ freedBytes: 512 })
    expect(writer.allocated).toEqual([{ start: 0, length: 512 }, { start: 1024, length: 512 }])
    const list = plainRlePlus(writer.allocated)
    expect(content()).toEqual(concat([file.subarray(0, 2 * KIB), list, Uint8Array.of(list.byteLength, 0, 0, 0)]))
    expect(await writer.free(0, 2 * KIB)).toEqual({ freedBytes: 1024 })
    expect(content().subarray(2 * KIB)).toEqual(new Uint8Array(4))
  })
  it('is no error and no write where nothing is in use', async () => {
    const { writer, fs } = await openOn(undefined)
    const before = fs.log.length
    expect(await writer.free(1024, 128)).toEqual({ freedBytes: 0 })
    expect(fs.log).toHaveLength(before)
  })
  it('makes room for another piece, whose zeros are zeros', async () => {
    const { writer, content } = await openOn(undefined)
    await writer.writePiece(0, 2 * KIB, [seededBytes(7, 2032)])
    await writer.free(0, KIB)
    const other = seededBytes(2, 10)
    await writer.writePiece(512, 512, [other])
    expect(writer.allocated).toEqual([{ start: 512, length: 1536 }])
    const sector = await openSector(createBytesSource(content()))
    const want = new Uint8Array(508)
    want.set(other)
    expect(await sector.openPiece(512, 512).read(0, 508)).toEqual(want)
    expect(await sector.openPiece(KIB, KIB).read(0, 1016)).toEqual(seededBytes(7, 2032).subarray(1016))
  })
  it('gives a file without a trailer one', async () => {
    const data = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 2 * KIB, payload: seededBytes(7, 2032) }], trailer: false })
    const { writer, content } = await openOn(data)
    expect(await writer.free(512, 256)).toEqual({ freedBytes: 256 })
    const list = plainRlePlus([{ start: 0, length: 512 }, { start: 768, length: 1280 }])
    expect(content()).toEqual(concat([data, list, Uint8Array.of(list.byteLength, 0, 0, 0)]))
  })
  it.each([[0, 0], [0, 127], [1, 128], [-128, 128], [0, Number.NaN]])('takes %s and %s for no range', async (offset, length) => {
    const { writer } = await openOn(undefined)
    await expect(writer.free(offset, length)).rejects.toThrow(RangeError)
  })
  it('refuses what is beyond the sector, and comes in its turn', async () => {
    const { writer } = await openOn(undefined)
    await expect(writer.free(1024, 2 * KIB)).rejects.toMatchObject({ code: 'SECTOR_TOO_SMALL' })
    const written = writer.writePiece(0, 512, inParts(payload, 50))
    expect(await writer.free(0, 512)).toEqual({ freedBytes: 512 })
    await written
    const reason = new Error('enough')
    await expect(writer.free(0, 512, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await writer.close()
    await expect(writer.free(0, 512)).rejects.toMatchObject({ code: 'SECTOR_CLOSED' })
  })
})

describe('litter', () => {
  const used = sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 512, payload: seededBytes(1, 508) }] })
  const readsOf = async (litter: readonly { start: number, length: number }[] | undefined): Promise<readonly string[]> => {
    const { writer, fs } = await openOn(used, litter === undefined ? {} : { litter })
    const before = fs.log.length
    await writer.writePiece(1024, 1024, [seededBytes(3, 100)])
    return fs.log.slice(before).filter((line) => line.startsWith('read sector') && !line.startsWith('read sector 2048+'))
  }
  it('is what is read behind the payload of a file that was there before: all, or what the owner remembers', async () => {
    expect(await readsOf(undefined)).toEqual(['read sector 1152+896'])
    expect(await readsOf([])).toEqual([])
    expect(await readsOf([{ start: 1536, length: 128 }, { start: 0, length: 1280 }])).toEqual(['read sector 1152+128', 'read sector 1536+128'])
  })
  it('is what this writer freed, or began and did not end, whatever the owner said', async () => {
    const { writer, content } = await openOn(used, { litter: [] })
    await writer.free(0, 512)
    await expect(writer.writePiece(1024, 1024, inParts(new Uint8Array(2000).fill(9), 100))).rejects.toMatchObject({ code: 'SECTOR_PAYLOAD_TOO_LONG' })
    await writer.writePiece(0, 2 * KIB, [seededBytes(3, 5)])
    expect(content()).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 2 * KIB, payload: seededBytes(3, 5) }] }))
  })
  it('lies inside the sector', async () => {
    await expect(openOn(used, { litter: [{ start: KIB, length: 2 * KIB }] })).rejects.toThrow(RangeError)
  })
})
