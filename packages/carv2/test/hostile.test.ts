import { carV1, carV2, damaged, mixedBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIndex, CarV2Error, encodeVarint, inspectCar, openIndex, parseCid, verifyCar, wrapChunks } from '../src/index.ts'
import { collect, concat, slowSource } from './support.ts'

const hashes = createHashes()
const blocks = mixedBlocks(51)
const roots = [blocks[0]!.cid]
const cars: Uint8Array[] = [carV1(roots, blocks), carV1(roots, blocks, { paddingBytes: 200 }), carV2({ roots, blocks }), carV2({ roots, blocks, index: 0x0400, dataPadding: 9 })]

const index = concat((await buildIndex(createBytesSource(cars[0]!))).encode())
const bare = concat((await buildIndex(createBytesSource(cars[0]!))).encodeStandard())

/** Whatever the bytes: an answer or an error of ours, and no read outside of them. */
const tryAll = async (bytes: Uint8Array): Promise<void> => {
  const source = slowSource(bytes)
  const calm = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work
    } catch (error) {
      if (!(error instanceof CarV2Error)) throw error
    }
  }
  await calm(verifyCar(source, hashes))
  await calm(inspectCar(source, { hashes }))
  await calm(collect(wrapChunks(source)))
  await calm((async () => {
    const view = await openIndex(source)
    await collect(view.entries())
    for (const { multihash } of blocks) await view.find(multihash)
  })())
  await calm((async () => { parseCid(bytes) })())
  expect(source.reads.every(({ at, length }) => at + length <= bytes.byteLength)).toBe(true)
}

describe('hostile bytes', () => {
  it('end in an answer or in an error of this package, when bits of a good file are flipped (property)', async () => {
    const files = [...cars, index, bare, ...Object.values(damaged)]
    await fc.assert(fc.asyncProperty(fc.nat(files.length - 1), fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 6 }), async (which, flips) => {
      const bytes = files[which]!.slice()
      for (const [at, bit] of flips) if (bytes.byteLength > 0) bytes[at % bytes.byteLength]! ^= 1 << bit
      await tryAll(bytes)
    }), { seed: 52, numRuns: 300 })
  })

  it('end so too when they are anything at all behind a good beginning (property)', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom(...cars, index, bare), fc.nat(), fc.uint8Array({ maxLength: 300 }), async (file, at, tail) => {
      await tryAll(concat([file.subarray(0, at % (file.byteLength + 1)), tail]))
    }), { seed: 53, numRuns: 300 })
  })

  it('never change an answer of an index with checksums: every flip of every byte is found, or is in none of them', async () => {
    const whole = await openIndex(createBytesSource(index))
    const expected = await Promise.all(blocks.map(({ multihash }) => whole.find(multihash)))
    for (let at = 0; at < index.byteLength; at++) {
      const bytes = index.slice()
      bytes[at]! ^= 1 << (at % 8)
      try {
        const view = await openIndex(createBytesSource(bytes))
        const found = await Promise.all(blocks.map(({ multihash }) => view.find(multihash)))
        expect(found).toEqual(expected)
        await collect(view.entries())
        throw new Error(`byte ${at} is under no checksum`)
      } catch (error) {
        expect(error).toMatchObject({ code: 'CARV2_INDEX_DAMAGED', offset: expect.any(Number) })
      }
    }
  })

  it('cannot make an index with a cut trailer forget a block, nor an empty or cut one be taken for an index (dagstore D15)', async () => {
    const standard = bare.byteLength
    for (let end = standard; end < index.byteLength; end += 7) {
      const view = await openIndex(createBytesSource(index.slice(0, end)))
      expect(view.facts.payloadEnd).toBeUndefined()
      for (const { multihash } of blocks) expect((await view.find(multihash)).length).toBeGreaterThan(0)
    }
    for (let end = 0; end < standard; end++) {
      await expect(openIndex(createBytesSource(index.slice(0, end)))).rejects.toBeInstanceOf(CarV2Error)
    }
  })

  it('are found out by a lookup when an index without checksums is not sorted', async () => {
    const view = await openIndex(createBytesSource(damaged['index-unsorted']!))
    const digest = new Uint8Array(34).fill(0x55)
    digest.set([0x12, 0x20])
    await expect((async () => view.find(digest))()).rejects.toMatchObject({ code: 'CARV2_BAD_INDEX' })
  })

  it('cannot ask for more buckets than a program has memory for (dagstore D27)', async () => {
    const bytes = new Uint8Array(6 + 12 * 70_000)
    bytes.set([0x80, 0x08])
    const view = new DataView(bytes.buffer)
    view.setInt32(2, 70_000, true)
    for (let i = 0; i < 70_000; i++) view.setUint32(6 + 12 * i, 8 + i, true)
    await expect(openIndex(slowSource(bytes))).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE', offset: 2 })
  })

  it('cannot make an index of so many kinds of hash that nobody opens it', async () => {
    const kinds = (count: number): Uint8Array => carV1([], Array.from({ length: count }, (_, i) => {
      const code = encodeVarint(i)
      const multihash = Uint8Array.of(...code, 0)
      return { cid: Uint8Array.of(1, 0x55, ...multihash), multihash, data: new Uint8Array(0) }
    }))
    const most = await buildIndex(createBytesSource(kinds(65_536)))
    expect((await openIndex(createBytesSource(concat(most.encode())))).facts.entryCount).toBe(65_536)
    await expect(buildIndex(createBytesSource(kinds(65_537)))).rejects.toMatchObject({ code: 'CARV2_TOO_LARGE' })
  })
})
