/** How often a gateway reads from a CAR in the order in which it sends: blocks that follow each other come by one read. */
import { type Block, carV1, seededBytes } from '@dagstore-tooling/fixtures'
import { unixfsFile } from '@dagstore-tooling/fixtures/gateway'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { type ByteSource, createBytesSource } from '@dagstore/io'
import { createGateway } from '@dagstore/trustless-gateway'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'

/** Over a network: each read takes a while, and nothing is at hand. */
const remote = (bytes: Uint8Array): { readonly source: ByteSource, readonly reads: number[], readonly most: () => number } => {
  const whole = createBytesSource(bytes)
  const reads: number[] = []
  let [underWay, most] = [0, 0]
  return {
    reads,
    most: () => most,
    source: {
      sizeBytes: whole.sizeBytes,
      identity: whole.identity,
      cost: { kind: 'remote', seekBytes: 64 << 10 },
      peek: () => undefined,
      read: async (at, length, options) => {
        reads.push(length)
        underWay += length
        most = Math.max(most, underWay)
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => { setImmediate(resolve) })
        underWay -= length
        return whole.read(at, length, options)
      },
      close: () => whole.close(),
      [Symbol.asyncDispose]: () => whole.close(),
    },
  }
}

/** The same blocks in an order of their own. */
const orders: Readonly<Record<string, (blocks: readonly Block[]) => readonly Block[]>> = {
  'leaves before nodes': (blocks) => [...blocks].reverse(),
  'no order': (blocks) => [...blocks].sort((a, b) => Buffer.compare(a.multihash, b.multihash)),
  'the order of the walk': (blocks) => blocks,
}

describe('a CAR sent from a CAR', () => {
  it.each(Object.keys(orders))('is the same by stretches as without, where blocks lie in %s, also of ranges and with duplicates', async (order) => {
    const file = unixfsFile(seededBytes(42, 300 * 700), { chunkBytes: 700, maxLinks: 30 })
    const mount = await openIndexMount({ data: remote(carV1([], orders[order]!(file.blocks))).source })
    const { has, get, getMany, getAll, bytes, size } = mount.blockstore
    const [by, without] = [mount.blockstore, { has, get, getMany, getAll, bytes, size }].map((blockstore) => createGateway({ blockstore, verify: 'never' }))
    for (const query of ['', '&entity-bytes=5000:100000', '&dag-scope=entity', '&dag-scope=block', '; dups=y']) {
      const [accept, rest] = query.startsWith(';') ? [`application/vnd.ipld.car; version=1${query}`, ''] : ['application/vnd.ipld.car', query]
      const ask = async (gateway: typeof by): Promise<Buffer> => Buffer.from(await (await gateway!(new Request(`http://gateway.example/ipfs/${CID.decode(file.block.cid)}?${rest.slice(1)}`, { headers: { accept } }))).arrayBuffer())
      const wanted = await ask(without)
      expect(wanted.byteLength).toBeGreaterThan(500)
      expect(Buffer.compare(await ask(by), wanted)).toBe(0)
    }
    await mount.close()
  })
})

describe('a CAR sent from a CAR in the same order', () => {
  it.each([
    { leaves: 2000, leafBytes: 1000, reads: 10 },
    { leaves: 500, leafBytes: 16_384, reads: 25 },
    { leaves: 80, leafBytes: 262_144, reads: 34 },
    // longer than what is merged
    { leaves: 24, leafBytes: 1_048_576, reads: 26 },
  ])('takes at most $reads reads of $leaves blocks of $leafBytes bytes, with a bounded part of it ahead', async ({ leaves, leafBytes, reads }) => {
    const file = unixfsFile(seededBytes(41, leaves * leafBytes), { chunkBytes: leafBytes, maxLinks: 174 })
    const bytes = carV1([file.block.cid], file.blocks)
    const from = remote(bytes)
    const mount = await openIndexMount({ data: from.source })
    from.reads.length = 0
    const gateway = createGateway({ blockstore: mount.blockstore, verify: 'never' })
    const response = await gateway(new Request(`http://gateway.example/ipfs/${CID.decode(file.block.cid)}?format=car`))
    expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), bytes)).toBe(0)
    expect(from.reads.length).toBeLessThanOrEqual(reads)
    // the payload once, and of it again what lies in small gaps
    expect(from.reads.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(bytes.byteLength * 1.1)
    expect(from.most()).toBeLessThanOrEqual(11 << 20)
    await mount.close()
  })
})
