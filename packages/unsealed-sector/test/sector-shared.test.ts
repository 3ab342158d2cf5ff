/** One sector file, one writer, several readers, each with descriptors of its own: in memory by seed, and on disk. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Directory } from '@dagstore/io'
import { openDirectory } from '@dagstore/io/node'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { createCrashFs, seededRandom } from '@dagstore-tooling/testkit'
import { afterAll, describe, expect, it } from 'vitest'
import { touches } from '../src/range.ts'
import { openSector } from '../src/sector.ts'
import { openSectorWriter } from '../src/sector-writer.ts'

const MIB = 1 << 20
const SECTOR = 8 * MIB
const folder = await mkdtemp(join(tmpdir(), 'sector-'))
afterAll(() => rm(folder, { recursive: true }))

interface Piece { readonly start: number, readonly length: number, readonly payload: Uint8Array }
const whole = ({ length, payload }: Piece): Uint8Array => {
  const bytes = new Uint8Array(length / 128 * 127)
  bytes.set(payload)
  return bytes
}

/**
 * A writer adds and frees pieces by chance; readers look at the list and at pieces meanwhile. Places that were freed are used
 * again only when no reader is at one, so that what a reader finds there is known.
 */
const play = async (directory: Directory, seed: string): Promise<{ reads: number, found: number }> => {
  const random = seededRandom(seed)
  const writer = await openSectorWriter(await directory.openWritable('sector', 'new'), { sectorBytes: SECTOR })
  /** Every piece there ever was or will be, by its place. */
  const known = new Map<number, Piece>()
  /** Those whose `writePiece` has resolved and whose `free` was not asked for. */
  const named = new Set<number>()
  let isDone = false
  let [reads, found] = [0, 0]

  const write = async (): Promise<void> => {
    for (let turn = 0; turn < 60; turn++) {
      await new Promise((resolve) => { setImmediate(resolve) })
      if (named.size > 3 && random.chance(0.3)) {
        const start = random.pick([...named])
        named.delete(start)
        await writer.free(start, known.get(start)!.length)
        continue
      }
      const length = 128 << random.int(13)
      const start = random.int(SECTOR / length) * length
      // a place of its own for ever
      if (touches([...known.values()], start, length)) continue
      const piece = { start, length, payload: seededBytes(turn + 1, 1 + random.int(length / 128 * 127)) }
      known.set(start, piece)
      await writer.writePiece(start, length, [piece.payload])
      named.add(start)
    }
    isDone = true
  }
  const read = async (): Promise<void> => {
    const sector = await openSector((call) => directory.openSource('sector', call), { sectorBytes: SECTOR })
    while (!isDone) {
      const before = [...named]
      await sector.refresh()
      const after = new Set(named)
      // what was named before and still is must be in the list
      for (const start of before) if (after.has(start)) expect(sector.isAllocated(start, known.get(start)!.length)).toBe(true)
      // and whatever is in the list is there with its bytes
      for (const piece of known.values()) {
        if (!sector.isAllocated(piece.start, piece.length)) continue
        found++
        const bytes = whole(piece)
        const at = random.int(bytes.byteLength)
        const length = random.int(Math.min(100_000, bytes.byteLength - at) + 1)
        const got = await sector.openPiece(piece.start, piece.length).read(at, length)
        reads++
        if (Buffer.compare(got, bytes.subarray(at, at + length)) !== 0) throw new Error(`piece differs; start=${piece.start} at=${at} length=${length} seed=${seed}`)
      }
      // all that is in use is some piece
      expect(sector.allocated.every(({ start, length }) => touches([...known.values()], start, length))).toBe(true)
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    await sector.close()
  }
  await Promise.all([write(), read(), read()])
  const last = await openSector(await directory.openSource('sector'), { sectorBytes: SECTOR })
  expect(last.allocated).toEqual(writer.allocated)
  await Promise.all([last.close(), writer.close()])
  return { reads, found }
}

describe('readers beside a writer find only whole pieces and miss none', () => {
  it.each([1, 2, 3])('in memory, seed %i', async (seed) => {
    const { reads } = await play(createCrashFs({ seed }).directory, `memory ${seed}`)
    expect(reads).toBeGreaterThan(50)
  })
  it.each([1, 2, 3])('on disk, seed %i', async (seed) => {
    const { reads } = await play(await openDirectory(join(folder, String(seed))), `disk ${seed}`)
    expect(reads).toBeGreaterThan(50)
  })
})

describe('a piece is named after its bytes are durable', () => {
  it('for a reader who looks after each operation of the writer', async () => {
    const fs = createCrashFs({ seed: 1 })
    const writer = await openSectorWriter(await fs.writableFile('sector'), { sectorBytes: 2048 })
    const payload = seededBytes(4, 500)
    const log = fs.log.length
    // what stands behind the data after each operation
    const seen: string[] = []
    const unhooked = fs.faults.step.bind(fs.faults)
    fs.faults.step = (kind, name, detail) => {
      const outcome = unhooked(kind, name, detail)
      const left = fs.content('sector')!
      seen.push(`${kind} ${left.byteLength > 2054 ? 'updating' : Buffer.from(left.subarray(2048)).toString('hex')}`)
      return outcome
    }
    await writer.writePiece(0, 512, [payload])
    const firstSync = fs.log.slice(log).indexOf('sync sector')
    expect(seen.slice(0, firstSync + 1).every((line) => line.endsWith(' 00000000'))).toBe(true)
    expect(seen.at(-1)).toBe('sync 049002000000')
  })
})
