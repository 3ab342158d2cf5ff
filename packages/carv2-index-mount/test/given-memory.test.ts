import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { type CallbackSource, createBytesSource, type FillingSource } from '@dagstore/io'
import type { BlockMemory } from '@dagstore/read-blockstore'
import { expect, describe, it } from 'vitest'
import { openIndexMount } from '../src/index.ts'
import { cidOf, indexOf, testSource } from './cars.ts'

const blocks = makeBlocks(51, 6, { min: 70_000, max: 90_000 })
const short = makeBlocks(52, 1, { min: 300, max: 300 })
const car = carV1([], [...blocks, ...short])

const memoryOf = (): BlockMemory & { readonly taken: Uint8Array[] } => {
  const taken: Uint8Array[] = []
  return {
    taken,
    minBytes: 1 << 16,
    take: (length) => {
      const bytes = new Uint8Array(length).fill(0xee)
      taken.push(bytes)
      return bytes
    },
  }
}
const opened = async (bytes: Uint8Array, fills: boolean): Promise<Awaited<ReturnType<typeof openIndexMount>>['blockstore']> => {
  const { readInto: _, ...source } = testSource(bytes) as ReturnType<typeof testSource> & Partial<FillingSource>
  const inner = createBytesSource(bytes)
  const file: FillingSource & CallbackSource = { ...source, readThen: (at, length, done) => { inner.read(at, length).then((read) => { done(undefined, read) }, (error: unknown) => { done(error, undefined) }) }, readInto: async (at, into) => {
    into.set(await inner.read(at, Math.min(into.byteLength, bytes.byteLength - at)))
    return Math.min(into.byteLength, bytes.byteLength - at)
  } }
  return (await openIndexMount({ data: fills ? file : source, index: testSource(await indexOf(car)) }, { indexTrust: 'use' })).blockstore
}

describe('memory that is given', () => {
  it('takes long blocks, with their heads before them, and no others', async () => {
    const store = await opened(car, true)
    const memory = memoryOf()
    for (const block of [...blocks, ...short]) expect(Buffer.compare(await store.bytes(cidOf(block), { memory }), block.data)).toBe(0)
    expect(memory.taken).toHaveLength(blocks.length)
    const [first] = memory.taken
    const data = await store.bytes(cidOf(blocks[1]!), { memory })
    expect(data.buffer).toBe(memory.taken.at(-1)?.buffer)
    expect(first?.subarray(first.byteLength - blocks[0]!.data.byteLength)).toEqual(new Uint8Array(blocks[0]!.data))
    expect((await store.bytes(cidOf(blocks[1]!))).buffer).not.toBe(data.buffer)
  })

  it('holds nothing that is given out when what was read is not the block', async () => {
    const damaged = car.slice()
    damaged[car.byteLength - 20_000] = damaged[car.byteLength - 20_000]! ^ 1
    const store = await opened(damaged, true)
    const memory = memoryOf()
    await expect(store.bytes(cidOf(blocks.at(-1)!), { memory })).rejects.toMatchObject({ code: 'BLOCKSTORE_HASH_MISMATCH' })
    expect(memory.taken).toHaveLength(1)
  })

  it('is left alone by a source that reads into memory of its own alone', async () => {
    const store = await opened(car, false)
    const memory = memoryOf()
    expect(Buffer.compare(await store.bytes(cidOf(blocks[0]!), { memory }), blocks[0]!.data)).toBe(0)
    expect(memory.taken).toEqual([])
  })
})
