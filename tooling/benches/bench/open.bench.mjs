import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildIndex } from '@dagstore/carv2'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { openFileSource } from '@dagstore/io/node'
import { CarIndexedReader } from '@ipld/car'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { buildGoPeer, goCase, goRun } from '../src/go-peer.mjs'

export const title = 'Open a shard whose index is there, and close it'
export const packages = ['carv2-index-mount', 'carv2']

const COUNT = 200_000
/** Opening is so short that it is timed many times in a row. */
const TIMES = 100

export const run = async ({ compare, scratch }) => {
  const path = join(scratch, 'in.car')
  const { blocks } = writeCarFile(path, makeBlocks(1, COUNT, 1024, 4096))
  const source = await openFileSource(path)
  const built = await buildIndex(source)
  await source.close()
  writeFileSync(`${path}.idx`, Buffer.concat([...built.encode()]))
  const { cid } = blocks[COUNT >> 1]

  const ours = async (work) => {
    const mount = await openCarFile(path)
    if (mount.indexOrigin !== 'given') throw new Error('the index beside the file is not used')
    await work(mount)
    await mount.close()
  }
  const go = buildGoPeer(scratch)
  const goIndex = join(scratch, 'go.idx')
  if (go !== undefined) goRun(go, 'writeindex', { n: 1 }, path, goIndex)
  const repeated = async (name, work) => {
    const times = []
    for (let i = 0; i < 20; i++) await ours(work)
    for (let i = 0; i < TIMES; i++) {
      const start = performance.now()
      await ours(work)
      times.push(performance.now() - start)
    }
    return { name, role: 'ours', times }
  }
  const opening = await repeated('carv2-index-mount, one opening', () => {})
  const openingAndBlock = await repeated('carv2-index-mount, one opening and one block', (mount) => mount.blockstore.bytes(cid))
  await compare({
    what: `${COUNT.toLocaleString('en-GB')} entries`,
    rounds: 3,
    cases: [
      { name: '@ipld/car CarIndexedReader.fromFile', role: 'peer', run: async () => (await CarIndexedReader.fromFile(path)).close() },
    ],
    measured: [opening, openingAndBlock, ...goCase(go, 'Go dagstore acquire', 'acquire', { n: 5 }, path, goIndex), ...goCase(go, 'go-car OpenReadOnly', 'open', { n: 3 }, path)],
    wanted: [
      { name: 'carv2-index-mount, one opening', against: '@ipld/car CarIndexedReader.fromFile', atLeast: 300 },
      { name: 'carv2-index-mount, one opening', against: 'Go dagstore acquire', atLeast: 1 },
    ],
  })
}
