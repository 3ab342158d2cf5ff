/** What the web server has: CARs of small blocks of both hash functions, their index, and what the script shall find. */
import { Buffer } from 'node:buffer'
import { carV1, makeBlock, makeBlocks } from '@dagstore-tooling/fixtures'
import { buildIndex, wrapChunks } from '@dagstore/carv2'
import { createBytesSource } from '@dagstore/io'
import { commpOf } from '@dagstore/piece/node'
import { CID } from 'multiformats/cid'

const sumOf = (bytes) => bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 0)
const textOf = (cid) => CID.decode(cid).toString()
const gather = async (chunks) => {
  const parts = []
  for await (const chunk of chunks) parts.push(chunk.slice())
  return new Uint8Array(Buffer.concat(parts))
}

export const makeFiles = async () => {
  const blocks = [...makeBlocks(1, 40, { min: 100, max: 4000, hash: 'sha2-256' }), ...makeBlocks(2, 40, { min: 100, max: 4000, hash: 'blake2b-256' })]
  const plain = carV1([blocks[0].cid], blocks)
  const source = createBytesSource(plain, { identity: { kind: 'version', tag: '"plain.car"', sizeBytes: plain.byteLength } })
  const index = await gather((await buildIndex(source)).encode())
  const indexed = await gather(wrapChunks(source))
  const hurt = blocks[3]
  const damaged = plain.slice()
  const at = Buffer.from(damaged.buffer, damaged.byteOffset, damaged.byteLength).indexOf(hurt.data)
  damaged[at + 7] ^= 4
  const wanted = {
    blocks: blocks.map(({ cid, data }) => ({ cid: textOf(cid), length: data.byteLength, sum: sumOf(data) })),
    damaged: textOf(hurt.cid),
    absent: textOf(makeBlock(new TextEncoder().encode('nowhere')).cid),
  }
  return {
    blocks: blocks.length,
    piece: (await commpOf([plain])).cidV1.toString(),
    wanted,
    files: new Map([
      ['plain.car', plain], ['plain.car.idx', index], ['indexed.car', indexed], ['bare.car', plain], ['damaged.car', damaged],
    ]),
  }
}
