import { makeBlock, mixedBlocks } from '@dagstore-tooling/fixtures'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { parseCid } from '../src/index.ts'

describe('parseCid', () => {
  it('takes CIDs of every form apart as multiformats does, wherever they lie', () => {
    for (const { cid } of mixedBlocks(3)) {
      const expected = CID.decode(cid)
      const parsed = parseCid(Uint8Array.of(7, 7, ...cid, 1, 2, 3), 2)
      expect(parsed).toMatchObject({ version: expected.version, codec: expected.code, hashCode: expected.multihash.code, length: cid.byteLength })
      expect(Buffer.compare(parsed.digest, expected.multihash.digest)).toBe(0)
      expect(Buffer.compare(parsed.multihash, expected.multihash.bytes)).toBe(0)
    }
  })

  const { cid } = makeBlock(Uint8Array.of(1))
  it('knows that a CID is cut, at every byte', () => {
    for (let end = 0; end < cid.byteLength; end++) {
      expect(() => parseCid(cid.subarray(0, end))).toThrow(expect.objectContaining({ code: 'CARV2_TRUNCATED', offset: 0 }))
    }
  })

  it.each([
    { why: 'version 0 is written', bytes: [0, 0x55, 0x12, 0x20] },
    { why: 'version 2 is written', bytes: [2, 0x55, 0x12, 0x20] },
    { why: 'a CIDv0 has another length', bytes: [0x12, 0x14, 1, 2] },
    { why: 'the codec is not minimal', bytes: [1, 0xd5, 0x00, 0x12, 0x20] },
    { why: 'the length is above 2^53', bytes: [1, 0x55, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f] },
  ])('refuses bytes in which $why', ({ bytes }) => {
    expect(() => parseCid(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: 'CARV2_BAD_CID', offset: 0 }))
  })
})
