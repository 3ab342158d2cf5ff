import { SHA2_256 } from '@dagstore/hashes'
import { encode } from '@ipld/dag-pb'
import { seededRandom } from '@dagstore-tooling/testkit'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { dataLength, encodeNode, linkLength } from '../src/pb-node.ts'

describe('encodeNode', () => {
  it('writes what @ipld/dag-pb writes, in the length that was said', () => {
    const random = seededRandom('nodes')
    for (let run = 0; run < 300; run++) {
      const links = Array.from({ length: random.int(40) }, (_, i) => {
        const hash = random.pick([
          () => CID.createV1(0x55, Digest.create(SHA2_256, random.bytes(32))),
          () => CID.createV0(Digest.create(SHA2_256, random.bytes(32)) as Digest.Digest<0x12, 32>),
          () => CID.createV1(0x70, Digest.create(0, random.bytes(random.int(127)))),
        ])()
        return { Hash: hash, Name: `${String(i).padStart(3, '0')}${random.pick(['', 'é', 'n'.repeat(random.int(300))])}`, Tsize: random.pick([0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER]) }
      })
      const data = random.bytes(random.pick([0, 2, 200]))
      const listed = links.map(({ Hash, Name, Tsize }) => ({ cid: Hash.bytes, name: new TextEncoder().encode(Name), dagBytes: Tsize }))
      const length = listed.reduce((sum, { cid, name, dagBytes }) => sum + linkLength(cid.byteLength, name.byteLength, dagBytes), dataLength(data.byteLength))
      const want = encode({ Data: data, Links: links })
      expect(length).toBe(want.byteLength)
      expect(Buffer.from(encodeNode(listed, data, length)).toString('hex')).toBe(Buffer.from(want).toString('hex'))
    }
  })
})
