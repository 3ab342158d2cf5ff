import { createBytesSource } from '@dagstore/io'
import { concat, plainRlePlus, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { encodeRlePlus } from '../src/rle-plus.ts'
import { openSector } from '../src/sector.ts'
import { openSectorWriter } from '../src/sector-writer.ts'
import { encodeTrailer } from '../src/trailer.ts'

const KIB = 1024
const MIB = 1024 * KIB
const pieceOf = (offset: number, paddedBytes: number, length: number): { offset: number, paddedBytes: number, payload: Uint8Array } => ({ offset, paddedBytes, payload: seededBytes(offset + 1, length) })

const shown = (file: Uint8Array): string => Buffer.from(file).toString('base64')

const openIn = async (world: CrashWorld, sectorBytes: number): Promise<Awaited<ReturnType<typeof openSectorWriter>>> =>
  openSectorWriter(await world.fs.writableFile('sector'), { sectorBytes })

describe('a cut after any operation', () => {
  const pieces = [pieceOf(1024, 512, 500), pieceOf(0, 128, 100), pieceOf(128, 128, 127), pieceOf(512, 512, 300), pieceOf(256, 256, 200)]
  const states = [0, 1, 2, 3, 4, 5].map((count) => pieces.slice(0, count))

  it.each([1, 2, 3])('leaves the pieces that were named before, or those and the new one; seed %i', async (seed) => {
    let done = 0
    const cuts = await everyCrash({
      seed,
      chances: 6,
      run: async (world) => {
        done = 0
        const writer = await openIn(world, 2 * KIB)
        for (const piece of pieces) {
          await writer.writePiece(piece.offset, piece.paddedBytes, [piece.payload])
          done++
        }
      },
      check: async (world) => {
        const left = world.fs.content('sector')
        if (left === undefined) return expect(done).toBe(0)
        const allowed = states.filter((_, count) => count === done || count === done + 1)
        const lists = allowed.map((state) => JSON.stringify(rangesOf(state)))
        // before anything is repaired a reader sees one of the two lists, or an error
        await openSector(createBytesSource(left), { sectorBytes: 2 * KIB }).then(
          (sector) => { if (left.byteLength > 2 * KIB) expect(lists).toContain(JSON.stringify(sector.allocated)) },
          (error: unknown) => expect(error).toMatchObject({ code: left.byteLength < 2 * KIB ? 'SECTOR_TRUNCATED' : 'SECTOR_BAD_TRAILER' }),
        )
        const writer = await openIn(world, 2 * KIB)
        const state = allowed[lists.indexOf(JSON.stringify(writer.allocated))]
        expect(state).toBeDefined()
        const sector = await openSector(createBytesSource(world.fs.content('sector')!))
        expect(sector.allocated).toEqual(writer.allocated)
        for (const piece of state ?? []) {
          const want = new Uint8Array(piece.paddedBytes / 128 * 127)
          want.set(piece.payload)
          expect(await sector.openPiece(piece.offset, piece.paddedBytes).read(0, want.byteLength)).toEqual(want)
        }
        // and the rest can still be written
        for (const piece of pieces.slice(state?.length)) await writer.writePiece(piece.offset, piece.paddedBytes, [piece.payload])
        expect(shown(world.fs.content('sector')!)).toBe(shown(sectorFile({ sectorBytes: 2 * KIB, pieces })))
      },
    })
    expect(cuts).toBeGreaterThan(5 * 8)
  })

  it.each([
    { what: 'grows', piece: pieceOf(8 * MIB - 256, 128, 100) },
    { what: 'shrinks', piece: pieceOf(128, 128, 100) },
  ])('leaves a trailer of several disk sectors as it was, as it shall be, or refused; it $what', async ({ piece }) => {
    const old = Array.from({ length: 400 }, (_, i) => ({ start: 256 * i, length: 128 }))
    const list = plainRlePlus(old)
    expect(list.byteLength).toBeGreaterThan(1000)
    const file = concat([new Uint8Array(8 * MIB), list, Uint8Array.of(list.byteLength & 255, list.byteLength >> 8, 0, 0)])
    const next = rangesOf([...old.map(({ start, length }) => ({ offset: start, paddedBytes: length })), piece])
    const allowed = [JSON.stringify(old), JSON.stringify(next)]
    let refused = 0
    await everyCrash({
      seed: 7,
      chances: 4,
      prepare: async (world) => world.fs.plant('sector', file),
      run: async (world) => {
        const writer = await openIn(world, 8 * MIB)
        await writer.writePiece(piece.offset, piece.paddedBytes, [piece.payload])
      },
      check: async (world) => {
        const left = world.fs.content('sector')!
        const seen = await openSector(createBytesSource(left)).then((sector) => JSON.stringify(sector.allocated), (error: { code?: string }) => error.code)
        if (seen !== 'SECTOR_BAD_TRAILER') return expect(allowed).toContain(seen)
        refused++
        await expect(openIn(world, 8 * MIB)).rejects.toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
        const repaired = await openSectorWriter(await world.fs.writableFile('sector'), { sectorBytes: 8 * MIB, repair: old })
        expect(repaired.allocated).toEqual(old)
        expect((await openSector(createBytesSource(world.fs.content('sector')!))).allocated).toEqual(old)
      },
    })
    expect(refused).toBeGreaterThan(0)
  })
})

describe('a trailer half way through its replacement', () => {
  /** What a reader may find between the syncs: bytes old or new by disk sector, the old length, the new one, or any between. */
  const mixtures = function * (old: Uint8Array, next: Uint8Array): Generator<Uint8Array> {
    const grown = Math.max(old.byteLength, next.byteLength) + 8
    const image = (bytes: Uint8Array, length: number): Uint8Array => {
      const tail = new Uint8Array(grown)
      tail.set(bytes)
      return tail.subarray(0, length)
    }
    for (let length = old.byteLength; length <= grown; length++) yield image(old, length)
    yield image(next, grown)
    for (let length = grown; length >= next.byteLength; length--) yield image(next, length)
  }

  it('is one of the two for every pair of lists, or refused', async () => {
    const data = new Uint8Array(2 * KIB)
    const lists = [[], [[0, 128]], [[128, 128]], [[0, 256]], [[0, 1024]], [[0, 128], [256, 128]], [[0, 128], [512, 1024]], [[1024, 1024]], [[0, 2048]], [[0, 128], [256, 128], [512, 128], [1024, 128]]]
      .map((ranges) => ranges.map(([start = 0, length = 0]) => ({ start, length })))
    for (const old of lists) {
      for (const next of lists) {
        for (const tail of mixtures(encodeTrailer(old), encodeTrailer(next))) {
          const seen = await openSector(createBytesSource(concat([data, tail])), { sectorBytes: 2 * KIB }).then((sector) => sector.allocated, () => undefined)
          if (seen !== undefined) expect([encodeRlePlus(old), encodeRlePlus(next)]).toContainEqual(encodeRlePlus(seen))
        }
      }
    }
  })
})

const rangesOf = (pieces: readonly { offset: number, paddedBytes: number }[]): { start: number, length: number }[] => {
  const joined: { start: number, length: number }[] = []
  for (const { offset, paddedBytes } of [...pieces].sort((a, b) => a.offset - b.offset)) {
    const last = joined.at(-1)
    if (last !== undefined && last.start + last.length === offset) last.length += paddedBytes
    else joined.push({ start: offset, length: paddedBytes })
  }
  return joined
}
