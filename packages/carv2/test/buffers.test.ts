import { carV1, carV2, mixedBlocks } from '@dagstore-tooling/fixtures'
import { createHashes } from '@dagstore/hashes'
import type { ByteSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { buildIndex, decodeHeader, HEADER_BYTES, openIndex, PRAGMA_BYTES, readLayout, scanSections, scanStream, type Section } from '../src/index.ts'
import { collect, concat, slowSource } from './support.ts'

const blocks = mixedBlocks(31)
const roots = [blocks[0]!.cid]
const bytes = carV2({ roots, blocks })

/** Gives Buffers, of which `slice` gives views: from `memory` itself what is at hand, and copies by reading. */
const buffers = (memory: Uint8Array, atHand: boolean): ByteSource => ({
  ...slowSource(memory),
  read: async (at, length) => Buffer.from(memory.subarray(at, at + length)),
  peek: (at, length) => atHand ? Buffer.from(memory.buffer, memory.byteOffset + at, length) : undefined,
})
const own = (part: Uint8Array): boolean => part.constructor === Uint8Array && part.byteLength === part.buffer.byteLength
const hexOf = (sections: readonly Section[]): string[] => sections.map(({ cid, data }) => Buffer.from(concat([cid, data!])).toString('hex'))
const expected = blocks.map(({ cid, data }) => Buffer.from(concat([cid, data])).toString('hex'))

describe.each([{ how: 'at hand', atHand: true }, { how: 'by reading', atHand: false }])('Buffers of others, $how', ({ atHand }) => {
  it('become sections with memory of their own', async () => {
    const memory = bytes.slice()
    const source = buffers(memory, atHand)
    const sections = await collect(scanSections(source, await readLayout(source), { data: true }))
    memory.fill(0)
    expect(hexOf(sections)).toEqual(expected)
    expect(sections.every(({ cid, data }) => own(cid) && own(data!))).toBe(true)
  })

  it('become a layout and an index with memory of their own', async () => {
    const memory = bytes.slice()
    const layout = await readLayout(buffers(memory, atHand))
    const index = await buildIndex(buffers(memory, atHand))
    memory.fill(0)
    expect(layout.roots.map(({ bytes: root }) => root)).toEqual(roots)
    expect(own(layout.characteristics!)).toBe(true)
    expect(layout.characteristics).toEqual(bytes.slice(PRAGMA_BYTES, PRAGMA_BYTES + 16))
    expect(Buffer.compare(concat(index.encode()), concat((await buildIndex(slowSource(bytes))).encode()))).toBe(0)
  })

  it('become pages of an index that stay what they are', async () => {
    const index = await buildIndex(slowSource(bytes))
    for (const memory of [concat(index.encode()), concat(index.encodeStandard())]) {
      const view = await openIndex(buffers(memory, atHand))
      const before = await Promise.all(blocks.map(({ multihash }) => view.find(multihash)))
      memory.fill(0)
      expect(await Promise.all(blocks.map(({ multihash }) => view.find(multihash)))).toEqual(before)
      expect(before.every((found) => found.length > 0)).toBe(true)
      await view.close()
    }
  })
})

describe('Buffers of others', () => {
  it('become sections with memory of their own when they come as a stream', async () => {
    const memory = carV1(roots, blocks)
    const given: Buffer[] = []
    const chunks = async function * (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < memory.byteLength; at += 700) {
        given.push(Buffer.from(memory.subarray(at, at + 700)))
        yield given.at(-1)!
      }
    }
    const { sections } = await scanStream(chunks(), { data: true, hashes: createHashes() })
    const all = await collect(sections)
    for (const chunk of given) chunk.fill(0)
    expect(hexOf(all)).toEqual(expected)
  })

  it('become characteristics with memory of their own', () => {
    const memory = Buffer.from(bytes.subarray(PRAGMA_BYTES, PRAGMA_BYTES + HEADER_BYTES))
    const { characteristics } = decodeHeader(memory)
    memory.fill(0xff)
    expect(characteristics).toEqual(bytes.slice(PRAGMA_BYTES, PRAGMA_BYTES + 16))
  })
})
