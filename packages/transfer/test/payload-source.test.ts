import { describe, expect, it } from 'vitest'
import { payloadSource } from '../src/index.ts'
import { bytesOf, MemoryStore, randomDag } from './dags.ts'

const RAW = 0x55
const SEEDS = [1, 2, 3, 4]

describe('a source', () => {
  it.each(SEEDS)('gives the bytes of the payload form from any place to any other; seed=%i', async (seed) => {
    const { store, root, payload } = await randomDag(seed)
    for (const lookAhead of [0, 3]) {
      const source = await payloadSource(store, root, { lookAhead })
      expect(source.sizeBytes).toBe(payload.byteLength)
      for (let from = 0; from <= payload.byteLength; from += 7) {
        const to = Math.min(payload.byteLength, from + 1 + (from * 31) % payload.byteLength)
        expect(Buffer.compare(await bytesOf(source.stream(from, { to })), payload.subarray(from, to))).toBe(0)
      }
    }
  })

  it('gives chunks that end where sections do', async () => {
    const { store, root, ends } = await randomDag(5, 20, 60_000)
    const source = await payloadSource(store, root)
    const seen: number[] = []
    let at = 0
    for await (const chunk of source.stream(0)) seen.push(at += chunk.byteLength)
    expect(seen.length).toBeGreaterThan(5)
    expect(seen.filter((end) => !ends.includes(end))).toEqual([])
  })

  it('reads no leaf that is before the place, and none to count the bytes', async () => {
    const { store, root, payload, ends } = await randomDag(6, 20)
    const isLeaf = (name: string): boolean => name.startsWith('bafkrei')
    const source = await payloadSource(store, root)
    expect(store.reads.filter(isLeaf)).toEqual([])
    const from = ends.at(-2)!
    expect(Buffer.compare(await bytesOf(source.stream(from)), payload.subarray(from))).toBe(0)
    expect(store.reads.filter(isLeaf).length).toBeLessThan(2)
  })

  it('has a tag that may be given, and names root and size otherwise', async () => {
    const { store, root, payload } = await randomDag(7)
    expect((await payloadSource(store, root)).tag).toBe(`${root.toString()}-${payload.byteLength}`)
    expect((await payloadSource(store, root, { tag: 'baga', sizeBytes: payload.byteLength })).tag).toBe('baga')
    await expect(payloadSource(store, root, { tag: 'two words' })).rejects.toBeInstanceOf(TypeError)
  })

  it('fails when a block is gone, is another, or the length is not what was said', async () => {
    const { store, root, payload } = await randomDag(8)
    const broken = new MemoryStore()
    for (const [cid, bytes] of store.blocks) broken.blocks.set(cid, bytes)
    const leaf = [...store.blocks.keys()].find((name) => name.startsWith('bafkrei') && broken.blocks.get(name)!.byteLength > 3)!
    const sizeBytes = payload.byteLength
    const source = await payloadSource(broken, root, { sizeBytes })
    broken.blocks.set(leaf, broken.blocks.get(leaf)!.map((byte) => byte ^ 1))
    await expect(bytesOf(source.stream(0))).rejects.toMatchObject({ code: 'TRANSFER_SOURCE_FAILED', retry: 'never' })
    broken.blocks.delete(leaf)
    await expect(bytesOf(source.stream(0))).rejects.toMatchObject({ code: 'TRANSFER_SOURCE_FAILED' })
    await expect(payloadSource(broken, root)).rejects.toMatchObject({ code: 'TRANSFER_SOURCE_FAILED' })
    for (const said of [sizeBytes - 1, sizeBytes + 1]) {
      const lying = await payloadSource(store, root, { sizeBytes: said })
      await expect(bytesOf(lying.stream(0))).rejects.toMatchObject({ code: 'TRANSFER_SOURCE_FAILED' })
    }
    expect(() => source.stream(sizeBytes + 1)).toThrow(RangeError)
    expect(() => source.stream(-1)).toThrow(RangeError)
  })

  it('gives the reason of an abort, and leaves nothing under way when it is left', async () => {
    const { store, root } = await randomDag(9)
    const source = await payloadSource(store, root)
    const aborting = new AbortController()
    const reason = new Error('no more')
    aborting.abort(reason)
    await expect(bytesOf(source.stream(0, { signal: aborting.signal }))).rejects.toBe(reason)
    await expect(payloadSource(store, root, { signal: aborting.signal })).rejects.toBe(reason)
    for await (const chunk of source.stream(0)) {
      expect(chunk.byteLength).toBeGreaterThan(0)
      break
    }
    const reads = store.reads.length
    await Promise.resolve()
    expect(store.reads.length).toBe(reads)
  })

  it('sends a DAG of one block', async () => {
    const store = new MemoryStore()
    const root = store.add(RAW, Uint8Array.of(1))
    const source = await payloadSource(store, root)
    expect((await bytesOf(source.stream(0))).byteLength).toBe(source.sizeBytes)
  })
})
