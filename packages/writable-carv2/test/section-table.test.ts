import { makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { SectionTable } from '../src/section-table.ts'

const cids = makeBlocks(1, 20_000, { min: 0, max: 40 }).map(({ cid }) => CID.decode(cid))
const distinct = new Set(cids.map(String))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('SectionTable', () => {
  it('finds each of many sections, the first of those that repeat, and no other', () => {
    const table = new SectionTable({ wholeCid: false })
    const firsts = new Map<string, number>()
    cids.forEach((cid, i) => {
      expect(table.has(cid)).toBe(firsts.has(cid.toString()))
      if (!firsts.has(cid.toString())) firsts.set(cid.toString(), i)
      table.add(cid, i, 37, i % 7)
    })
    expect(table.count).toBe(20_000)
    for (const cid of cids) {
      const at = firsts.get(cid.toString())!
      expect(table.find(cid)).toEqual({ at, headBytes: 37, dataBytes: at % 7 })
    }
    expect(makeBlocks(2, 500, { min: 41, max: 50 }).some(({ cid }) => table.has(CID.decode(cid)))).toBe(false)
    expect([...table.distinct()].map(({ cid }) => hex(cid))).toEqual([...distinct].map((name) => hex(CID.parse(name).bytes)))
    const all: string[] = []
    table.all((at, _headBytes, _dataBytes, cid) => all.push(`${at} ${hex(cid)}`))
    expect(all).toEqual(cids.map((cid, i) => `${i} ${hex(cid.bytes)}`))
  })

  it('compares by multihash, or by whole CID', () => {
    const [cid] = cids as [CID]
    const other = CID.createV1(0x70, cid.multihash)
    for (const wholeCid of [false, true]) {
      const table = new SectionTable({ wholeCid })
      table.add(cid, 1, 2, 3)
      expect(table.has(other)).toBe(!wholeCid)
      table.add(other, 4, 5, 6)
      expect(table.find(other)).toEqual(wholeCid ? { at: 4, headBytes: 5, dataBytes: 6 } : { at: 1, headBytes: 2, dataBytes: 3 })
    }
  })

  it('tells keys apart of which one is the end of the other, and holds long and empty ones', () => {
    const table = new SectionTable({ wholeCid: false })
    const inner = CID.createV1(0x55, Digest.create(0, new Uint8Array(2)))
    const outer = CID.createV1(0x55, Digest.create(0, Uint8Array.of(1, 0, 2, 0, 0)))
    const cids = [inner, outer, CID.decode(makeBlock(new Uint8Array(0), { hash: 'identity' }).cid), CID.createV1(0x55, Digest.create(0, new Uint8Array(100_000).fill(3)))]
    cids.forEach((cid, i) => {
      expect(table.has(cid)).toBe(false)
      table.add(cid, i, 0, 0)
    })
    cids.forEach((cid, i) => expect(table.find(cid)?.at).toBe(i))
  })
})
