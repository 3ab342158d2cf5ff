import { makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { MAYBE, NONE, SectionTable } from '../src/section-table.ts'

const cids = makeBlocks(1, 20_000, { min: 0, max: 40 }).map(({ cid }) => CID.decode(cid))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const START = 4096

describe('SectionTable', () => {
  it('finds each of many sections, the first of those that repeat, and no other', () => {
    const table = new SectionTable({ wholeCid: false, start: START })
    const firsts = new Map<string, number>()
    cids.forEach((cid, i) => {
      const known = firsts.get(cid.toString())
      expect(table.probe(cid.bytes)).toBe(known ?? NONE)
      if (known === undefined) firsts.set(cid.toString(), i)
      table.add(cid.bytes, START + (i + 1) * 50, known !== undefined)
    })
    expect(table.count).toBe(20_000)
    expect(table.end).toBe(START + 20_000 * 50)
    cids.forEach((cid, i) => {
      expect(table.probe(cid.bytes)).toBe(firsts.get(cid.toString()))
      expect(table.isRepeat(i)).toBe(firsts.get(cid.toString()) !== i)
      expect(table.start(i)).toBe(START + i * 50)
      expect(hex(table.cid(i)!)).toBe(hex(cid.bytes))
    })
    expect(makeBlocks(2, 500, { min: 41, max: 50 }).every(({ cid }) => table.probe(cid) === NONE)).toBe(true)
  })

  it('compares by multihash, or by whole CID', () => {
    const [cid] = cids as [CID]
    const other = CID.createV1(0x70, cid.multihash)
    for (const wholeCid of [false, true]) {
      const table = new SectionTable({ wholeCid, start: START })
      table.add(cid.bytes, START + 10, false)
      expect(table.probe(other.bytes)).toBe(wholeCid ? NONE : 0)
      table.add(other.bytes, START + 20, !wholeCid)
      expect(table.probe(other.bytes)).toBe(wholeCid ? 1 : 0)
    }
  })

  it('tells keys apart of which one is the end of the other, and holds long and empty ones', () => {
    const table = new SectionTable({ wholeCid: false, start: START })
    const inner = CID.createV1(0x55, Digest.create(0, new Uint8Array(2)))
    const outer = CID.createV1(0x55, Digest.create(0, Uint8Array.of(1, 0, 2, 0, 0)))
    const v0 = CID.createV0(Digest.create(0x12, new Uint8Array(32).fill(9)))
    const kinds = [inner, outer, CID.decode(makeBlock(new Uint8Array(0), { hash: 'identity' }).cid), CID.createV1(0x55, Digest.create(0, new Uint8Array(60_000).fill(3))), v0]
    kinds.forEach((cid, i) => {
      expect(table.probe(cid.bytes)).toBe(NONE)
      table.add(cid.bytes, START + i + 1, false)
    })
    kinds.forEach((cid, i) => expect(table.probe(cid.bytes)).toBe(i))
    expect(table.probe(CID.createV1(0x70, v0.multihash).bytes)).toBe(4)
  })

  it('without memory for CIDs says which section it may be, and is told which it is not', () => {
    const table = new SectionTable({ wholeCid: false, start: START, keptBytes: 0 })
    const [a, b] = cids as [CID, CID]
    table.add(a.bytes, START + 10, false)
    table.add(a.bytes, START + 20, false) // as if another block had the fingerprint of the first
    expect(table.cid(0)).toBeUndefined()
    expect(table.probe(b.bytes)).toBe(NONE)
    const cleared = new Set<number>()
    for (const suspect of [0, 1]) {
      expect(table.probe(a.bytes, cleared)).toBe(MAYBE)
      expect(table.suspect).toBe(suspect)
      cleared.add(suspect)
    }
    expect(table.probe(a.bytes, cleared)).toBe(NONE)
    expect(table.agrees(0, a.bytes)).toBe(true)
    expect(table.agrees(0, b.bytes)).toBe(false)
  })

  it('keeps CIDs up to a budget, from the first on, and then no more', () => {
    const table = new SectionTable({ wholeCid: false, start: START, keptBytes: 1 << 18 })
    cids.forEach((cid, i) => { table.add(cid.bytes, START + i, true) })
    const kept = cids.findIndex((_, i) => table.cid(i) === undefined)
    expect(kept).toBeGreaterThan(5000)
    expect(cids.every((_, i) => (table.cid(i) === undefined) === (i >= kept))).toBe(true)
  })

  it.each([300_000, 524_288, 1_000_000])('takes at most 28 bytes for a section beside that budget, sha2-256 and blake2b-256 alike; sections=%i', (count) => {
    const table = new SectionTable({ wholeCid: false, start: START, keptBytes: 0 })
    const random = seededRandom('memory')
    const codes = [Uint8Array.of(1, 0x55, 0x12, 0x20), Uint8Array.of(1, 0x71, 0xa0, 0xe4, 0x02, 0x20)]
    for (let i = 0; i < count; i++) {
      table.add(Uint8Array.of(...codes[i % 2]!, ...random.bytes(32)), START + i, false)
    }
    expect(table.memoryBytes / count).toBeLessThanOrEqual(28)
  })

  it('holds more than 2^24 sections, which no Map can', async ({ skip }) => {
    if (process.env['DAGSTORE_LONG'] === undefined) return skip('takes half a minute and 500 MB; DAGSTORE_LONG=1')
    const count = 2 ** 24 + 1000
    const table = new SectionTable({ wholeCid: false, start: START })
    const cid = (i: number): Uint8Array => {
      const bytes = new Uint8Array(36)
      bytes.set([1, 0x55, 0x12, 0x20])
      new DataView(bytes.buffer).setUint32(20, i)
      return bytes
    }
    let odd = 0
    for (let i = 0; i < count; i++) {
      const bytes = cid(i)
      if (table.probe(bytes) !== NONE) odd++
      table.add(bytes, START + 41 * (i + 1), false)
    }
    expect(table.count).toBe(count)
    // fingerprints of 64 bits: one in a hundred thousand tables has two that are equal
    expect(odd).toBeLessThan(2)
    expect(table.probe(cid(count - 1))).toBe(MAYBE)
    expect(table.suspect).toBe(count - 1)
    expect(table.start(count - 1)).toBe(START + 41 * (count - 1))
    expect(table.memoryBytes / count).toBeLessThan(32)
  })
})
