import { IoError } from '@dagstore/io'
import { concat } from '@dagstore-tooling/fixtures'
import { type CrashWorld, everyCrash } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import type { SectorRange } from '../src/range.ts'
import { decodeTail, encodeTrailer } from '../src/trailer.ts'
import { createTrailerWriter, type TrailerWriter } from '../src/trailer-writer.ts'
import { lotusReads } from './plain-lotus.ts'

/** Of no sector, but large enough for a list of several disk sectors. */
const SECTOR_BYTES = 128 * 1024
const many = (count: number, from = 0): readonly SectorRange[] => Array.from({ length: count }, (_, i) => ({ start: 256 * (from + i), length: 128 }))

const open = async (world: CrashWorld): Promise<TrailerWriter> => createTrailerWriter(await world.fs.writableFile('sector'), SECTOR_BYTES, undefined)

/** The list that our reader finds, which is that of Lotus where Lotus finds one. */
const seenIn = (world: CrashWorld): string => {
  const left = world.fs.content('sector')!
  const seen = JSON.stringify(decodeTail(left.subarray(SECTOR_BYTES), SECTOR_BYTES).ranges)
  const lotus = lotusReads(left, SECTOR_BYTES)
  if (lotus !== undefined) expect(JSON.stringify(lotus)).toBe(seen)
  return seen
}

describe('a trailer whose update fails, and whose writer goes on', () => {
  it.each([
    { what: 'a long one that shrinks', old: many(400), to: many(200, 200) },
    { what: 'a long one that grows', old: many(200, 200), to: many(400) },
    { what: 'a long one that becomes short', old: many(400), to: many(1) },
    { what: 'a short one that becomes long', old: many(1), to: many(400) },
    { what: 'a short one that shrinks', old: many(3), to: many(2) },
    { what: 'a short one that grows', old: many(1), to: many(3) },
  ])('is the old, the new or the next one after a cut anywhere: $what', async ({ old, to }) => {
    const next = many(100, 100)
    const allowed = [old, to, next].map((ranges) => JSON.stringify(ranges))
    let fails = true
    for (let failing = 0; fails; failing++) {
      await everyCrash({
        seed: failing,
        prepare: async (world) => world.fs.plant('sector', concat([new Uint8Array(SECTOR_BYTES), encodeTrailer(old)])),
        run: async (world) => {
          const writer = await open(world)
          world.faults.failAt(world.faults.operations + failing, new IoError('IO_FAILED', 'disk'))
          fails = await writer.replace(to).then(() => false, (error: unknown) => {
            if (error instanceof IoError) return true
            throw error
          })
          expect(writer.ranges).toEqual(fails ? old : to)
          if (fails) await writer.replace(next)
        },
        check: async (world) => {
          const seen = seenIn(world)
          expect(allowed).toContain(seen)
          expect(JSON.stringify((await open(world)).ranges)).toBe(seen)
          expect(seenIn(world)).toBe(seen)
        },
      })
    }
  })
})
