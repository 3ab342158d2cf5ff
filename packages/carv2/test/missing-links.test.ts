import { seededRandom } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { EntryRows } from '../src/entry-rows.ts'
import { MissingLinks } from '../src/missing-links.ts'

const parent = CID.createV1(0x71, create(0x12, new Uint8Array(32)))
const none = new Uint8Array(0)
const cidOf = (n: number, { code = 0x12, width = 32, codec = 0x55 } = {}): CID => {
  const digest = new Uint8Array(width).fill(n & 0xff)
  new DataView(digest.buffer).setUint32(0, n)
  return CID.createV1(codec, create(code, digest))
}
const rowsOf = (cids: readonly CID[]): EntryRows[] => {
  const kinds = new Map<string, EntryRows>()
  for (const { multihash: { code, digest } } of cids) {
    const key = `${code} ${digest.byteLength}`
    if (!kinds.has(key)) kinds.set(key, new EntryRows(code, digest.byteLength))
    kinds.get(key)!.push(digest, 0, 0, 0, 0)
  }
  return [...kinds.values()]
}

describe('MissingLinks', () => {
  it.each([1, 7, 1000, undefined])('finds what a plain search finds, in the order of the links (repeats taken out every %s links)', (compactRows) => {
    const random = seededRandom(5)
    const pool = Array.from({ length: 600 }, (_, n) => cidOf(n, [{}, { code: 0xb220 }, { width: 20 }, { width: 5, codec: 0x71 }, { codec: 0x0129 }][n % 5]))
    const have = pool.filter(() => random.int(3) > 0)
    const links = new MissingLinks(compactRows)
    const met: CID[] = []
    for (let block = 0; block < 100; block++) {
      const named = Array.from({ length: random.int(30) }, () => random.pick(pool))
      met.push(...named)
      links.block(parent, none, () => named)
    }
    const known = new Set(have.map(String))
    const want = [...new Set(met.map(String))].filter((text) => !known.has(text))
    const { missing, missingCount } = links.finish(rowsOf(have))
    expect(missing.map(String)).toEqual(want)
    expect(missingCount).toBe(want.length)
    expect(missingCount).toBeGreaterThan(50)
  })

  it('lists the first 1000 and counts the rest', () => {
    const links = new MissingLinks()
    for (let n = 5000; n > 0; n--) links.block(parent, none, () => [cidOf(n)])
    const { missing, missingCount } = links.finish([])
    expect(missingCount).toBe(5000)
    expect(missing.map(String)).toEqual(Array.from({ length: 1000 }, (_, n) => cidOf(5000 - n).toString()))
  })

  it('takes one multihash for one block, whatever codec and version it is linked by', () => {
    const v1 = cidOf(9, { codec: 0x70 })
    const v0 = CID.createV0(create(0x12, v1.multihash.digest))
    const links = new MissingLinks()
    links.block(parent, none, () => [v0, v1, cidOf(9)])
    expect(links.finish([]).missing.map(String)).toEqual([v0.toString()])
    expect(links.finish(rowsOf([v1])).missingCount).toBe(0)
  })

  it('refuses more kinds of multihash than an index may have', () => {
    const links = new MissingLinks()
    const kinds = Array.from({ length: 65_537 }, (_, n) => CID.createV1(0x55, create(n + 1, Uint8Array.of(1))))
    expect(() => { links.block(parent, none, () => kinds) }).toThrow(expect.objectContaining({ code: 'CARV2_TOO_LARGE' }))
  })

  it.skipIf(process.env['DAGSTORE_LONG'] !== '1')('holds more than 2^24 links', () => {
    const links = new MissingLinks()
    const part = 1 << 12
    for (let from = 0; from < 2 ** 24 + part; from += part) links.block(parent, none, () => Array.from({ length: part }, (_, n) => cidOf(from + n)))
    expect(links.finish([]).missingCount).toBe(2 ** 24 + part)
  })
})
