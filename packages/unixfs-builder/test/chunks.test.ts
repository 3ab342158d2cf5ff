import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { rechunk } from '../src/chunks.ts'

const random = seededRandom('chunks')

const collect = async (parts: Iterable<Uint8Array>, chunkBytes: number): Promise<Uint8Array[]> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of rechunk(parts, chunkBytes)) chunks.push(chunk)
  return chunks
}

describe('rechunk', () => {
  it.each([1, 2, 7, 64, 1000, 4096])('cuts any parts into chunks of %i bytes and a rest', async (chunkBytes) => {
    for (let run = 0; run < 20; run++) {
      const content = random.bytes(random.int(5000))
      const parts: Uint8Array[] = []
      for (let at = 0; at < content.byteLength;) {
        const length = random.pick([0, 1, chunkBytes, random.int(3000)])
        parts.push(content.subarray(at, at + length))
        at += length
      }
      const chunks = await collect(parts, chunkBytes)
      expect(chunks.slice(0, -1).every(({ byteLength }) => byteLength === chunkBytes)).toBe(true)
      expect(chunks).toHaveLength(Math.ceil(content.byteLength / chunkBytes))
      expect(Buffer.compare(Buffer.concat(chunks), content)).toBe(0)
    }
  })
  it('gives each chunk memory of its own, no longer than it is', async () => {
    const part = random.bytes(100)
    for (const chunk of await collect([part, part, part], 70)) {
      expect(chunk.buffer).not.toBe(part.buffer)
      expect(chunk.buffer.byteLength).toBe(chunk.byteLength)
    }
  })
  it('passes on parts that belong to it and are chunks as they are, and copies all others', async () => {
    const [whole, view, short] = [random.bytes(70), random.bytes(140).subarray(0, 70), random.bytes(20)]
    const chunks: Uint8Array[] = []
    for await (const chunk of rechunk([whole, view, short, whole, whole.slice(50)], 70, { owned: true })) chunks.push(chunk)
    expect(chunks.map(({ byteLength }) => byteLength)).toEqual([70, 70, 70, 40])
    expect(chunks[0]).toBe(whole)
    expect(Buffer.compare(Buffer.concat(chunks), Buffer.concat([whole, view, short, whole, whole.slice(50)]))).toBe(0)
    for (const chunk of chunks.slice(1)) expect([whole.buffer, view.buffer, short.buffer]).not.toContain(chunk.buffer)
    expect((await collect([whole], 70))[0]).not.toBe(whole)
  })
  it('rejects at once with the reason of an abort while its source lets wait', async () => {
    const reason = new Error('enough')
    const control = new AbortController()
    const source = async function * (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10)
      await new Promise(() => { control.abort(reason) })
    }
    const chunks = rechunk(source(), 10, { signal: control.signal })
    await chunks.next()
    await expect(chunks.next()).rejects.toBe(reason)
  })
  it('has no chunk for no bytes', async () => {
    expect(await collect([], 10)).toEqual([])
    expect(await collect([new Uint8Array(0)], 10)).toEqual([])
  })
  it('takes no more from its source than the chunk at hand needs', async () => {
    let given = 0
    const parts = function * (): Generator<Uint8Array> {
      for (;;) {
        given++
        yield new Uint8Array(10)
      }
    }
    const chunks = rechunk(parts(), 30)
    await chunks.next()
    expect(given).toBe(3)
    await chunks.return()
    expect(given).toBe(3)
  })
})
