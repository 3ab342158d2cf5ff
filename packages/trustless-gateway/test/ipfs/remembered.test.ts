import { type Block, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { createGateway, type GatewayOptions } from '../../src/index.ts'
import { ask } from '../asking.ts'
import { openTestStore } from '../conformance/store.ts'

const leaves = makeBlocks(11, 5000, { min: 8, max: 16 })
const root: Block = makeBlock(encode(leaves.map(({ cid }) => CID.decode(cid))), { codec: 0x71 })
const target = `/ipfs/${CID.decode(root.cid).toString()}?format=car`
const opened = (limits: GatewayOptions['limits']): ReturnType<typeof createGateway> => createGateway({ blockstore: openTestStore([root, ...leaves]), limits })

describe('what CARs remember together', () => {
  it.each([{ limits: { total: { maxCids: 4096 } }, code: 'GATEWAY_BUSY' }, { limits: { client: { maxCids: 4500 } }, code: 'GATEWAY_CLIENT_BUSY' }])('is bounded: one that needs more is broken off with $code', async ({ limits, code }) => {
    const gateway = opened(limits)
    // each time anew, since what one has had is free when it has ended
    for (let n = 0; n < 3; n++) {
      const { status, failure } = await ask(gateway, target)
      expect([status, (failure as { code?: string }).code]).toEqual([200, code])
    }
    expect(gateway.metrics().counters).toContainEqual({ name: 'gateway.refused', labels: { code }, value: 3 })
    // nothing is remembered of duplicates
    expect((await ask(gateway, `${target}&car-dups=y`)).failure).toBeUndefined()
  })

  it('is enough for one that fits', async () => {
    expect((await ask(opened({ total: { maxCids: 5001 } }), target)).failure).toBeUndefined()
  })
})
