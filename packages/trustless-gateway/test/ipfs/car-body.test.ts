import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { DagBlock } from '@dagstore/dag'
import { CarBufferReader } from '@ipld/car/buffer-reader'
import { CarWriter } from '@ipld/car/writer'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { CarBody, type CarSource } from '../../src/ipfs/car-body.ts'
import { carHeader, sectionHead, sectionStart } from '../../src/ipfs/car-bytes.ts'

const cidOf = (n: number, version: 0 | 1 = 1): CID => {
  const digest = create(0x12, new Uint8Array(32).fill(n))
  return version === 0 ? CID.createV0(digest) : CID.createV1(n % 2 === 0 ? 0x55 : 0x0129, digest)
}
const blockOf = (n: number, length: number, version: 0 | 1 = 1): DagBlock => ({ cid: cidOf(n, version), bytes: new Uint8Array(length).fill(n), depth: 0 })

interface Given {
  readonly first?: readonly DagBlock[]
  readonly admit?: CarSource['admit']
  /** Turns of the event loop before the n-th block comes. */
  readonly late?: (n: number) => number
  readonly failure?: unknown
  /** Blocks that come together. */
  readonly together?: number
}

const opened = (blocks: readonly DagBlock[], { first = [], admit = () => {}, late = () => 0, failure, together = 1 }: Given = {}): { readonly body: CarBody, readonly ended: () => boolean } => {
  let ended = false
  const walk = (async function * () {
    try {
      for (let n = 0; n < blocks.length; n += together) {
        for (let turn = late(n); turn > 0; turn--) await new Promise((resolve) => { setImmediate(resolve) })
        yield blocks.slice(n, n + together)
      }
      if (failure !== undefined) throw failure
    } finally {
      ended = true
    }
  })()
  return { body: new CarBody({ root: cidOf(0), first, blocks: walk, admit }), ended: () => ended }
}

/** The same blocks as they come out of a CAR; behind each `every`-th one stands something else. */
const stretchOf = (blocks: readonly DagBlock[], every: number): readonly DagBlock[] => {
  const parts: Uint8Array[] = []
  const ends: number[] = []
  let length = 0
  const add = (part: Uint8Array): void => { parts.push(part); length += part.byteLength }
  for (const [n, { cid, bytes }] of blocks.entries()) {
    add(sectionHead(cid, bytes.byteLength))
    add(bytes)
    ends.push(length)
    if (every > 1 && n % every === 0) add(Uint8Array.of(2, 3))
  }
  const window = joined(parts)
  return blocks.map((block, n) => ({ ...block, bytes: window.subarray(ends[n]! - block.bytes.byteLength, ends[n]) }))
}

const chunksOf = async (body: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return chunks
}
const joined = (chunks: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(chunks))

const byCarWriter = async (blocks: readonly DagBlock[]): Promise<Uint8Array> => {
  const { writer, out } = CarWriter.create([cidOf(0)])
  const written = chunksOf(out)
  for (const block of blocks) void writer.put(block)
  void writer.close()
  return joined(await written)
}

