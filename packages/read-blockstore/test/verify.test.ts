import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { type BlockHashes, verifyBlock } from '../src/index.ts'

const cid = CID.parse('bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')
const block = new TextEncoder().encode('hello world')
/** One that knows a single block. */
const hashes: BlockHashes = { has: (code) => code === 0x12, matches: (_code, _digest, bytes) => bytes === block }

describe('verifyBlock', () => {
  it('takes the block that the CID names, and no other', () => {
    verifyBlock(hashes, cid, block)
    expect(() => { verifyBlock(hashes, cid, block.subarray(1)) }).toThrow(expect.objectContaining({ code: 'BLOCKSTORE_HASH_MISMATCH', cid }))
  })

  it('refuses a hash function that nobody knows, whatever the bytes are', () => {
    expect(() => { verifyBlock({ ...hashes, has: () => false }, cid, block) }).toThrow(expect.objectContaining({ code: 'BLOCKSTORE_UNKNOWN_HASH', cid }))
  })
})
