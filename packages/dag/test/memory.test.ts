/** What stays in memory while a walk goes on. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { walkDag, walkPath } from '../src/index.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const heldBytes = (): number => {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** A CID that nobody has hashed anything for. */
const numbered = (codec: number, number: number): CID => {
  const digest = new Uint8Array(32)
  new DataView(digest.buffer).setUint32(28, number)
  return CID.createV1(codec, Digest.create(0x12, digest))
}
const nodeOf = (links: readonly CID[]): Uint8Array => dagPb.encode({ Links: links.map((Hash) => ({ Hash, Name: '', Tsize: 1 })) })
const options = { verify: 'never', maxBlocks: Infinity, maxDepth: 1000 } as const
const ROOT = 0xffff_ffff

/** The most that a walk held, seen every 20,000 blocks, and how many it gave. */
const measure = async (blocks: AsyncIterable<unknown>): Promise<{ most: number, count: number }> => {
  const before = heldBytes()
  let [most, count] = [0, 0]
  for await (const _ of blocks) if (++count % 20_000 === 0) most = Math.max(most, heldBytes() - before)
  return { most, count }
}

describe('the memory of a walk', () => {
  /** Node i links twice to node i - 1, node 0 to nothing: 2^16 - 1 blocks with duplicates, of 16 that there are. */
  const doubling = { async * get (cid: CID) {
    const level = new DataView(cid.multihash.digest.buffer, cid.multihash.digest.byteOffset).getUint32(28)
    yield nodeOf(level === 0 ? [] : [numbered(0x70, level - 1), numbered(0x70, level - 1)])
  } }

  it.each([['walkDag', walkDag], ['walkPath', walkPath]] as const)('with duplicates is the way down alone, however many blocks come: %s', async (_, walk) => {
    const { most, count } = await measure(walk(doubling, numbered(0x70, 15), { ...options, duplicates: true }))
    expect(count).toBe(2 ** 16 - 1)
    expect(most).toBeLessThan(1 << 19)
  })

  it.each([['walkDag', walkDag], ['walkPath', walkPath]] as const)('without duplicates is that and some 60 bytes for each CID met: %s', async (_, walk) => {
    const store = { async * get (cid: CID) {
      const number = new DataView(cid.multihash.digest.buffer, cid.multihash.digest.byteOffset).getUint32(28)
      if (cid.code === 0x55) yield new Uint8Array(0)
      else yield nodeOf(Array.from({ length: 300 }, (_, i) => number === ROOT ? numbered(0x70, i) : numbered(0x55, number * 300 + i)))
    } }
    const { most, count } = await measure(walk(store, numbered(0x70, ROOT), options))
    expect(count).toBe(90_301)
    expect(most / count).toBeLessThan(100)
  })
})
