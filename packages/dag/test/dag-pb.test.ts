import * as dagPb from '@ipld/dag-pb'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { cidAt } from '../src/cid-bytes.ts'
import { pbLinkCid, pbLinks, pbNameEquals, pbNameLength, scanPb } from '../src/dag-pb.ts'
import { linksOf } from '../src/index.ts'
import { BLAKE2B_256, cidOf, DAG_PB, IDENTITY, SHA2_256, text } from './blocks.ts'

const cids = [cidOf(text('a')), cidOf(text('b'), 0x71), CID.createV0(cidOf(text('c')).multihash as never), cidOf(text('d'), 0x0129), cidOf(text('e'), 0x55, BLAKE2B_256), cidOf(text('inline'), 0x55, IDENTITY),
  CID.createV1(0x55, Digest.create(0x12, new Uint8Array(20))), CID.createV1(0x70, Digest.create(0x13, new Uint8Array(64)))]

const node = fc.record({
  Data: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
  Links: fc.array(fc.record({ Hash: fc.constantFrom(...cids), Name: fc.option(fc.string({ unit: 'grapheme', maxLength: 5 }), { nil: undefined }), Tsize: fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { nil: undefined }) }), { maxLength: 6 }),
})

const encoded = ({ Data, Links }: { Data: Uint8Array | undefined, Links: { Hash: CID, Name: string | undefined, Tsize: number | undefined }[] }): Uint8Array =>
  dagPb.encode(dagPb.prepare({ ...(Data === undefined ? {} : { Data }), Links: Links.map(({ Hash, Name, Tsize }) => ({ Hash, ...(Name === undefined ? {} : { Name }), ...(Tsize === undefined ? {} : { Tsize }) })) } as never))

/** What @ipld/dag-pb makes of the bytes; `undefined`: refused. */
const peer = (bytes: Uint8Array): { data: Uint8Array | undefined, links: string[] } | undefined => {
  try {
    const { Data, Links } = dagPb.decode(bytes)
    return { data: Data, links: Links.map(({ Hash }) => Hash.toString()) }
  } catch {
    return undefined
  }
}

const ours = (bytes: Uint8Array): { data: Uint8Array | undefined, links: string[] } | undefined => {
  try {
    return { data: scanPb(bytes).data, links: pbLinks(bytes).map(String) }
  } catch {
    return undefined
  }
}

describe('scanPb', () => {
  it('finds the data, links and names that @ipld/dag-pb decodes', () => {
    fc.assert(fc.property(node, (value) => {
      const bytes = encoded(value)
      const decoded = dagPb.decode(bytes)
      const scanned = scanPb(bytes)
      expect(scanned.data).toEqual(decoded.Data)
      expect(scanned.linkCount).toBe(decoded.Links.length)
      for (const [n, { Hash, Name = '' }] of decoded.Links.entries()) {
        expect(pbLinkCid(bytes, scanned, n).equals(Hash)).toBe(true)
        expect(Math.max(pbNameLength(scanned, n), 0)).toBe(text(Name).byteLength)
        expect(pbNameEquals(bytes, scanned, n, text(Name))).toBe(true)
        expect(pbNameEquals(bytes, scanned, n, text(`${Name}x`))).toBe(false)
      }
    }), { seed: 3, numRuns: 500 })
  })

  it('refuses what @ipld/dag-pb refuses and takes what it takes, with bytes changed, cut, doubled and put together', () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat(255), how: fc.constantFrom('set', 'cut', 'drop', 'insert', 'repeat') })
    let refused = 0
    fc.assert(fc.property(node, node, fc.array(change, { maxLength: 3 }), fc.boolean(), (value, other, changes, both) => {
      let bytes: number[] = both ? [...encoded(value), ...encoded(other)] : [...encoded(value)]
      for (const { at, to, how } of changes) {
        const n = bytes.length === 0 ? 0 : at % bytes.length
        if (how === 'set') bytes[n] = to
        else if (how === 'cut') bytes = bytes.slice(0, n)
        else if (how === 'drop') bytes.splice(n, 1)
        else if (how === 'insert') bytes.splice(n, 0, to)
        else bytes.push(...bytes.slice(n))
      }
      const block = Uint8Array.from(bytes)
      const wanted = peer(block)
      if (wanted === undefined) refused++
      expect(ours(block)).toEqual(wanted)
    }), { seed: 4, numRuns: 4000 })
    expect(refused).toBeGreaterThan(500)
  })

  it.each([
    ['lengths beyond all bounds', [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]], ['a varint without end', Array.from({ length: 40 }, () => 0xff)],
    ['a link without a CID', [0x12, 0x00]], ['another field', [0x1a, 0x00]], ['a number for a node', [0x08, 0x01]], ['data twice', [0x0a, 0x00, 0x0a, 0x00]],
  ])('refuses %s', (_, bytes) => {
    const block = Uint8Array.from(bytes)
    expect(peer(block)).toBeUndefined()
    expect(() => linksOf(cidOf(block, DAG_PB), block)).toThrow(expect.objectContaining({ code: 'DAG_BAD_BLOCK' }))
  })

  it('stops at the most links allowed, whatever is behind them', () => {
    const bytes = encoded({ Data: undefined, Links: [1, 2, 3].map(() => ({ Hash: cids[0]!, Name: '', Tsize: 1 })) })
    expect(linksOf(cidOf(bytes, DAG_PB), bytes, 3)).toHaveLength(3)
    expect(() => linksOf(cidOf(bytes, DAG_PB), bytes, 2)).toThrow(expect.objectContaining({ code: 'DAG_TOO_MANY_LINKS' }))
  })
})

describe('cidAt', () => {
  it('gives what multiformats decodes, on memory of its own', () => {
    for (const cid of cids) {
      const block = new Uint8Array(cid.bytes.byteLength + 10).fill(7)
      block.set(cid.bytes, 4)
      const got = cidAt(block, 4, 4 + cid.bytes.byteLength)
      block.fill(0)
      const wanted = CID.decode(cid.bytes)
      expect([got.version, got.code, got.bytes, got.multihash.code, got.multihash.size, got.multihash.digest, got.multihash.bytes, String(got)])
        .toEqual([wanted.version, wanted.code, wanted.bytes, wanted.multihash.code, wanted.multihash.size, wanted.multihash.digest, wanted.multihash.bytes, String(wanted)])
      expect(got.equals(cid)).toBe(true)
    }
  })

  it('takes and refuses what multiformats does, whatever the bytes', () => {
    const outcome = (decode: () => CID): unknown => {
      try {
        const { version, code, multihash } = decode()
        return [version, code, multihash.code, [...multihash.digest]]
      } catch {
        return 'refused'
      }
    }
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.tuple(fc.constantFrom(...cids), fc.nat(), fc.nat(255)).map(([cid, at, to]) => {
      const changed = cid.bytes.slice()
      changed[at % changed.byteLength] = to
      return changed
    }))
    fc.assert(fc.property(bytes, (block) => {
      expect(outcome(() => cidAt(block, 0, block.byteLength))).toEqual(outcome(() => CID.decode(block)))
    }), { seed: 5, numRuns: 2000 })
  })

  it('copies out of a Buffer too', () => {
    const buffer = Buffer.from(cids[0]!.bytes)
    const got = cidAt(buffer, 0, buffer.byteLength)
    buffer.fill(0)
    expect(String(got)).toBe(String(cids[0]))
    expect(SHA2_256).toBe(got.multihash.code)
  })
})
