import { carV1, makeBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { readLayout } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { openIndexMount, type MountOptions } from '../src/index.ts'
import { absent, all, broken, cidOf, indexOf, testSource, type TestSource } from './cars.ts'

const coded = (code: string): unknown => expect.objectContaining({ code })
const KIB = 1024
const blocks = makeBlocks(41, 3000, { min: KIB, max: KIB })
const car = carV1([blocks[0]!.cid], blocks)
const placed = placedBlocks([blocks[0]!.cid], blocks)
const identity = { kind: 'version', tag: 'car', sizeBytes: car.byteLength } as const

const mount = async (options: MountOptions = {}, bytes = car): Promise<{ readonly source: TestSource, readonly index: TestSource, readonly blockstore: Awaited<ReturnType<typeof openIndexMount>>['blockstore'] }> => {
  const source = testSource(bytes, { identity, kind: 'remote' })
  const index = testSource(await indexOf(car, identity))
  const { blockstore } = await openIndexMount({ data: source, index }, { readAheadBytes: 1 << 20, layout: await readLayout(createBytesSource(car)), ...options })
  index.reads.length = 0
  return { source, index, blockstore }
}
const lengths = ({ reads }: TestSource): number[] => reads.map((read) => Number(read.split('+')[1]))
const sectionBytes = placed[0]!.headBytes + KIB

describe('readAheadBytes', () => {
  it('brings a CAR that is walked in its order by few reads, that grow, and without the index', async () => {
    const { source, index, blockstore } = await mount()
    expect(source.reads).toEqual([])
    for (const block of blocks) expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    const read = lengths(source)
    expect(read.slice(0, 4)).toEqual([sectionBytes, 1 << 16, 1 << 18, 1 << 20])
    expect(read.length).toBeLessThanOrEqual(7)
    expect(index.reads.length).toBeLessThan(10)
  })

  it('brings it by as few for many that ask at once', async () => {
    const { source, blockstore } = await mount()
    const found = await all(blockstore.getMany(blocks.map(cidOf)))
    expect(found.map(({ cid }) => cid.toString())).toEqual(blocks.map((block) => cidOf(block).toString()))
    expect(source.reads.length).toBeLessThanOrEqual(7)
  })

  it.each([{ readAheadBytes: 1 << 17, most: 80 }, { readAheadBytes: 1 << 20, most: 12 }])('reads no byte of a walk twice, with blocks up to 300 KiB and $readAheadBytes bytes at a time', async ({ readAheadBytes, most }) => {
    const large = makeBlocks(42, 40, { min: 90 * KIB, max: 300 * KIB })
    const bytes = carV1([], large)
    const source = testSource(bytes, { kind: 'remote' })
    const { blockstore } = await openIndexMount({ data: source, index: testSource(await indexOf(bytes, source.identity)) }, { readAheadBytes })
    source.reads.length = 0
    for (const block of large) expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    expect(lengths(source).reduce((sum, length) => sum + length, 0)).toBe(bytes.byteLength - placedBlocks([], large)[0]!.sectionOffset)
    expect(source.reads.length).toBeLessThanOrEqual(most)
  })

  it('reads blocks alone that lie here and there', async () => {
    const { source, blockstore } = await mount()
    const some = [2500, 100, 1700, 60, 2900, 900].map((at) => blocks[at]!)
    for (const block of some) expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    expect(lengths(source)).toEqual(some.map(() => sectionBytes))
  })

  it('asks the index again where the order ends, and goes on from there', async () => {
    const { source, blockstore } = await mount()
    for (const block of [...blocks.slice(0, 200), ...blocks.slice(2700, 2900)]) expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    expect(source.reads.length).toBeLessThan(10)
    expect(lengths(source).filter((length) => length === sectionBytes)).toHaveLength(2)
  })

  it('holds twice as much as it reads at once, and gives memory that belongs to the caller', async () => {
    const { source, blockstore } = await mount({ readAheadBytes: 1 << 16 })
    const first = await blockstore.bytes(cidOf(blocks[1]!))
    first.fill(0)
    for (const block of blocks.slice(0, 1000)) expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    const before = source.reads.length
    expect(await blockstore.bytes(cidOf(blocks[990]!))).toEqual(new Uint8Array(blocks[990]!.data))
    expect(source.reads.length).toBe(before)
    expect(await blockstore.bytes(cidOf(blocks[500]!))).toEqual(new Uint8Array(blocks[500]!.data))
    // one where the order would have gone on, and one where the block lies
    expect(source.reads.length).toBe(before + 2)
  })

  it('says what is wrong with a block that came along, and what is not there', async () => {
    const hurt = car.slice()
    hurt[placed[50]!.sectionOffset + placed[50]!.headBytes]! ^= 1
    const { blockstore } = await mount({}, hurt)
    for (const block of blocks.slice(0, 50)) await blockstore.bytes(cidOf(block))
    await expect(blockstore.bytes(cidOf(blocks[50]!))).rejects.toEqual(coded('BLOCKSTORE_HASH_MISMATCH'))
    await expect(blockstore.bytes(absent)).rejects.toEqual(coded('BLOCKSTORE_NOT_FOUND'))
    expect(await blockstore.bytes(cidOf(blocks[51]!))).toEqual(new Uint8Array(blocks[51]!.data))
  })

  it('is stopped by a length of a section that is none, and reads what the index says', async () => {
    const hurt = car.slice()
    hurt.fill(0xff, placed[50]!.sectionOffset, placed[50]!.sectionOffset + 9)
    const { blockstore } = await mount({}, hurt)
    for (const block of [...blocks.slice(0, 50), ...blocks.slice(51, 200)]) expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
    await expect(blockstore.bytes(cidOf(blocks[50]!))).rejects.toEqual(coded('BLOCKSTORE_UNREADABLE'))
  })

  it('lets one who aborts leave at once, and serves the others', async () => {
    const { source, blockstore } = await mount()
    await blockstore.bytes(cidOf(blocks[0]!))
    let go = (): void => {}
    source.pause = new Promise((resolve) => { go = resolve })
    const leaving = new AbortController()
    const [first, second, third] = [
      blockstore.bytes(cidOf(blocks[1]!)), blockstore.bytes(cidOf(blocks[2]!), { signal: leaving.signal }), blockstore.bytes(cidOf(blocks[3]!)),
    ]
    leaving.abort(new Error('left'))
    await expect(second).rejects.toBe(leaving.signal.reason)
    go()
    expect(await Promise.all([first, third])).toEqual([1, 3].map((at) => new Uint8Array(blocks[at]!.data)))
  })

  it('tells of bytes that cannot be read, and reads on when they can be again', async () => {
    const { source, blockstore } = await mount()
    for (const block of blocks.slice(0, 10)) await blockstore.bytes(cidOf(block))
    source.failure = broken
    await expect(blockstore.bytes(cidOf(blocks[2000]!))).rejects.toEqual(expect.objectContaining({ code: 'BLOCKSTORE_UNREADABLE', cause: broken }))
    source.failure = undefined
    expect(await blockstore.bytes(cidOf(blocks[2000]!))).toEqual(new Uint8Array(blocks[2000]!.data))
  })

  it('is a whole number from 0', async () => {
    for (const readAheadBytes of [-1, 0.5, NaN]) await expect(openIndexMount({ data: createBytesSource(car) }, { readAheadBytes })).rejects.toThrow(RangeError)
  })
})
