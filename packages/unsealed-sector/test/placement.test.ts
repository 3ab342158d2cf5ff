import { describe, expect, it } from 'vitest'
import { planPlacement, type PlacedSector } from '../src/placement.ts'
import { parseSectorFileName, sectorFileName } from '../src/sector-name.ts'

const KIB = 1024
const MIB = 1024 * KIB
const sector = (number: number, sectorBytes: number, ...pieces: readonly [number, number][]): PlacedSector =>
  ({ number, sectorBytes, pieces: pieces.map(([offset, length]) => ({ offset, length })) })

describe('planPlacement', () => {
  it.each([[128, 2 * KIB], [2 * KIB, 2 * KIB], [4 * KIB, 8 * MIB], [8 * MIB, 8 * MIB], [16 * MIB, 512 * MIB], [2 ** 30, 2 ** 35], [2 ** 36, 2 ** 36]])('makes for %i bytes a new sector of %i', (padded, sectorBytes) => {
    expect(planPlacement([], padded)).toEqual({ sector: 'new', sectorBytes, offset: 0 })
  })
  it('takes the first free place, aligned to the size of the piece', () => {
    const some = sector(4, 2 * KIB, [0, 128], [512, 256])
    expect(planPlacement([some], 128)).toMatchObject({ sector: 4, offset: 128 })
    expect(planPlacement([some], 256)).toMatchObject({ sector: 4, offset: 256 })
    expect(planPlacement([some], 512)).toMatchObject({ sector: 4, offset: KIB })
    expect(planPlacement([some], KIB)).toMatchObject({ sector: 4, offset: KIB })
    expect(planPlacement([some], 2 * KIB)).toMatchObject({ sector: 'new', offset: 0 })
  })
  it('takes the sectors in the order they come in, and passes over full and small ones', () => {
    const sectors = [sector(9, 2 * KIB, [0, 2 * KIB]), sector(7, 2 * KIB, [0, KIB]), sector(3, 8 * MIB)]
    expect(planPlacement(sectors, KIB)).toEqual({ sector: 7, sectorBytes: 2 * KIB, offset: KIB })
    expect(planPlacement(sectors, 2 * KIB)).toEqual({ sector: 3, sectorBytes: 8 * MIB, offset: 0 })
  })
  it('uses the start of a sector whose first piece lies further on', () => {
    expect(planPlacement([sector(1, 2 * KIB, [KIB, KIB])], KIB)).toMatchObject({ sector: 1, offset: 0 })
  })
  it('keeps the type of the numbers it is given', () => {
    expect(planPlacement([{ number: 5n, sectorBytes: 2 * KIB, pieces: [] }], 128).sector).toBe(5n)
  })
  it('refuses what no sector holds and what is no piece', () => {
    expect(() => planPlacement([], 2 ** 37)).toThrow(expect.objectContaining({ code: 'SECTOR_TOO_SMALL' }))
    for (const size of [0, 64, 127, 384, -128, Number.NaN]) expect(() => planPlacement([], size)).toThrow(RangeError)
  })
  it('never puts two pieces over each other and never leaves alignment', () => {
    const taken: [number, number][] = []
    for (const size of [128, 1024, 256, 128, 512, 128, 128, 256, 2048, 128]) {
      const { sector: number, offset } = planPlacement([sector(0, 8 * KIB, ...taken)], size)
      expect(number).toBe(0)
      expect(offset % size).toBe(0)
      expect(taken.some(([at, length]) => at < offset + size && offset < at + length)).toBe(false)
      taken.push([offset, size])
    }
  })
})

describe('sector file names', () => {
  it('are those of Lotus', () => {
    expect(sectorFileName(1000, 1)).toBe('s-t01000-1')
    expect(sectorFileName(1000n, 2n ** 64n - 1n)).toBe('s-t01000-18446744073709551615')
    expect(parseSectorFileName('s-t01000-1')).toEqual({ miner: 1000n, sector: 1n })
    expect(parseSectorFileName('s-t00-0')).toEqual({ miner: 0n, sector: 0n })
  })
  it.each(['', 's-t01000', 's-t1000-1', 's-f01000-1', 's-t01000-1.tmp', 'S-t01000-1', 's-t001000-1', 's-t01000-01', 's-t01000--1', 's-t018446744073709551616-1', 'fetching'])('are not %j', (name) => {
    expect(parseSectorFileName(name)).toBeUndefined()
  })
  it('are not made of what is no u64', () => {
    for (const bad of [-1, 0.5, 2 ** 60, -1n, 2n ** 64n]) {
      expect(() => sectorFileName(bad, 1)).toThrow(RangeError)
      expect(() => sectorFileName(1, bad)).toThrow(RangeError)
    }
  })
})
