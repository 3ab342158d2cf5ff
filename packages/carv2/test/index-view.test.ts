import { carV1, indexBytes, makeBlocks, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createBytesSource } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex, type BuiltIndex, createIndexBuilder, createPageCache, type IndexEntry, type IndexView, openIndex, parseCid } from '../src/index.ts'
import { collect, concat, slowSource } from './support.ts'

const SEED = 20261122
const blocks = mixedBlocks(11)
const roots = [blocks[0]!.cid]
const placed = placedBlocks(roots, blocks)
const car = carV1(roots, blocks)

/** Every entry of one multihash, by a look at each block. */
const oracle = (list: ReturnType<typeof placedBlocks>, multihash: Uint8Array): IndexEntry[] =>
  list.filter((block) => Buffer.compare(block.multihash, multihash) === 0)
    .map(({ sectionOffset, headBytes, data }) => ({ sectionOffset, headBytes, dataBytes: data.byteLength }))

const opened = async (built: BuiltIndex): Promise<Record<string, IndexView>> => {
  const bytes = concat(built.encode())
  return {
    memory: built.view(),
    bytes: await openIndex(createBytesSource(bytes)),
    disk: await openIndex(slowSource(bytes)),
    'disk without a cache': await openIndex(slowSource(bytes), { pages: createPageCache({ maxBytes: 0 }) }),
    'piece padding behind': await openIndex(slowSource(concat([bytes, new Uint8Array(10_000)]))),
  }
}

describe('an index with a trailer', () => {
  it('gives for every block what a look at each block gives, wherever it lies', async () => {
    const built = await buildIndex(createBytesSource(car))
    for (const [name, view] of Object.entries(await opened(built))) {
      for (const { multihash } of placed) expect(await view.find(multihash), name).toEqual(oracle(placed, multihash))
      for (const { multihash } of makeBlocks(99, 50, { min: 1, max: 9 })) expect(await view.find(multihash), name).toEqual([])
    }
  })

  it('finds what a linear search finds, for any digests (property)', async () => {
    const digest = fc.oneof(
      fc.uint8Array({ minLength: 0, maxLength: 12 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      // clustered: long common beginnings
      fc.tuple(fc.nat(3), fc.nat(255)).map(([a, b]) => Uint8Array.of(...new Array<number>(30).fill(a), b, 7)),
    )
    const section = fc.record({ codec: fc.constantFrom(0x55, 0x70, 0x71), code: fc.constantFrom(0, 0x12, 0xb220), digest, dataBytes: fc.nat(300), gap: fc.nat(1000) })
    await fc.assert(fc.asyncProperty(fc.array(section, { maxLength: 400 }), async (list) => {
      const builder = createIndexBuilder()
      let at = 59
      const known = list.map(({ codec, code, digest, dataBytes, gap }) => {
        const hash = code < 128 ? [code] : [0xa0, 0xe4, 0x02]
        const multihash = Uint8Array.of(...hash, digest.byteLength, ...digest)
        const cid = Uint8Array.of(1, codec, ...multihash)
        const headBytes = (cid.byteLength + dataBytes < 128 ? 1 : 2) + cid.byteLength
        const placed = { cid, multihash, sectionOffset: at, headBytes, data: new Uint8Array(dataBytes) }
        builder.add({ cid, sectionOffset: at, headBytes, dataBytes })
        at += headBytes + dataBytes + gap
        return placed
      })
      const built = builder.finish({ payloadStart: 0, payloadEnd: at, carV1Header: car.slice(0, 59), source: undefined })
      const rows = known.map((block) => {
        const { hashCode, digest } = parseCid(block.cid)
        return { code: hashCode, digest, offset: block.sectionOffset }
      })
      expect(Buffer.compare(concat(built.encodeStandard()), indexBytes(0x0401, rows))).toBe(0)
      expect(Buffer.compare(concat(built.encodeStandard(0x0400)), indexBytes(0x0400, rows))).toBe(0)
      for (const [name, view] of Object.entries(await opened(built))) {
        for (const { multihash } of known) {
          expect(await view.find(multihash), name).toEqual(oracle(known, multihash))
          const other = multihash.slice()
          other[other.byteLength - 1]! ^= 1
          if (parseCid(Uint8Array.of(1, 0x55, ...multihash)).digest.byteLength > 0) expect(await view.find(other), name).toEqual(oracle(known, other))
        }
        expect((await collect(view.entries())).map((entry) => entry.sectionOffset).sort((a, b) => a - b), name).toEqual(known.map((block) => block.sectionOffset))
      }
    }), { seed: SEED, numRuns: 60 })
  })
})
