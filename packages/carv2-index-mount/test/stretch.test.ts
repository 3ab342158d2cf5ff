import { type Block, carV1, entriesOf, indexBytes, makeBlock, makeBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { createBytesSource } from '@dagstore/io'
import type { BlockStretch } from '@dagstore/read-blockstore'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { type MountOptions, openIndexMount } from '../src/index.ts'
import { absent, asBlock, broken, cidOf, indexOf, testSource, type TestSource } from './cars.ts'

const coded = (code: string): unknown => expect.objectContaining({ code })
const KIB = 1024
const blocks = makeBlocks(51, 40, { min: 100, max: 300 })
const car = carV1([], blocks)
const identity = { kind: 'version', tag: 'car', sizeBytes: car.byteLength } as const

const mount = async (bytes: Uint8Array = car, options: MountOptions = {}, indexed: Uint8Array = bytes): Promise<{ readonly source: TestSource, readonly mounted: Awaited<ReturnType<typeof openIndexMount>> }> => {
  const from = { ...identity, sizeBytes: bytes.byteLength }
  const source = testSource(bytes, { identity: from })
  const mounted = await openIndexMount({ data: source, index: testSource(await indexOf(indexed, from)) }, { indexTrust: 'use', ...options })
  source.reads.length = 0
  return { source, mounted }
}
const take = (stretch: BlockStretch, block: Block): Uint8Array | undefined => stretch.take(cidOf(block))
const data = (block: Block): Uint8Array => new Uint8Array(block.data)
const other = (block: Block, version: 0 | 1, codec: number): CID => CID.create(version, codec, create(0x12, CID.decode(block.cid).multihash.digest))
const altered = (bytes: Uint8Array, at: number, value?: number): Uint8Array => {
  const out = Uint8Array.from(bytes)
  out[at] = value ?? out[at]! ^ 0xff
  return out
}

describe('a stretch of a CAR', () => {
  it('brings all blocks that follow by one read', async () => {
    const { source, mounted } = await mount()
    const stretch = await mounted.blockstore.stretch(cidOf(blocks[3]!), 1 << 20)
    expect(source.reads).toHaveLength(1)
    expect(stretch.bytes).toEqual(data(blocks[3]!))
    expect(stretch.isSpent).toBe(false)
    for (const block of blocks.slice(4)) expect(take(stretch, block)).toEqual(data(block))
    expect(stretch.isSpent).toBe(true)
    expect(source.reads).toHaveLength(1)
    await mounted.close()
    // memory needs no mount
    expect(stretch.bytes).toEqual(data(blocks[3]!))
  })

  it('reads no more than it was asked for, and nothing behind the last block', async () => {
    const padded = new Uint8Array(car.byteLength + 5000)
    padded.set(car)
    const { source, mounted } = await mount(padded)
    const { sectionOffset } = placedBlocks([], blocks)[30]!
    const rest = await mounted.blockstore.stretch(cidOf(blocks[30]!), 1 << 20)
    expect(source.reads).toEqual([`${sectionOffset}+${car.byteLength - sectionOffset}`])
    for (const block of blocks.slice(31)) expect(take(rest, block)).toEqual(data(block))
    expect(rest.isSpent).toBe(true)
    const short = await mounted.blockstore.stretch(cidOf(blocks[0]!), 1000)
    expect(source.reads[1]).toMatch(/\+1000$/)
    const taken = blocks.slice(1).findIndex((block) => take(short, block) === undefined)
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(9)
    expect(short.isSpent).toBe(true)
  })

  it('passes over four blocks that nobody asks for, and stays where it is when it does not find one', async () => {
    const { mounted: { blockstore } } = await mount()
    const stretch = await blockstore.stretch(cidOf(blocks[0]!), 1 << 20)
    expect(take(stretch, blocks[6]!)).toBeUndefined()
    expect(stretch.take(absent)).toBeUndefined()
    expect(stretch.isSpent).toBe(false)
    expect(take(stretch, blocks[5]!)).toEqual(data(blocks[5]!))
    expect(take(stretch, blocks[4]!)).toBeUndefined()
    expect(take(stretch, blocks[6]!)).toEqual(data(blocks[6]!))
  })

  it('reads a long block alone', async () => {
    const long = [makeBlock(new Uint8Array(40 * KIB).fill(1)), ...blocks]
    const { source, mounted: { blockstore } } = await mount(carV1([], long))
    const stretch = await blockstore.stretch(cidOf(long[0]!), 1 << 16)
    expect(source.reads).toEqual([`${placedBlocks([], long)[0]!.sectionOffset}+${40 * KIB + 36 + 3}`])
    expect(stretch.bytes).toEqual(data(long[0]!))
    expect(stretch.isSpent).toBe(true)
    expect(take(stretch, long[1]!)).toBeUndefined()
  })

  it('knows blocks by any CID of their multihash, or by theirs alone with wholeCid', async () => {
    const [a, b, c] = [1, 2, 3].map((n) => makeBlock(Uint8Array.of(n)))
    const stored = [a!, b!, c!].map((block, n) => asBlock({ cid: other(block, n === 1 ? 0 : 1, 0x70), bytes: block.data }))
    const bytes = carV1([], stored)
    const asked = [other(a!, 0, 0x70), other(b!, 1, 0x55), other(c!, 1, 0x0129)]
    const { mounted } = await mount(bytes)
    const stretch = await mounted.blockstore.stretch(asked[0]!, 1 << 16)
    expect([stretch.bytes, stretch.take(asked[1]!), stretch.take(asked[2]!)]).toEqual([1, 2, 3].map((n) => Uint8Array.of(n)))
    const { mounted: strict } = await mount(bytes, { wholeCid: true })
    await expect(strict.blockstore.stretch(asked[0]!, 1 << 16)).rejects.toEqual(coded('BLOCKSTORE_NOT_FOUND'))
    const whole = await strict.blockstore.stretch(cidOf(stored[0]!), 1 << 16)
    expect([whole.take(asked[1]!), whole.take(cidOf(stored[1]!)), whole.take(asked[2]!), whole.take(cidOf(stored[2]!))]).toEqual([undefined, Uint8Array.of(2), undefined, Uint8Array.of(3)])
  })

  it('does not give a damaged block, whose own error the store tells, and goes on behind it', async () => {
    const at = placedBlocks([], blocks)
    const bad = at[5]!
    const { mounted: { blockstore } } = await mount(altered(car, bad.sectionOffset + bad.headBytes + 10), {}, car)
    const stretch = await blockstore.stretch(cidOf(blocks[4]!), 1 << 20)
    expect(take(stretch, blocks[5]!)).toBeUndefined()
    expect(take(stretch, blocks[6]!)).toEqual(data(blocks[6]!))
    await expect(blockstore.stretch(cidOf(blocks[5]!), 1 << 20)).rejects.toEqual(coded('BLOCKSTORE_HASH_MISMATCH'))
  })

  it('ends at a length that is none, too long, or written in more bytes than it takes', async () => {
    const { sectionOffset: at, headBytes } = placedBlocks([], blocks)[5]!
    const length = headBytes - 2 + blocks[5]!.data.byteLength
    expect(length).toBeGreaterThan(127)
    const wide = new Uint8Array(Buffer.concat([car.subarray(0, at), Uint8Array.of(length & 0x7f | 0x80, length >> 7 | 0x80, 0), car.subarray(at + 2, -1)]))
    for (const damage of [altered(car, at, 0), wide, altered(car, at + 1, 0x7f)]) {
      const { mounted: { blockstore } } = await mount(damage, {}, car)
      const stretch = await blockstore.stretch(cidOf(blocks[3]!), 1 << 20)
      expect(take(stretch, blocks[4]!)).toEqual(data(blocks[4]!))
      expect(take(stretch, blocks[5]!)).toBeUndefined()
      expect(stretch.isSpent).toBe(true)
    }
    const { mounted: { blockstore } } = await mount(car, { maxSectionBytes: 200 })
    const short = blocks.findIndex((block, n) => block.data.byteLength < 150 && blocks[n + 1]!.data.byteLength > 200)
    const stretch = await blockstore.stretch(cidOf(blocks[short]!), 1 << 20)
    expect(take(stretch, blocks[short + 1]!)).toBeUndefined()
    await expect(blockstore.stretch(cidOf(blocks[short + 1]!), 1 << 20)).rejects.toEqual(coded('BLOCKSTORE_TOO_LARGE'))
  })

  it('tells what bytes would: absence, failures, aborts, and that the store is closed', async () => {
    const { source, mounted } = await mount()
    const { blockstore } = mounted
    const cid = cidOf(blocks[0]!)
    // whatever the source makes of a signal
    const { read } = source
    source.read = (at, length) => read(at, length)
    await expect(blockstore.stretch(absent, 1000)).rejects.toEqual(coded('BLOCKSTORE_NOT_FOUND'))
    const reason = new Error('enough')
    await expect(blockstore.stretch(cid, 1000, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    source.failure = broken
    await expect(blockstore.stretch(cid, 1000)).rejects.toEqual(coded('BLOCKSTORE_UNREADABLE'))
    source.failure = undefined
    for (const end of ['abort', 'close'] as const) {
      let go = (): void => {}
      source.pause = new Promise((resolve) => { go = resolve })
      const controller = new AbortController()
      const reading = blockstore.stretch(cid, 1000, { signal: controller.signal })
      const settled = reading.then(({ bytes }) => bytes, (error: unknown) => error)
      await new Promise((resolve) => { setImmediate(resolve) })
      if (end === 'abort') controller.abort(reason)
      const closed = end === 'close' ? mounted.close() : undefined
      go()
      // what is under way when the store is closed is finished
      expect(await settled).toEqual(end === 'abort' ? reason : data(blocks[0]!))
      await closed
    }
    await expect(blockstore.stretch(cid, 1000)).rejects.toEqual(coded('BLOCKSTORE_CLOSED'))
  })

  it('is not cut off by a close where another way has to be taken', async () => {
    const { source, mounted } = await mount(altered(car, placedBlocks([], blocks)[0]!.sectionOffset + 60), {}, car)
    const reading = mounted.blockstore.stretch(cidOf(blocks[0]!), 1000)
    const told = expect(reading).rejects.toEqual(coded('BLOCKSTORE_HASH_MISMATCH'))
    const closed = mounted.close()
    await told
    await closed
    expect(source.closes).toBe(1)
  })

  it('is one block where an index tells no lengths, or a CID is its own block', async () => {
    const index = indexBytes(0x0401, entriesOf(placedBlocks([], blocks)))
    const plain = await openIndexMount({ data: createBytesSource(car), index: createBytesSource(index) }, { indexTrust: 'use' })
    expect((await plain.blockstore.stretch(cidOf(blocks[1]!), 1 << 20)).bytes).toEqual(data(blocks[1]!))
    const inline = CID.createV1(0x55, create(0, Uint8Array.of(1, 2, 3)))
    const stretch = await plain.blockstore.stretch(inline, 1 << 20)
    expect([stretch.bytes, stretch.isSpent, stretch.take(cidOf(blocks[0]!))]).toEqual([Uint8Array.of(1, 2, 3), true, undefined])
  })

  it('gives right blocks only, whatever is damaged and whatever is asked for', async () => {
    const few = blocks.slice(0, 12)
    const small = carV1([], few)
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 18, max: small.byteLength - 1 }), fc.nat(255)), { maxLength: 4 }), fc.array(fc.nat(11), { minLength: 1, maxLength: 30 }), fc.constantFrom(1, 500, 1 << 16), fc.boolean(), async (damages, order, maxBytes, wholeCid) => {
      let bytes = small
      for (const [at, value] of damages) bytes = altered(bytes, at, value)
      const { mounted } = await mount(bytes, { wholeCid }, small)
      let stretch: BlockStretch | undefined
      for (const n of order) {
        const block = few[n]!
        const taken = stretch === undefined ? undefined : take(stretch, block)
        if (taken !== undefined) {
          expect(taken).toEqual(data(block))
          continue
        }
        const alone = await mounted.blockstore.bytes(cidOf(block)).catch((error: { code: string }) => error.code)
        const read = await mounted.blockstore.stretch(cidOf(block), maxBytes).catch((error: { code: string }) => error.code)
        expect(typeof read === 'string' ? read : read.bytes).toEqual(alone)
        if (typeof alone !== 'string') expect(alone).toEqual(data(block))
        if (typeof read !== 'string') stretch = read
      }
      await mounted.close()
    }), { numRuns: 150, seed: 61 })
  })
})
