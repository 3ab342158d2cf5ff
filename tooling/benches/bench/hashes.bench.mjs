import { createHash } from 'node:crypto'
import { createHashes } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { blake2b256 as peer } from '@multiformats/blake2/blake2b'
import { makeBlocks } from '../src/car-files.mjs'

export const title = 'Hash blocks, and verify them against a digest'
export const packages = ['hashes']

const SHA2_256 = 0x12
const BLAKE2B_256 = 0xb220

export const run = async ({ compare }) => {
  const pure = createHashes()
  const fast = await openHashes()
  for (const { what, count, min, max } of [
    { what: 'blocks of 1 MiB', count: 8, min: 2 ** 20, max: 2 ** 20 },
    { what: 'blocks of 1 to 4 KiB', count: 2000, min: 1024, max: 4096 },
  ]) {
    const blocks = [...makeBlocks(1, count, min, max)].map(({ bytes }) => bytes)
    const work = { bytes: blocks.reduce((sum, bytes) => sum + bytes.byteLength, 0), items: count }
    const each = (hash) => () => { for (const bytes of blocks) hash(bytes) }
    await compare({
      what: `sha2-256, ${what}`,
      work,
      cases: [
        { name: 'hashes/node', role: 'ours', run: each((bytes) => fast.digest(SHA2_256, bytes)) },
        { name: 'hashes', role: 'ours', run: each((bytes) => pure.digest(SHA2_256, bytes)) },
        { name: 'createHash', role: 'floor', run: each((bytes) => createHash('sha256').update(bytes).digest()) },
      ],
    })
    const digests = blocks.map((bytes) => fast.digest(SHA2_256, bytes))
    await compare({
      what: `verify by sha2-256, ${what}`,
      work,
      cases: [
        { name: 'hashes/node matches', role: 'ours', run: () => { for (const [i, bytes] of blocks.entries()) if (!fast.matches(SHA2_256, digests[i], bytes)) throw new Error('mismatch') } },
        { name: 'createHash', role: 'floor', run: each((bytes) => createHash('sha256').update(bytes).digest()) },
      ],
    })
    await compare({
      what: `blake2b-256, ${what}`,
      work,
      rounds: 3,
      cases: [
        { name: 'hashes/node', role: 'ours', run: each((bytes) => fast.digest(BLAKE2B_256, bytes)) },
        { name: 'hashes', role: 'ours', run: each((bytes) => pure.digest(BLAKE2B_256, bytes)) },
        { name: '@multiformats/blake2', role: 'peer', run: async () => { for (const bytes of blocks) await peer.digest(bytes) } },
      ],
      wanted: [{ name: 'hashes/node', against: '@multiformats/blake2', atLeast: 10 }],
    })
  }
}
