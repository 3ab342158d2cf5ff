import { describe, expect, it } from 'vitest'
import { borrowChunks, type ByteSource, createBytesSource, type FillingSource } from '../src/index.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, at) => at * 7)

describe('borrowChunks', () => {
  it.each([1, 7, 100, 999, 1000, 5000])('gives the bytes in order, in chunks of %i', async (chunkBytes) => {
    const found: number[] = []
    for await (const chunk of borrowChunks(createBytesSource(bytes), 3, 900, { chunkBytes })) {
      expect(chunk.byteLength).toBe(Math.min(chunkBytes, 897 - found.length))
      found.push(...chunk)
    }
    expect(Uint8Array.from(found)).toEqual(bytes.slice(3, 900))
  })

  it('uses two pieces of memory, and writes to none that the consumer has', async () => {
    const source = createBytesSource(bytes)
    const memories = new Set<ArrayBufferLike>()
    let lent: ArrayBufferLike | undefined
    const watched: FillingSource = {
      ...source,
      readInto: (at, into, options) => {
        expect(into.buffer).not.toBe(lent)
        return source.readInto(at, into, options)
      },
    }
    let at = 0
    for await (const chunk of borrowChunks(watched, 0, 1000, { chunkBytes: 64 })) {
      lent = chunk.buffer
      memories.add(chunk.buffer)
      await new Promise((resolve) => { setImmediate(resolve) })
      expect(chunk).toEqual(bytes.slice(at, at + chunk.byteLength))
      at += chunk.byteLength
      lent = undefined
    }
    expect(at).toBe(1000)
    expect(memories.size).toBe(2)
  })

  it('gives nothing of nothing, and refuses ranges and lengths that are none', async () => {
    const all = async (source: ByteSource & FillingSource, from: number, to: number, chunkBytes?: number): Promise<number> => {
      let count = 0
      for await (const _ of borrowChunks(source, from, to, chunkBytes === undefined ? {} : { chunkBytes })) count++
      return count
    }
    const source = createBytesSource(bytes)
    expect(await all(source, 5, 5)).toBe(0)
    await expect(all(source, 0, 1001)).rejects.toEqual(expect.objectContaining({ code: 'IO_OUT_OF_RANGE' }))
    await expect(all(source, 0, 10, 0)).rejects.toBeInstanceOf(RangeError)
  })
})
