import { carV1, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import type { CallOptions, FillingSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { buildIndex, inspectCar, readLayout, scanSections } from '../src/index.ts'
import { concat, plainBlocks, scanAll, slowSource } from './support.ts'

const blocks = [...plainBlocks(10, 250_000), ...plainBlocks(900, 2000), makeBlock(new Uint8Array(3_000_000)), ...makeBlocks(32, 300, { min: 1, max: 900 }), ...plainBlocks(9, 1 << 20)]
const car = carV1([], blocks, { paddingBytes: 1000 })

/** Writes rubbish into what it is given before it fills it, and refuses memory that it is filling already. */
const fillingSource = (bytes: Uint8Array): FillingSource & { readonly memory: Set<ArrayBufferLike>, readonly fills: () => number } => {
  const memory = new Set<ArrayBufferLike>()
  const busy = new Set<ArrayBufferLike>()
  let fills = 0
  const readInto = async (at: number, into: Uint8Array, { signal }: CallOptions = {}): Promise<number> => {
    signal?.throwIfAborted()
    if (busy.has(into.buffer)) throw new Error('two reads into one memory')
    fills++
    memory.add(into.buffer)
    busy.add(into.buffer)
    into.fill(0xee)
    await new Promise((resolve) => { setImmediate(resolve) })
    const part = bytes.subarray(at, at + into.byteLength)
    into.set(part)
    busy.delete(into.buffer)
    return part.byteLength
  }
  return { ...slowSource(bytes), readInto, memory, fills: () => fills }
}

describe('reading ahead into memory that is used again', () => {
  it('gives the sections that are there, in memory of their own, from a few windows', async () => {
    const source = fillingSource(car)
    const { sections, end } = await scanAll(scanSections(source, await readLayout(source), { data: true }))
    expect(end).toEqual({ payloadEnd: car.byteLength - 1000, paddingBytes: 1000 })
    expect(sections.map(({ cid }) => Buffer.from(cid).toString('hex'))).toEqual(blocks.map(({ cid }) => Buffer.from(cid).toString('hex')))
    expect(Buffer.compare(concat(sections.map(({ data }) => data!)), concat(blocks.map(({ data }) => data)))).toBe(0)
    expect(source.fills()).toBeGreaterThan(15)
    expect(source.memory.size).toBeLessThanOrEqual(4)
  })

  it('indexes and hashes what is there', async () => {
    const plain = slowSource(car)
    const source = fillingSource(car)
    expect(Buffer.compare(concat((await buildIndex(source)).encode()), concat((await buildIndex(plain)).encode()))).toBe(0)
    const options = { hashes: createHashes() }
    expect(await inspectCar(source, options)).toEqual(await inspectCar(plain, options))
  })

  it('rejects when a source fills less than it has', async () => {
    const source = { ...slowSource(car), readInto: async () => 0 }
    await expect(inspectCar(source, { hashes: createHashes() })).rejects.toMatchObject({ code: 'IO_TRUNCATED' })
  })

  it('stops at the signal though the source does not answer any more', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    const source = { ...slowSource(car), readInto: () => new Promise<number>(() => {}) }
    const work = inspectCar(source, { hashes: createHashes(), signal: stop.signal })
    setImmediate(() => { stop.abort(reason) })
    await expect(work).rejects.toBe(reason)
  })
})
