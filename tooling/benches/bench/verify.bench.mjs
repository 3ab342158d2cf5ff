import { hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { inspectCar } from '@dagstore/carv2'
import { openHashes } from '@dagstore/hashes/node'
import { openFileSource } from '@dagstore/io/node'
import { CarBlockIterator } from '@ipld/car'
import { sha256 } from 'multiformats/hashes/sha2'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'

export const title = 'Scan a CAR file and hash every block'
export const packages = ['carv2', 'hashes', 'io']

const BLAKE2B_256 = 0xb220

const inspect = async (path, options) => {
  const source = await openFileSource(path)
  try {
    return (await inspectCar(source, options)).blockCount
  } finally {
    await source.close()
  }
}

const blockIterator = async (path) => {
  for await (const { cid, bytes } of await CarBlockIterator.fromIterable(createReadStream(path))) {
    const { digest } = await sha256.digest(bytes)
    if (digest[0] !== cid.multihash.digest[0]) throw new Error('mismatch')
  }
}

export const run = async ({ compare, scratch }) => {
  const hashes = await openHashes()
  const inputs = [
    { what: '128 leaves of 1 MiB', count: 128, min: 2 ** 20, max: 2 ** 20, atLeast: 0.65 },
    { what: '50,000 blocks of 1 to 4 KiB', count: 50_000, min: 1024, max: 4096, atLeast: 0.55 },
  ]
  for (const { what, count, min, max, atLeast } of inputs) {
    const path = join(scratch, 'in.car')
    const blocks = [...makeBlocks(1, count, min, max)]
    writeCarFile(path, blocks)
    if (await inspect(path, { hashes }) !== count) throw new Error('blocks are missing')
    await compare({
      what: `sha2-256, ${what}`,
      work: { bytes: blocks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0), items: count },
      cases: [
        { name: 'inspectCar with hashes', role: 'ours', run: () => inspect(path, { hashes }) },
        { name: 'inspectCar with hashes, blocking', role: 'ours', run: () => inspect(path, { hashes, blocking: true }) },
        { name: 'hashing alone, crypto.hash', role: 'floor', run: () => { for (const { bytes } of blocks) hash('sha256', bytes, 'buffer') } },
        { name: '@ipld/car CarBlockIterator and sha256', role: 'peer', run: () => blockIterator(path) },
      ],
      wanted: ['inspectCar with hashes', 'inspectCar with hashes, blocking'].map((name) => ({ name, against: 'hashing alone, crypto.hash', atLeast })),
    })
  }
  for (const { what, count, min, max } of [{ ...inputs[0], what: '32 leaves of 1 MiB', count: 32 }, { ...inputs[1], what: '12,000 blocks of 1 to 4 KiB', count: 12_000 }]) {
    const path = join(scratch, 'in.car')
    const blocks = [...makeBlocks(2, count, min, max, { code: BLAKE2B_256, hash: (bytes) => hashes.digest(BLAKE2B_256, bytes) })]
    writeCarFile(path, blocks)
    await compare({
      what: `blake2b-256, ${what}`,
      work: { bytes: blocks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0), items: count },
      cases: [
        { name: 'inspectCar with hashes, blocking', role: 'ours', run: () => inspect(path, { hashes, blocking: true }) },
        { name: 'hashing alone, hashes/node', role: 'floor', run: () => { for (const { bytes } of blocks) hashes.digest(BLAKE2B_256, bytes) } },
      ],
      wanted: [{ name: 'inspectCar with hashes, blocking', against: 'hashing alone, hashes/node', atLeast: 0.6 }],
    })
  }
}