describe('the body of a CAR', () => {
  it('is what @ipld/car writes, whatever the lengths of blocks and however late they come', async () => {
    const lengths = fc.oneof(fc.nat(300), fc.constantFrom(0, 91, 92, 127, 128, 16_347, 16_348, 32_767, 32_768, 65_536, 70_000))
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(lengths, fc.constantFrom(0 as const, 1 as const)), { maxLength: 12 }), fc.nat(3), fc.array(fc.nat(2), { minLength: 1 }), fc.integer({ min: 1, max: 5 }), fc.nat(2), async (shapes, taken, late, together, inMemory) => {
      const made = shapes.map(([length, version], n) => blockOf(n, length, version))
      const blocks = inMemory === 0 ? made : stretchOf(made, inMemory)
      const { body, ended } = opened(blocks.slice(taken), { first: blocks.slice(0, taken), late: (n) => late[n % late.length]!, together })
      const chunks = await chunksOf(body)
      expect(Buffer.compare(joined(chunks), await byCarWriter(blocks))).toBe(0)
      expect(chunks.every(({ byteLength }) => byteLength > 0)).toBe(true)
      expect(ended()).toBe(true)
    }), { seed: 17, numRuns: 60 })
  })

  it('joins small sections up to 64 KiB, and passes large blocks on without a copy', async () => {
    const small = await chunksOf(opened(Array.from({ length: 500 }, (_, n) => blockOf(n % 250, 1000))).body)
    expect(small.length).toBeLessThan(10)
    expect(Math.max(...small.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(65_536)
    expect(CarBufferReader.fromBytes(joined(small)).blocks()).toHaveLength(500)

    const large = [blockOf(1, 40_000), blockOf(2, 10), blockOf(3, 300_000)]
    const chunks = await chunksOf(opened(large).body)
    expect([large[0]!.bytes, large[2]!.bytes].every((bytes) => chunks.some((chunk) => chunk.buffer === bytes.buffer && chunk.byteLength === bytes.byteLength))).toBe(true)
    expect(chunks).toHaveLength(4)
  })

  it('takes a large section as it stands in memory, head and all', async () => {
    const block = blockOf(4, 50_000)
    const head = sectionHead(block.cid, block.bytes.byteLength)
    const window = Uint8Array.from(Buffer.concat([Uint8Array.of(9, 9, 9), head, block.bytes]))
    const bytes = window.subarray(3 + head.byteLength)
    expect(sectionStart(block.cid, bytes)).toBe(3)
    const [, section, ...rest] = await chunksOf(opened([{ ...block, bytes }]).body)
    expect(section?.buffer).toBe(window.buffer)
    expect(joined([section!])).toEqual(joined([head, block.bytes]))
    expect(rest).toEqual([])
    // another CID of the same block stands there
    window[3 + 3] = 0x71
    expect(sectionStart(block.cid, bytes)).toBeUndefined()
    expect(sectionStart(block.cid, window.subarray(3))).toBeUndefined()
    expect(CarBufferReader.fromBytes(joined(await chunksOf(opened([{ ...block, bytes }]).body))).blocks()[0]?.cid.equals(block.cid)).toBe(true)
  })

  it('takes sections that stand behind each other in memory as one chunk, of 256 KiB at most', async () => {
    const blocks = stretchOf(Array.from({ length: 200 }, (_, n) => blockOf(n % 250, 5000)), 1)
    const [header, ...chunks] = await chunksOf(opened(blocks, { together: 50 }).body)
    expect(header?.byteLength).toBe(carHeader(cidOf(0)).byteLength)
    expect(chunks.every(({ buffer }) => buffer === blocks[0]!.bytes.buffer)).toBe(true)
    expect(Math.max(...chunks.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(1 << 18)
    expect(chunks.length).toBeLessThan(10)
  })

  it('goes out as far as it is there, while the next block is waited for', async () => {
    let come = (): void => {}
    const waited = new Promise<void>((resolve) => { come = resolve })
    const blocks = (async function * () {
      yield [blockOf(1, 10)]
      await waited
      yield [blockOf(2, 10)]
    })()
    const body = new CarBody({ root: cidOf(0), first: [], blocks, admit: () => {} })
    const first = await body.next()
    expect(first.value?.byteLength).toBe(carHeader(cidOf(0)).byteLength + sectionHead(cidOf(1), 10).byteLength + 10)
    const second = body.next()
    come()
    expect((await second).value?.byteLength).toBe(sectionHead(cidOf(2), 10).byteLength + 10)
    expect((await body.next()).done).toBe(true)
    expect((await body.next()).done).toBe(true)
  })

  it('fails behind the blocks before the failure, once', async () => {
    const failure = new Error('lost')
    const { body } = opened([blockOf(1, 10), blockOf(2, 40_000), blockOf(3, 10)], { failure })
    const chunks: Uint8Array[] = []
    await expect((async () => { for (let next = await body.next(); next.done !== true; next = await body.next()) chunks.push(next.value) })()).rejects.toBe(failure)
    expect(CarBufferReader.fromBytes(joined(chunks)).blocks()).toHaveLength(3)
    expect((await body.next()).done).toBe(true)
  })

  it('ends before a block that is not admitted, now or later', async () => {
    for (const admit of [(block: DagBlock) => { if (block.cid.equals(cidOf(2))) throw new Error('denied') }, async (block: DagBlock) => { if (block.cid.equals(cidOf(2))) throw new Error('denied') }]) {
      const { body, ended } = opened([blockOf(1, 100), blockOf(2, 40_000), blockOf(3, 1)], { admit })
      const chunks: Uint8Array[] = []
      await expect((async () => { for (let next = await body.next(); next.done !== true; next = await body.next()) chunks.push(next.value) })()).rejects.toThrow('denied')
      expect(CarBufferReader.fromBytes(joined(chunks)).blocks().map(({ cid }) => cid)).toEqual([cidOf(1)])
      await body.return()
      expect(ended()).toBe(true)
    }
  })

  it('ends the walk when it is no longer wanted, also while a block is waited for', async () => {
    const { body, ended } = opened(Array.from({ length: 9 }, (_, n) => blockOf(n, 10)), { late: () => 1 })
    await body.next()
    const next = body.next()
    await body.return()
    expect([ended(), (await body.next()).done, (await next).done]).toEqual([true, true, true])
    await expect(opened([blockOf(1, 1)]).body.throw('why')).rejects.toBe('why')
  })

  it('keeps none of the blocks that it was given at first', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const [body, kept] = ((): [CarBody, WeakRef<DagBlock>] => {
      const block = blockOf(1, 70_000)
      return [opened([blockOf(2, 10)], { first: [block], late: () => 9 }).body, new WeakRef(block)]
    })()
    await body.next()
    await body.next()
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => { setImmediate(resolve) })
    collect()
    expect(kept.deref()).toBeUndefined()
    await body.return()
  })
})

describe('sectionHead', () => {
  it('counts beyond 32 bits', () => {
    const head = sectionHead(cidOf(0), 2 ** 40)
    expect([...head.subarray(0, 6)]).toEqual([0xa4, 0x80, 0x80, 0x80, 0x80, 0x20])
  })
})
