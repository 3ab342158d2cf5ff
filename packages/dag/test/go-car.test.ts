/** The order of go-car: CARs that it wrote by a selector come out again byte for byte. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sharedFixtures } from '@dagstore-tooling/fixtures'
import { CarReader } from '@ipld/car/reader'
import { BlockNotFoundError } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { payloadForm } from '../src/index.ts'
import { joined } from './blocks.ts'

const fixtures = sharedFixtures()

describe('payloadForm and go-car', () => {
  it.for([
    // 1043 blocks of dag-cbor with blake2b-256, and 6 identity CIDs
    { name: 'sample-v1.car', payloadBytes: 479_907 },
    // dag-pb with raw leaves; zeros behind the payload
    { name: 'sample-v1-with-zero-len-section2.car', payloadBytes: 20_819 },
  ])('writes $name again from its blocks', async ({ name, payloadBytes }, { skip }) => {
    if (fixtures === undefined) return skip('the shared fixtures are not beside the checkout')
    const payload = readFileSync(join(fixtures, 'go-car', name)).subarray(0, payloadBytes)
    const car = await CarReader.fromBytes(payload)
    const store = {
      async * get (cid: CID): AsyncGenerator<Uint8Array> {
        const block = await car.get(cid)
        if (block === undefined) throw new BlockNotFoundError(cid)
        yield block.bytes
      },
    }
    const [root] = await car.getRoots()
    expect(Buffer.compare(await joined(payloadForm(store, root!)), payload)).toBe(0)
  })
})
