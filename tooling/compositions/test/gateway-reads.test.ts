/** How often a gateway reads from a CAR in the order in which it sends: blocks that follow each other come by one read. */
import { carV1, seededBytes } from '@dagstore-tooling/fixtures'
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

describe('a CAR sent from a CAR in the same order', () => {
  it.each([
    { leaves: 2000, leafBytes: 1000, reads: 50 },
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
