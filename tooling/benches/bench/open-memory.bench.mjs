import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildIndex } from '@dagstore/carv2'
import { openFileSource } from '@dagstore/io/node'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { buildGoPeer, goRun } from '../src/go-peer.mjs'

export const title = 'Memory that an open shard holds'
export const packages = ['carv2-index-mount', 'carv2', 'io']

const BLOCKS = 50_000
const SHARDS = 1500
const MIB = 2 ** 20
const child = new URL('children/open-shards.mjs', import.meta.url)

/** KiB that one shard holds: resident memory, and what the engine knows of (heap and buffers). */
const perShard = ({ live, count, cachedBytes }) => ({
  resident: (live.rssMiB * MIB - cachedBytes) / count / 1024,
  known: ((live.heapMiB + live.buffersMiB) * MIB - cachedBytes) / count / 1024,
})

export const run = async ({ amounts, inChild, scratch }) => {
  const path = join(scratch, 'shard.car')
  const { blocks } = writeCarFile(path, makeBlocks(1, BLOCKS, 64, 512))
  const source = await openFileSource(path)
  writeFileSync(`${path}.idx`, Buffer.concat([...(await buildIndex(source)).encode()]))
  await source.close()
  const wanted = Array.from({ length: 100 }, (_, i) => blocks[(i * 7919) % BLOCKS].cid.toString())

  const few = await inChild(child, { way: 'ours', count: 100, path, wanted, cacheBytes: 4 * MIB })
  const many = await inChild(child, { way: 'ours', count: SHARDS, path, wanted, cacheBytes: 4 * MIB })
  const peer = await inChild(child, { way: 'CarIndexedReader', count: 4, path, wanted })
  const go = buildGoPeer(scratch)
  // what a shard adds, without what the first ones load for all
  const added = (key) => (perShard(many)[key] * SHARDS - perShard(few)[key] * 100) / (SHARDS - 100)
  amounts({
    what: `One shard of ${BLOCKS.toLocaleString('en-GB')} blocks, opened and one block read; of ${SHARDS.toLocaleString('en-GB')} open ones, besides the shared page cache`,
    unit: 'KiB',
    figures: [
      { name: 'mount, resident', role: 'ours', value: added('resident'), atMost: 64 },
      { name: 'mount, heap and buffers', role: 'ours', value: added('known'), atMost: 64 },
      { name: '@ipld/car CarIndexedReader, resident', role: 'peer', value: perShard(peer).resident },
      ...(go === undefined ? [] : [{ name: 'Go dagstore accessor and blockstore, heap', role: 'peer', value: goRun(go, 'acquire', { n: 3 }, path, goIndex(go, path, scratch)).liveBytes / 1024 }]),
    ],
  })
}

const goIndex = (go, path, scratch) => {
  const index = join(scratch, 'go.idx')
  goRun(go, 'writeindex', { n: 1 }, path, index)
  return index
}
