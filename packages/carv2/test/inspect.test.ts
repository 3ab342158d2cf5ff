import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { carV1, carV2, damaged, makeBlock, makeBlocks, mixedBlocks, sharedFixtures } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { encodeVarint, inspectCar, wrapChunks } from '../src/index.ts'
import { collect, concat, slowSource } from './support.ts'

const blocks = mixedBlocks(91)
const absent = makeBlocks(92, 2, { min: 4, max: 4 })
const inline = makeBlock(Uint8Array.of(1, 2, 3), { hash: 'identity' })

describe('inspectCar', () => {
  it('counts sections by codec and hash and measures them', async () => {
    const source = slowSource(carV2({ roots: [blocks[0]!.cid], blocks, payloadPadding: 30, fullyIndexed: true }))
    const report = await inspectCar(source)
    expect(report).toMatchObject({ rootsPresent: true, missingRoots: [], blockCount: 24, paddingBytes: 30, indexCodec: 0x0401 })
    expect(report.layout).toMatchObject({ version: 2, fullyIndexed: true })
    expect(report.codecCounts).toEqual(new Map([[0x55, 15], [0x71, 5], [0x70, 4]]))
    expect(report.hashCounts).toEqual(new Map([[0x12, 13], [0xb220, 5], [0x00, 4], [0x13, 2]]))
    const lengths = blocks.map(({ data }) => data.byteLength)
    expect(report.blockBytes).toEqual({ min: 0, mean: Math.floor(lengths.reduce((a, b) => a + b) / 24), max: Math.max(...lengths) })
    expect(report.cidBytes.min).toBe(4)
  })

  it('counts no more kinds of CID than there is room for', async () => {
    const kinds = (count: number): Uint8Array => carV1([], Array.from({ length: count }, (_, i) => {
      const multihash = Uint8Array.of(0, 0)
      return { cid: Uint8Array.of(1, ...encodeVarint(i), ...multihash), multihash, data: new Uint8Array(0) }
    }))
    expect((await inspectCar(createBytesSource(kinds(65_536)))).codecCounts.size).toBe(65_536)
    await expect(inspectCar(createBytesSource(kinds(65_537)))).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
  })

  it('reports roots that are not there, each once, and takes an identity root as there', async () => {
    const roots = [blocks[0]!.cid, absent[0]!.cid, inline.cid, absent[1]!.cid, absent[0]!.cid]
    const report = await inspectCar(createBytesSource(carV1(roots, blocks)))
    expect(report.rootsPresent).toBe(false)
    expect(report.missingRoots.map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort()).toEqual([absent[0]!, absent[1]!].map(({ cid }) => Buffer.from(cid).toString('hex')).sort())
  })

  it('has nothing against no roots and no blocks', async () => {
    const report = await inspectCar(createBytesSource(carV1([], [])))
    expect(report).toMatchObject({ rootsPresent: true, blockCount: 0, blockBytes: { min: 0, mean: 0, max: 0 }, indexCodec: undefined })
  })

  it('hashes when it is given hashes, and only then', async () => {
    const source = createBytesSource(damaged['block-bit-flip']!)
    expect((await inspectCar(source)).blockCount).toBe(5)
    await expect(inspectCar(source, { hashes: createHashes() })).rejects.toMatchObject({ code: 'CARV2_HASH_MISMATCH', offset: 271 })
  })

  it('tells apart any number of roots whose last bytes are the same', async () => {
    const root = (i: number): Uint8Array => {
      const cid = Uint8Array.of(1, 0x55, 0x12, 4, 0, 0, 0, 0)
      new DataView(cid.buffer).setUint32(4, i)
      return Uint8Array.of(...cid.subarray(0, 3), 8, ...cid.subarray(4), 9, 9, 9, 9)
    }
    const roots = Array.from({ length: 100_000 }, (_, i) => root(i))
    const there = [7, 99_999].map((i) => ({ cid: root(i), multihash: root(i).subarray(2), data: Uint8Array.of(1) }))
    const { missingRoots } = await inspectCar(createBytesSource(carV1([...roots, root(5), root(7)], there)))
    expect(missingRoots).toHaveLength(99_998)
    expect(missingRoots.slice(6, 8).map(({ bytes }) => bytes)).toEqual([root(6), root(8)])
  })

  it('names an index that it does not know', async () => {
    expect((await inspectCar(createBytesSource(damaged['v2-unknown-index-codec']!))).indexCodec).toBe(0x0402)
  })

  it.each([
    { name: 'v2-unknown-index-codec', fault: { code: 'CARV2_UNKNOWN_INDEX', offset: 652 }, codec: 0x0402 },
    { name: 'v2-index-without-codec', fault: { code: 'CARV2_UNKNOWN_INDEX', offset: 652 }, codec: 1 },
    { name: 'v2-index-empty', fault: { code: 'CARV2_BAD_INDEX', offset: 652 }, codec: undefined },
    { name: 'v2-index-cut', fault: { code: 'CARV2_BAD_INDEX', offset: 670 }, codec: 0x0401 },
    { name: 'v2-index-lacks-an-entry', fault: { code: 'CARV2_INDEX_INCOMPLETE', offset: 110 }, codec: 0x0401 },
    { name: 'v2-index-wrong-offset', fault: { code: 'CARV2_INDEX_INCOMPLETE', offset: 322 }, codec: 0x0401 },
    { name: 'v2-index-offset-inside-data', fault: { code: 'CARV2_BAD_HEADER', offset: 43 }, codec: undefined },
    { name: 'v2-index-offset-past-end', fault: { code: 'CARV2_TRUNCATED' }, codec: undefined },
  ])('says what is wrong with an index instead of failing: $name', async ({ name, fault, codec }) => {
    for (const source of [createBytesSource(damaged[name]!), slowSource(damaged[name]!)]) {
      const report = await inspectCar(source, { index: 'entries', hashes: createHashes() })
      expect(report.blockCount).toBeGreaterThan(0)
      expect(report.index).toMatchObject({ codec, fault })
      expect(report.indexCodec).toBe(codec)
    }
  })

  it('sees nothing wrong in a good index, with trailer or without', async () => {
    const source = createBytesSource(carV2({ roots: [], blocks, identityCids: 'excluded' }))
    expect((await inspectCar(source, { index: 'entries' })).index).toMatchObject({ codec: 0x0401, entryCount: 20, trailer: false, fault: undefined })
    const wrapped = createBytesSource(concat(await collect(wrapChunks(source))))
    expect((await inspectCar(wrapped, { index: 'entries' })).index).toMatchObject({ codec: 0x0401, entryCount: 24, trailer: true, fault: undefined })
    expect((await inspectCar(createBytesSource(carV1([], blocks)))).index).toBeUndefined()
  })

  it('gives all 128 bits of the characteristics', async () => {
    const bytes = carV2({ roots: [], blocks, fullyIndexed: true })
    bytes[26] = 0x5a
    const { layout } = await inspectCar(createBytesSource(bytes))
    expect(Buffer.from(layout.characteristics!).toString('hex')).toBe(`80${'00'.repeat(14)}5a`)
  })

  it.skipIf(sharedFixtures() === undefined)('says of a file of go-car what the reference says (where it lies beside the checkout)', async () => {
    const source = createBytesSource(readFileSync(join(sharedFixtures()!, 'go-car/sample-wrapped-v2.car')))
    const report = await inspectCar(source, { hashes: createHashes() })
    expect(report).toMatchObject({
      rootsPresent: true,
      blockCount: 1049,
      cidBytes: { min: 14, max: 38 },
      blockBytes: { min: 1, mean: 417, max: 1342 },
      indexCodec: 0x0401,
      payloadEnd: 479907,
      paddingBytes: 0,
    })
    expect(report.codecCounts).toEqual(new Map([[0x71, 1043], [0x55, 6]]))
    expect(report.hashCounts).toEqual(new Map([[0xb220, 1043], [0x00, 6]]))
  })
})
