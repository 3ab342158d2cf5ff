import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { buildIndex } from '@dagstore/carv2'
import { openFileSource } from '@dagstore/io/node'
import { CarIndexer } from '@ipld/car'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { buildGoPeer, goGenerateIndex } from '../src/go-peer.mjs'

export const title = 'Scan a CAR file and build its index, without hashing'
export const packages = ['carv2', 'io']

const ours = async (path, options) => {
  const source = await openFileSource(path)
  try {
    return (await buildIndex(source, options)).entryCount
  } finally {
    await source.close()
  }
}

const carIndexer = async (path) => {
  let count = 0
  const indexer = await CarIndexer.fromIterable(createReadStream(path))
  for await (const entry of indexer) if (entry.blockLength >= 0) count++
  return count
}

export const run = async ({ compare, scratch }) => {
  const go = buildGoPeer(scratch)
  for (const { what, count, min, max, times, rounds, warmUps } of [
    { what: '200,000 blocks of 1 to 4 KiB', count: 200_000, min: 1024, max: 4096, times: 8, rounds: 7, warmUps: 1 },
    // a scan of 1,024 heads is over before the engine has compiled it again
    { what: '1 GiB of leaves of 1 MiB', count: 1024, min: 2 ** 20, max: 2 ** 20, times: 40, rounds: 7, warmUps: 8 },
  ]) {
    const path = join(scratch, 'in.car')
    const { sizeBytes } = writeCarFile(path, makeBlocks(1, count, min, max))
    if (await ours(path) !== count) throw new Error('entries are missing')
    const measured = []
    if (go !== undefined) {
      const { ms, entries } = goGenerateIndex(go, path, rounds)
      if (entries !== count) throw new Error(`go-car found other entries; want=${count} got=${entries}`)
      measured.push({ name: 'go-car GenerateIndex', role: 'peer', times: ms })
    }
    await compare({
      what,
      work: { bytes: sizeBytes, items: count },
      rounds,
      warmUps,
      cases: [
        { name: 'carv2 buildIndex', role: 'ours', run: () => ours(path) },
        { name: 'carv2 buildIndex, blocking', role: 'ours', run: () => ours(path, { blocking: true }) },
        { name: '@ipld/car CarIndexer', role: 'peer', run: () => carIndexer(path) },
      ],
      measured,
      wanted: ['carv2 buildIndex', 'carv2 buildIndex, blocking'].flatMap((name) => [
        { name, against: '@ipld/car CarIndexer', atLeast: times },
        { name, against: 'go-car GenerateIndex', atLeast: 1 },
      ]),
    })
  }
}
