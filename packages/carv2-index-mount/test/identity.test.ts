import { carV1, carV2, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { all, cidOf, mountBytes } from './cars.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const stored = makeBlock(text('stored as a section'), { hash: 'identity' })
const inline = makeBlock(text('nowhere but in its CID'), { hash: 'identity' })
const others = makeBlocks(5, 20, { min: 1, max: 90 })
const forms = {
  'CARv1': carV1([], [stored, ...others, stored]),
  'CARv2 with an index that lists them': carV2({ roots: [], blocks: [stored, ...others, stored], identityCids: 'included' }),
  'CARv2 with an index that does not': carV2({ roots: [], blocks: [stored, ...others, stored], identityCids: 'excluded' }),
}

describe.each(Object.entries(forms))('identity CIDs of a %s', (_what, car) => {
  it.each(['full', 'go-car-default'] as const)('are answered from themselves or their section: %s', async (identity) => {
    const { blockstore } = await mountBytes(car, { identity })
    for (const block of [stored, inline]) {
      expect(await blockstore.has(cidOf(block))).toBe(true)
      expect(await blockstore.size(cidOf(block))).toBe(block.data.byteLength)
      expect(await blockstore.bytes(cidOf(block))).toEqual(new Uint8Array(block.data))
      expect(await blockstore.bytesAt(cidOf(block), 1, 3)).toEqual(new Uint8Array(block.data.subarray(1, 4)))
    }
  })

  it('need a section where the policy has no inline answers, whatever the index lists', async () => {
    for (const identity of ['lotus-2021', { store: true, index: true, mark: true, inline: false }] as const) {
      const { blockstore } = await mountBytes(car, { identity })
      expect(await blockstore.has(cidOf(inline))).toBe(false)
      for (const ask of [blockstore.bytes, blockstore.size]) await expect(ask(cidOf(inline))).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
      await expect(blockstore.bytesAt(cidOf(inline), 0, 1)).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
      expect(await blockstore.has(cidOf(stored))).toBe(true)
      expect(await blockstore.bytes(cidOf(stored))).toEqual(new Uint8Array(stored.data))
    }
  })

  it('are listed once', async () => {
    for (const wholeCid of [true, false]) {
      const { blockstore } = await mountBytes(car, { wholeCid })
      const listed = await all(blockstore.getAll())
      expect(listed.map(({ cid }) => cid.toString())).toEqual([stored, ...others].map((block) => cidOf(block).toString()))
      expect(await all(listed[0]!.bytes)).toEqual([new Uint8Array(stored.data)])
    }
  })
})

describe('identity CIDs of a hundred kilobytes and more, where limits allow them', () => {
  it('are listed once by an index that does not have them', async () => {
    const long = makeBlock(new Uint8Array(200_000).fill(7), { hash: 'identity' })
    const { blockstore } = await mountBytes(carV2({ roots: [], blocks: [long, ...others, long], identityCids: 'excluded' }), { maxCidBytes: 1 << 20, verify: 'never' })
    expect(await all(blockstore.getAll())).toHaveLength(1 + others.length)
  })
})

describe('the identity option', () => {
  it('takes only what is a policy', async () => {
    await expect(mountBytes(forms['CARv1'], { identity: 'none' as never })).rejects.toThrow(TypeError)
  })
})
