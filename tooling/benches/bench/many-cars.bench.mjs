import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { bytesBelow } from '../src/many-shards.mjs'

export const title = 'A store of many CAR files: add them lazily, add them again, index them, get any block by CID'
export const packages = ['dagstore', 'node', 'top-level-index']

const FORMS = { small: 100, default: 2000, large: 100_000 }
const BLOCKS = 500
/** CARs in one folder. */
const PER_FOLDER = 250
const GETS = 2000
const RSS_MIB = 300
const DESCRIPTORS = 256
const child = new URL('children/many-cars.mjs', import.meta.url)

/** The files below `folder`, and one block of each of some of them, in an order that jumps about. */
const makeCars = (folder, count) => {
  const some = []
  let sizeBytes = 0
  for (let i = 0; i < count; i++) {
    const parent = join(folder, String(Math.floor(i / PER_FOLDER)))
    if (i % PER_FOLDER === 0) mkdirSync(parent, { recursive: true })
    const path = join(parent, `${i}.car`)
    const written = writeCarFile(path, makeBlocks(i + 1, BLOCKS, 64, 256))
    sizeBytes += written.sizeBytes
    const { cid, offset, length } = written.blocks[(i * 31) % BLOCKS]
    some.push({ cid: cid.toString(), path, offset, length })
  }
  return { sizeBytes, wanted: Array.from({ length: Math.min(GETS, count) }, (_, i) => some[(i * 7919) % count]) }
}

export const run = async ({ compare, amounts, inChild, scratch, form }) => {
  const count = FORMS[form]
  const [cars, folder, list] = [join(scratch, 'cars'), join(scratch, 'store'), join(scratch, 'wanted.json')]
  const { sizeBytes, wanted } = makeCars(cars, count)
  writeFileSync(list, JSON.stringify(wanted))
  const { added, times, maxRssMiB, rssAfterIndexMiB, descriptors } = await inChild(child, { cars, folder, wanted: list })
  if (added !== count) throw new Error(`files are missing; want=${count} got=${added}`)
  const what = `${count.toLocaleString('en-GB')} CARs of ${BLOCKS} blocks`
  const find = { name: 'find and stat', role: 'floor', run: () => { execFileSync('find', [cars, '-type', 'f', '-size', '+0c', '-name', '*.car'], { stdio: ['ignore', 'ignore', 'inherit'] }) } }
  await compare({
    what: `${what}, the files found and registered`,
    work: { items: count },
    rounds: 3,
    cases: [find],
    measured: [
      { name: 'registerMany', role: 'ours', times: times.add },
      { name: 'registerMany again', role: 'ours', times: times.again },
    ],
  })
  await compare({
    what: `${what}, all indexed`,
    work: { items: count * BLOCKS, bytes: sizeBytes },
    rounds: 1,
    cases: [],
    measured: [{ name: 'initializeAll', role: 'ours', times: times.index }],
  })
  await compare({
    what: `${wanted.length.toLocaleString('en-GB')} blocks of ${what}, by CID alone, each of another CAR`,
    work: { items: wanted.length },
    rounds: 3,
    cases: [],
    measured: [
      { name: 'blockstore.bytes, verified', role: 'ours', times: times.get },
      { name: 'open, fs.read, close', role: 'floor', times: times.read },
    ],
  })
  amounts({ what: `Starting the store of ${what}`, unit: 'ms', figures: [{ name: 'openDagstore', role: 'ours', value: times.start[0] }] })
  amounts({
    what: `Highest resident memory of the process, of ${what}`,
    unit: 'MiB',
    figures: [
      { name: 'added and indexed', role: 'ours', value: rssAfterIndexMiB, atMost: RSS_MIB },
      { name: 'blocks read too', role: 'ours', value: maxRssMiB, atMost: RSS_MIB },
    ],
  })
  if (descriptors !== undefined) amounts({ what: 'Most descriptors of the process at a time, looked at each 20 ms', unit: 'descriptors', figures: [{ name: what, role: 'ours', value: descriptors, atMost: DESCRIPTORS }] })
  amounts({ what: 'The folder of the store, per block', unit: 'B', figures: [{ name: what, role: 'ours', value: bytesBelow(folder) / (count * BLOCKS) }] })
}
