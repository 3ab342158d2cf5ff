import { createBytesSource, IoError } from '@dagstore/io'
import { concat, plainRlePlus, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { joinRanges, type SectorRange, withoutRange } from '../src/range.ts'
import { openSector } from '../src/sector.ts'
import { openSectorWriter, type SectorWriter } from '../src/sector-writer.ts'
import { encodeTrailer } from '../src/trailer.ts'
import { lotusReads } from './plain-lotus.ts'

const KIB = 1024
const MIB = 1024 * KIB

interface Piece { readonly offset: number, readonly paddedBytes: number, readonly payload: Uint8Array }
const pieceOf = (offset: number, paddedBytes: number, length: number, seed: number = offset + 1): Piece => ({ offset, paddedBytes, payload: seededBytes(seed, length) })

const openIn = async (world: CrashWorld, sectorBytes: number): Promise<SectorWriter> =>
  openSectorWriter(await world.fs.writableFile('sector'), { sectorBytes })

const rangesOf = (pieces: readonly Piece[]): readonly SectorRange[] => joinRanges(pieces.map(({ offset, paddedBytes }) => ({ start: offset, length: paddedBytes })))

const unpaddedOf = ({ payload, paddedBytes }: Piece): Uint8Array => {
  const whole = new Uint8Array(paddedBytes / 128 * 127)
  whole.set(payload)
  return whole
}

/** What our reader and Lotus see of the file as it was left, before anything is repaired. */
const seenIn = async (world: CrashWorld, sectorBytes: number): Promise<string> => {
  const left = world.fs.content('sector')!
  const seen = await openSector(createBytesSource(left), { sectorBytes }).then((sector) => JSON.stringify(sector.allocated), (error: { code?: string }) => error.code ?? String(error))
  const lotus = lotusReads(left, sectorBytes)
  // where Lotus reads a list at all, it is the one that we read
  if (lotus !== undefined && seen !== 'SECTOR_TRUNCATED') expect(JSON.stringify(lotus)).toBe(seen)
  return seen
}

describe('a cut after any operation', () => {
  // added, freed, and put where others were
  const [a, b, c, d, e] = [pieceOf(1024, 512, 500), pieceOf(0, 128, 100), pieceOf(128, 128, 127), pieceOf(1024, 256, 20, 77), pieceOf(1280, 256, 200, 78)] as const
  const steps: readonly { readonly to: readonly Piece[], readonly run: (writer: SectorWriter) => Promise<unknown> }[] = [
    { to: [a], run: (writer) => writer.writePiece(a.offset, a.paddedBytes, [a.payload]) },
    { to: [a, b], run: (writer) => writer.writePiece(b.offset, b.paddedBytes, [b.payload]) },
    { to: [b], run: (writer) => writer.free(a.offset, a.paddedBytes) },
    { to: [b, c], run: (writer) => writer.writePiece(c.offset, c.paddedBytes, [c.payload]) },
    { to: [b, c, d], run: (writer) => writer.writePiece(d.offset, d.paddedBytes, [d.payload]) },
    { to: [b, c, d, e], run: (writer) => writer.writePiece(e.offset, e.paddedBytes, [e.payload]) },
    { to: [], run: (writer) => writer.free(0, 2 * KIB) },
    { to: [d], run: (writer) => writer.writePiece(d.offset, d.paddedBytes, [d.payload]) },
  ]
  const states: readonly (readonly Piece[])[] = [[], ...steps.map(({ to }) => to)]

  it.each([1, 2, 3])('leaves the pieces of before or those of after, whole; seed %i', async (seed) => {
    let done = 0
    const cuts = await everyCrash({
      seed,
      run: async (world) => {
        done = 0
        const writer = await openIn(world, 2 * KIB)
        for (const { run } of steps) {
          await run(writer)
          done++
        }
      },
      check: async (world) => {
        if (world.fs.content('sector') === undefined) return expect(done).toBe(0)
        const lists = states.map((state) => JSON.stringify(rangesOf(state)))
        const isAllowed = (index: number): boolean => index === done || index === done + 1
        const seen = await seenIn(world, 2 * KIB)
        if (seen === 'SECTOR_TRUNCATED') expect(done).toBe(0)
        // zeros alone, which an empty list leaves that comes or goes
        else if (seen === 'SECTOR_BAD_TRAILER') expect([lists[done], lists[done + 1]]).toContain('[]')
        else expect([lists[done], lists[done + 1]]).toContain(seen)

        const writer = await openIn(world, 2 * KIB)
        const now = lists.findIndex((list, index) => isAllowed(index) && list === JSON.stringify(writer.allocated))
        expect(now).not.toBe(-1)
        const sector = await openSector(createBytesSource(world.fs.content('sector')!))
        expect(sector.allocated).toEqual(writer.allocated)
        for (const piece of states[now]!) {
          expect(await sector.openPiece(piece.offset, piece.paddedBytes).read(0, piece.paddedBytes / 128 * 127)).toEqual(unpaddedOf(piece))
        }
        // and the rest can still be done
        for (const { run } of steps.slice(now)) await run(writer)
        const last = await openSector(createBytesSource(world.fs.content('sector')!))
        expect(last.allocated).toEqual(rangesOf(states.at(-1)!))
        expect(await last.openPiece(d.offset, d.paddedBytes).read(0, 254)).toEqual(unpaddedOf(d))
      },
    })
    expect(cuts).toBeGreaterThan(steps.length * 6)
  })

  it('leaves no half of a piece in use where one failed whose list was written already', async () => {
    // of two disk sectors
    const [one, again] = [pieceOf(0, 1024, 1000), pieceOf(0, 1024, 1000, 99)] as const
    let [fails, failing] = [true, 0]
    for (; fails; failing++) {
      await everyCrash({
        seed: failing,
        run: async (world) => {
          const writer = await openIn(world, 2 * KIB)
          world.faults.failAt(world.faults.operations + failing, new IoError('IO_FAILED', 'disk'))
          fails = await writer.writePiece(one.offset, one.paddedBytes, [one.payload]).then(() => false, (error: unknown) => {
            if (error instanceof IoError) return true
            throw error
          })
          if (fails) await writer.writePiece(again.offset, again.paddedBytes, [again.payload])
        },
        check: async (world) => {
          if (world.fs.content('sector') === undefined) return
          const sector = await openSector(createBytesSource(world.fs.content('sector')!), { sectorBytes: 2 * KIB }).catch(() => undefined)
          if (sector === undefined || sector.allocated.length === 0) return
          expect(sector.allocated).toEqual(rangesOf([one]))
          expect([one, again].map(unpaddedOf)).toContainEqual(await sector.openPiece(one.offset, one.paddedBytes).read(0, one.paddedBytes / 128 * 127))
        },
      })
    }
    expect(failing).toBeGreaterThan(6)
  })

  it('leaves nothing in use of a file that is being made, whatever its length', async () => {
    await everyCrash({
      seed: 'made',
      chances: 60,
      run: async (world) => { await openIn(world, 2 * KIB) },
      check: async (world) => {
        if (world.fs.content('sector') === undefined) return
        expect(['[]', 'SECTOR_TRUNCATED']).toContain(await seenIn(world, 2 * KIB))
        const writer = await openIn(world, 2 * KIB)
        expect(writer.allocated).toEqual([])
        expect(world.fs.content('sector')).toEqual(sectorFile({ sectorBytes: 2 * KIB, pieces: [] }))
      },
    })
  })
})

describe('a cut in the trailer of', () => {
  const many = (count: number): readonly SectorRange[] => Array.from({ length: count }, (_, i) => ({ start: 256 * i, length: 128 }))
  const fileOf = (ranges: readonly SectorRange[]): Uint8Array => concat([new Uint8Array(8 * MIB), encodeTrailer(ranges)])

  it.each([
    { what: 'several disk sectors that grows', old: many(400), piece: pieceOf(8 * MIB - 256, 128, 100) },
    { what: 'several disk sectors that shrinks', old: many(400), piece: pieceOf(128, 128, 100) },
    { what: 'several disk sectors of which one range goes', old: many(400), free: 256 * 17 },
    { what: 'several disk sectors of which all go', old: many(400), free: -1 },
    { what: 'one disk sector and a few bytes', old: many(113), piece: pieceOf(8 * MIB - 256, 128, 100) },
    { what: 'one disk sector', old: many(90), piece: pieceOf(8 * MIB - 256, 128, 100) },
    { what: 'a file without one', old: undefined, free: 4 * MIB },
  ])('$what leaves the old or the new one, and so does a cut in its repair', async ({ old, piece, free }) => {
    const file = old === undefined ? new Uint8Array(8 * MIB) : fileOf(old)
    const before = old ?? [{ start: 0, length: 8 * MIB }]
    const [start, length] = piece !== undefined ? [piece.offset, piece.paddedBytes] : free === -1 ? [0, 8 * MIB] : [free ?? 0, 128]
    const after = piece === undefined ? withoutRange(before, start, length) : joinRanges([...before, { start, length }])
    const allowed = [JSON.stringify(before), JSON.stringify(after), ...(after.length === 0 ? ['SECTOR_BAD_TRAILER'] : [])]
    const looked = new Set<number>()
    await everyCrash({
      seed: 7,
      prepare: async (world) => world.fs.plant('sector', file),
      run: async (world) => {
        const writer = await openIn(world, 8 * MIB)
        await (piece === undefined ? writer.free(start, length) : writer.writePiece(start, length, [piece.payload]))
      },
      check: async (world, cut) => {
        const seen = await seenIn(world, 8 * MIB)
        expect(allowed).toContain(seen)
        if (looked.has(cut)) return
        looked.add(cut)
        const left = world.fs.content('sector')!
        // of zeros alone the writer makes an empty list
        const wanted = seen === 'SECTOR_BAD_TRAILER' ? '[]' : seen
        await everyCrash({
          seed: `${cut}`,
          chances: 1,
          prepare: async (again) => again.fs.plant('sector', left),
          run: async (again) => { await openIn(again, 8 * MIB) },
          check: async (again) => {
            expect([seen, wanted, ...(wanted === '[]' ? ['SECTOR_BAD_TRAILER'] : [])]).toContain(await seenIn(again, 8 * MIB))
            expect(JSON.stringify((await openIn(again, 8 * MIB)).allocated)).toBe(wanted)
            const file = again.fs.content('sector')!
            expect(file.subarray(8 * MIB)).toEqual(lotusTail(JSON.parse(wanted) as SectorRange[], file.byteLength === 8 * MIB))
          },
        })
      },
    })
  })

  it('a damaged one leaves what the owner said, or damage', async () => {
    const damaged = concat([fileOf(many(400)).subarray(0, -1), Uint8Array.of(9)])
    const repair = many(300)
    const open = async (world: CrashWorld): Promise<SectorWriter> => openSectorWriter(await world.fs.writableFile('sector'), { sectorBytes: 8 * MIB, repair })
    await everyCrash({
      seed: 9,
      prepare: async (world) => world.fs.plant('sector', damaged),
      run: async (world) => { await open(world) },
      check: async (world) => {
        expect(['SECTOR_BAD_TRAILER', JSON.stringify(repair)]).toContain(await seenIn(world, 8 * MIB))
        expect((await open(world)).allocated).toEqual(repair)
        expect(world.fs.content('sector')!.subarray(8 * MIB)).toEqual(encodeTrailer(repair))
      },
    })
  })
})

/** What stands behind the data after a repair. */
const lotusTail = (ranges: readonly SectorRange[], isAbsent: boolean): Uint8Array => {
  if (isAbsent) return new Uint8Array(0)
  const list = plainRlePlus(ranges)
  return concat([list, Uint8Array.of(list.byteLength & 255, list.byteLength >> 8, 0, 0)])
}
