import { carV1 } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { codeOf, collectAll, makeCar, openHarness, rejection } from './harness.ts'

const IDENTITY_ROOT = CID.createV1(0x55, createMultihash(0, new TextEncoder().encode('a block in its CID')))
const ABSENT_ROOT = makeCar(77, 1).blocks[0]!.cid

/** A CAR with these roots, none of which is a section of it. */
const carOf = (seed: number, roots: readonly CID[]): Uint8Array =>
  carV1(roots.map(({ bytes }) => bytes), makeCar(seed, 5).blocks.map(({ cid, data }) => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data })))

describe('roots that are no sections', () => {
  it.each([['an identity', IDENTITY_ROOT], ['of a partial DAG', ABSENT_ROOT]])('are found in their shards: %s', async (_, root) => {
    await using h = await openHarness()
    await h.store.register('a', h.sources.put('a', carOf(1, [root])), { indexing: 'eager' })
    await h.store.register('b', h.sources.put('b', carOf(2, [])), { indexing: 'eager' })
    expect(await h.store.find(root.multihash.bytes)).toEqual(['a'])
    await using again = await h.reopen()
    expect(await again.store.find(root.multihash.bytes)).toEqual(['a'])
    await again.store.destroy('a')
    expect(await again.store.find(root.multihash.bytes)).toEqual([])
  })

  it('are found beside many others, and beside roots that are sections', async () => {
    await using h = await openHarness()
    const sections = makeCar(1, 5).blocks.map(({ cid }) => cid)
    const others = makeCar(78, 30).blocks.map(({ cid }) => cid)
    await h.store.register('few', h.sources.put('few', carOf(1, [sections[0]!, IDENTITY_ROOT, sections[3]!])), { indexing: 'eager' })
    await h.store.register('many', h.sources.put('many', carOf(2, [...others, ABSENT_ROOT])), { indexing: 'eager' })
    for (const { multihash } of [...sections, IDENTITY_ROOT]) expect(await h.store.find(multihash.bytes)).toEqual(['few'])
    for (const { multihash } of [...others, ABSENT_ROOT]) expect(await h.store.find(multihash.bytes)).toEqual(['many'])
  })

  it('are no blocks: the identity is answered by itself, the other one is not there', async () => {
    await using h = await openHarness()
    const store = h.store.blockstore
    // without a shard, too
    for (const roots of [[], [IDENTITY_ROOT, ABSENT_ROOT]]) {
      if (roots.length > 0) await h.store.register('a', h.sources.put('a', carOf(1, roots)), { indexing: 'eager' })
      expect(await store.has(IDENTITY_ROOT)).toBe(true)
      expect(Buffer.concat(await collectAll(store.get(IDENTITY_ROOT))).toString()).toBe('a block in its CID')
      expect(await store.size(IDENTITY_ROOT)).toBe(18)
      expect(await store.bytesAt(IDENTITY_ROOT, 2, 5)).toEqual(new TextEncoder().encode('block'))
      expect(await store.has(ABSENT_ROOT)).toBe(false)
      expect(codeOf(await rejection(store.bytes(ABSENT_ROOT)))).toBe('BLOCKSTORE_NOT_FOUND')
      expect(h.sources.opens.get('a') ?? 0).toBeLessThanOrEqual(2)
    }
  })
})
