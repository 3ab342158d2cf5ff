import { carV1, carV2, mixedBlocks } from '@dagstore-tooling/fixtures'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { readLayout, scanSections, scanStream } from '../src/index.ts'
import { concat, scanAll } from './support.ts'

const blocks = mixedBlocks(84)
const car = carV1([blocks[0]!.cid], blocks)

/** Gives its first bytes and then nothing more; knows whether it was cancelled. */
const stalled = (first: Uint8Array): { stream: ReadableStream<Uint8Array>, cancelled: () => number } => {
  let cancelled = 0
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => { controller.enqueue(first) },
    cancel: () => { cancelled++ },
  })
  return { stream, cancelled: () => cancelled }
}

describe('a stream that is scanned', () => {
  it('is let go when its sections are left before the first one was asked for', async () => {
    const { stream, cancelled } = stalled(car)
    const { layout, sections } = await scanStream(stream)
    expect(layout.roots).toHaveLength(1)
    await sections.return({ payloadEnd: 0, paddingBytes: 0 })
    expect(cancelled()).toBe(1)
    expect(stream.locked).toBe(false)
  })

  it('is cancelled by the signal although an answer is awaited, when it is a web stream', async () => {
    for (const length of [car.byteLength - 1, 10]) {
      const { stream, cancelled } = stalled(car.slice(0, length))
      const stop = new AbortController()
      const reason = new Error('enough')
      const scan = (async () => scanAll((await scanStream(stream, { signal: stop.signal })).sections))()
      await new Promise((resolve) => { setImmediate(resolve) })
      stop.abort(reason)
      await expect(scan).rejects.toBe(reason)
      expect(cancelled()).toBe(1)
    }
  })

  it.each([1, 3, 1000])('ends where its payload does, whatever follows in the same chunk: a varint that is cut there, in chunks of %d', async (length) => {
    const bytes = concat([carV2({ roots: [], blocks, index: 'none' }), Uint8Array.of(0x80, 0x00, 0x12)])
    // one byte of the three belongs to the payload
    new DataView(bytes.buffer).setBigUint64(35, BigInt(bytes.byteLength - 51 - 2), true)
    const source = createBytesSource(bytes)
    const torn = { code: 'CARV2_TRUNCATED', offset: bytes.byteLength - 3 }
    await expect((async () => scanAll(scanSections(source, await readLayout(source))))()).rejects.toMatchObject(torn)
    const chunks = async function * (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.byteLength; at += length) yield bytes.slice(at, at + length)
    }
    await expect((async () => scanAll((await scanStream(chunks())).sections))()).rejects.toMatchObject(torn)
  })

  it('says where a CARv1 header is cut by the payload of a CARv2 as the file does', async () => {
    const bytes = carV2({ roots: [], blocks, index: 'none' })
    bytes[51] = 0x80
    new DataView(bytes.buffer).setBigUint64(35, 1n, true)
    const torn = { code: 'CARV2_TRUNCATED', offset: 52 }
    await expect(readLayout(createBytesSource(bytes))).rejects.toMatchObject(torn)
    await expect(scanStream((async function * () { yield bytes })())).rejects.toMatchObject(torn)
  })
})
