import { makeBlocks, carV1 } from '@dagstore-tooling/fixtures'
import { createBytesSource } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { buildIndex, openIndex, standardIndex } from '../src/index.ts'

const joined = async (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

const blocks = makeBlocks(7, 3000, { min: 1, max: 40 })

describe('standardIndex', () => {
  it('gives the index without its trailer, and one that has none as it is', async () => {
    const built = await buildIndex(createBytesSource(carV1([blocks[0]!.cid], blocks)))
    const standard = await joined(built.encodeStandard())
    expect(await joined(standardIndex(createBytesSource(await joined(built.encode()))))).toEqual(standard)
    expect(await joined(standardIndex(createBytesSource(standard)))).toEqual(standard)
    const sorted = await joined(built.encodeStandard(0x0400))
    expect(await joined(standardIndex(createBytesSource(sorted)))).toEqual(sorted)
    await using view = await openIndex(createBytesSource(standard))
    expect(view.facts).toMatchObject({ entryCount: blocks.length, payloadEnd: undefined })
  })

  it('refuses a damaged page', async () => {
    const built = await buildIndex(createBytesSource(carV1([blocks[0]!.cid], blocks)))
    const bytes = await joined(built.encode())
    bytes[9000]! ^= 1
    await expect(joined(standardIndex(createBytesSource(bytes)))).rejects.toMatchObject({ code: 'CARV2_INDEX_DAMAGED' })
  })
})
