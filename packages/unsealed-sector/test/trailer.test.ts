import { readFileSync } from 'node:fs'
import { createBytesSource } from '@dagstore/io'
import { concat, plainFr32, plainRlePlus, sectorFile, seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { crc32 } from '@dagstore/hashes'
import type { SectorRange } from '../src/range.ts'
import { openSector } from '../src/sector.ts'
import { SECTOR_SIZES } from '../src/sector-size.ts'
import { decodeTail, encodeTrailer, MAX_TRAILER_BYTES, OPENING_BYTES } from '../src/trailer.ts'
import { aligned, encodeRecord } from '../src/update-record.ts'

const KIB = 1024
const page = readFileSync(new URL('../../../docs/formats/sector.md', import.meta.url), 'utf8')

/** The bytes of an example in the page on the format; what it leaves out is zero. */
const exampleOf = (name: string, length: number): Uint8Array => {
  const example = new RegExp(`\`\`\`${name}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? ''
  const given = new Uint8Array(length)
  for (const line of example.trim().split('\n')) {
    const [, at, hex] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ?)+)/.exec(line) ?? []
    given.set(Buffer.from(hex!.replaceAll(' ', ''), 'hex'), Number.parseInt(at!, 16))
  }
  return given
}

const listed = (pairs: readonly (readonly number[])[]): SectorRange[] => pairs.map(([start = 0, length = 0]) => ({ start, length }))

/** The data's end, as Lotus's rules see it; `undefined`: refused. */
const lotusList = (tail: Uint8Array): Uint8Array | undefined => {
  if (tail.byteLength < 4) return undefined
  const listBytes = new DataView(tail.buffer, tail.byteOffset).getUint32(tail.byteLength - 4, true)
  return listBytes + 4 === tail.byteLength ? tail.subarray(0, listBytes) : undefined
}

describe('the trailers of Lotus', () => {
  it.each([
    { about: 'nothing', sectorBytes: 2 * KIB, ranges: [], hex: '00000000' },
    { about: 'all of 2 KiB', sectorBytes: 2 * KIB, ranges: [[0, 2 * KIB]], hex: '04100203000000' },
    { about: 'the first KiB', sectorBytes: 2 * KIB, ranges: [[0, KIB]], hex: '04100103000000' },
    { about: 'the second KiB', sectorBytes: 2 * KIB, ranges: [[KIB, KIB]], hex: '001001400405000000' },
    { about: 'all of 32 GiB', sectorBytes: 2 ** 35, ranges: [[0, 2 ** 35]], hex: '04101010103006000000' },
    { about: '8 GiB at 8 GiB', sectorBytes: 2 ** 35, ranges: [[2 ** 33, 2 ** 33]], hex: '00101010100440404040100b000000' },
  ])('are written and read, $about', ({ sectorBytes, ranges, hex }) => {
    expect(Buffer.from(encodeTrailer(listed(ranges))).toString('hex')).toBe(hex)
    expect(decodeTail(Uint8Array.from(Buffer.from(hex, 'hex')), sectorBytes)).toMatchObject({ ranges: listed(ranges), state: 'whole' })
  })
})

describe('the page on the format', () => {
  const payload = Uint8Array.from({ length: 127 }, (_, i) => i)
  it('has the bytes of a sector', async () => {
    const file = exampleOf('hex', 2 * KIB + 6)
    expect(Buffer.from(file).toString('hex')).toBe(Buffer.from(sectorFile({ sectorBytes: 2 * KIB, pieces: [{ offset: 0, paddedBytes: 128, payload }] })).toString('hex'))
    expect(file.subarray(0, 128)).toEqual(plainFr32(payload))
    const sector = await openSector(createBytesSource(file))
    expect(await sector.openPiece(0, 128).read(0, 127)).toEqual(payload)
  })
  it('has the bytes of an update', () => {
    const given = exampleOf('record', 0xc00).subarray(2 * KIB)
    const [old, next] = [encodeTrailer(listed([[0, 128]])), encodeTrailer(listed([[0, 128], [1024, 1024]]))]
    const made = concat([old, new Uint8Array(512 - old.byteLength), ...encodeRecord(old, next)])
    expect(Buffer.from(given).toString('hex')).toBe(Buffer.from(made).toString('hex'))
    expect(decodeTail(given, 2 * KIB)).toMatchObject({ ranges: listed([[0, 128], [1024, 1024]]), state: 'updating' })
  })
})

it('crc32 is that of zip', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array(0))).toBe(0)
})

describe('a trailer half way through its replacement', () => {
  const random = seededRandom('mixtures')
  interface Step { readonly before: Uint8Array, readonly after: Uint8Array }

  /** The tails before and after each write or cut between two syncs, from the old trailer to the new one. */
  const stepsOf = (old: Uint8Array, next: Uint8Array): Step[] => {
    const recordAt = aligned(Math.max(old.byteLength, next.byteLength))
    const images = [old]
    for (const part of encodeRecord(old, next)) images.push(concat([images.at(-1)!, new Uint8Array(Math.max(0, recordAt - images.at(-1)!.byteLength)), part]))
    const full = images.at(-1)!
    const over = full.slice()
    over.fill(0, 0, recordAt)
    over.set(next)
    images.push(over, over.subarray(0, recordAt + 512), next)
    return images.slice(1).map((after, i) => ({ before: images[i]!, after }))
  }
  /** Each disk sector old or new, where that is cut off zeros, and any length between the two. */
  const survivors = function * ({ before, after }: Step): Generator<Uint8Array> {
    const [least, most] = [Math.min(before.byteLength, after.byteLength), Math.max(before.byteLength, after.byteLength)]
    const [old, now] = [before, after].map((bytes) => concat([bytes, new Uint8Array(most - bytes.byteLength)])) as [Uint8Array, Uint8Array]
    const sectors = Math.ceil(most / 512)
    for (let choice = 0; choice < (sectors <= 3 ? 1 << sectors : 8); choice++) {
      const mixed = old.slice()
      for (let sector = 0; sector < sectors; sector++) {
        const isNew = sectors <= 3 ? (choice >> sector & 1) === 1 : random.chance(0.5)
        if (isNew) mixed.set(now.subarray(sector * 512, (sector + 1) * 512), sector * 512)
      }
      // the border of a disk sector and of what stands in it, and some of the others
      const near = [least, least + 1, least + 2, least + 3, least + 4, least + 5, 511, 512, 513, 528, most - 1, most]
      const lengths = [...near, ...Array.from({ length: 20 }, () => least + random.int(most - least + 1))].filter((length) => least <= length && length <= most)
      for (const length of lengths) yield mixed.slice(0, length)
    }
  }
  const check = (old: SectorRange[], next: SectorRange[], sectorBytes: number): number => {
    const [from, to] = [encodeTrailer(old), encodeTrailer(next)]
    const lists = [JSON.stringify(old), JSON.stringify(next)]
    let seen = 0
    for (const step of stepsOf(from, to)) {
      for (const tail of survivors(step)) {
        seen++
        const { ranges, state } = decodeTail(tail, sectorBytes)
        if (state === 'blank') expect(lists).toContain('[]')
        else expect(lists).toContain(JSON.stringify(ranges))
        const lotus = lotusList(tail)
        if (lotus !== undefined) expect([plainRlePlus(old), plainRlePlus(next)].map((list) => Buffer.from(list).toString('hex'))).toContain(Buffer.from(lotus).toString('hex'))
      }
    }
    return seen
  }

  it('is one of the two, for short lists of every kind', () => {
    const lists = [[], [[0, 128]], [[128, 128]], [[0, 256]], [[0, 1024]], [[0, 128], [256, 128]], [[0, 2048]], [[0, 128], [256, 128], [512, 128], [1024, 128]]].map(listed)
    let seen = 0
    for (const old of lists) for (const next of lists) if (old !== next) seen += check(old, next, 2 * KIB)
    expect(seen).toBeGreaterThan(10_000)
  })
  it.each([[90, 113], [113, 90], [100, 101], [103, 104], [400, 401], [401, 400], [400, 0], [0, 400], [1, 300], [2000, 1999]])('is one of the two, from %i ranges to %i', (from, to) => {
    const ranges = (count: number): SectorRange[] => Array.from({ length: count }, (_, i) => ({ start: 256 * i + 128, length: 128 }))
    expect(check(ranges(from), ranges(to), 2 ** 23)).toBeGreaterThan(100)
  })
  it('means the same as none while the first one is put behind a file that has none', () => {
    for (const sectorBytes of SECTOR_SIZES) {
      const full = encodeTrailer([{ start: 0, length: sectorBytes }])
      const opening = full.subarray(0, OPENING_BYTES)
      const steps = [{ before: new Uint8Array(0), after: opening }, { before: opening, after: full }]
      for (const step of steps) for (const tail of survivors(step)) expect(decodeTail(tail, sectorBytes).ranges).toEqual([{ start: 0, length: sectorBytes }])
    }
  })
})

describe('a damaged trailer', () => {
  const many = Array.from({ length: 60 }, (_, i) => ({ start: 512 * i, length: 128 * (1 + i % 3) }))
  const trailer = encodeTrailer(many)
  it('with one flipped bit is refused, or is other whole chunks inside the sector', () => {
    let refused = 0
    for (let bit = 0; bit < trailer.byteLength * 8; bit++) {
      const tail = trailer.slice()
      tail[bit >> 3]! ^= 1 << (bit & 7)
      try {
        for (const { start, length } of decodeTail(tail, 2 ** 23).ranges) expect([start % 128, length % 128, start + length <= 2 ** 23]).toEqual([0, 0, true])
      } catch (error) {
        expect(error).toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
        refused++
      }
    }
    expect(refused / (trailer.byteLength * 8)).toBeGreaterThan(0.6)
  })
  it('cut or extended anywhere is refused, or is what it was', () => {
    for (let length = 2; length < trailer.byteLength; length++) {
      expect(() => decodeTail(trailer.subarray(0, length), 2 ** 23)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
    }
    for (const more of [Uint8Array.of(1), Uint8Array.of(0, 0, 7), seededBytes(1, 600)]) {
      expect(() => decodeTail(concat([trailer, more]), 2 ** 23)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
    }
  })
  it.each([
    { why: 'a range that begins inside a chunk', ranges: [[64, 128]] },
    { why: 'a range that ends inside a chunk', ranges: [[0, 129]] },
    { why: 'runs beyond the sector', ranges: [[0, 2 ** 23 + 128]] },
    { why: 'an absurd run', ranges: [[0, 2 ** 52]] },
  ])('with $why is refused', ({ ranges }) => {
    const list = plainRlePlus(listed(ranges))
    expect(() => decodeTail(concat([list, Uint8Array.of(list.byteLength, 0, 0, 0)]), 2 ** 23)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
  })
  it('that is longer than any is refused', () => {
    const list = new Uint8Array(MAX_TRAILER_BYTES).fill(0xff)
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, list.byteLength, true)
    expect(() => decodeTail(concat([list, length]), 2 ** 36)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
  })
  it('with a record that names a hostile one, or lengths beyond the file, is refused', () => {
    const bad = concat([Uint8Array.of(5, 0x10, 2), Uint8Array.of(3, 0, 0, 0)])
    const old = new Uint8Array(7).fill(0xff)
    expect(() => decodeTail(concat([old, new Uint8Array(505), ...encodeRecord(old, bad)]), 2 * KIB)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
    const [head] = encodeRecord(old, encodeTrailer([]))
    for (const [field, value] of [[20, 0xffff_ffff], [24, 0xffff_ffff], [16, 2]] as const) {
      const forged = head!.slice()
      const view = new DataView(forged.buffer)
      view.setUint32(field, value, true)
      view.setUint32(36, crc32(forged.subarray(0, 36)), true)
      if (field !== 20) expect(() => decodeTail(concat([old, new Uint8Array(505), forged]), 2 * KIB)).toThrow(expect.objectContaining({ code: 'SECTOR_BAD_TRAILER' }))
      else expect(decodeTail(concat([old, new Uint8Array(505), forged]), 2 * KIB).ranges).toEqual([])
    }
  })
  it('never does anything but give ranges or a refusal, for any bytes', () => {
    const some = seededRandom('any tail')
    const record = concat([...encodeRecord(trailer, encodeTrailer([{ start: 0, length: 128 }]))])
    for (let run = 0; run < 4000; run++) {
      const parts = [trailer, record, some.bytes(some.int(600)), new Uint8Array(some.int(600))]
      const tail = concat(Array.from({ length: 1 + some.int(3) }, () => some.pick(parts))).slice()
      for (let flip = some.int(3); flip > 0; flip--) if (tail.byteLength > 0) tail[some.int(tail.byteLength)]! ^= 1 << some.int(8)
      try {
        let end = -1
        for (const { start, length } of decodeTail(tail, 2 ** 23).ranges) {
          expect(start).toBeGreaterThan(end)
          end = start + length
        }
        expect(end).toBeLessThanOrEqual(2 ** 23)
      } catch (error) {
        expect(error).toMatchObject({ code: 'SECTOR_BAD_TRAILER' })
      }
    }
  })
})
