import { join } from 'node:path'
import { wrapCar } from '@dagstore/carv2'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { openHttpSource } from '@dagstore/io/http'
import { openFileSource, openWritableFile } from '@dagstore/io/node'
import { CID } from 'multiformats/cid'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { serveRanges } from '../src/range-server.mjs'
import { cidOf, virtualCar } from '../src/virtual-car.mjs'

export const title = 'Requests until the first block of a remote piece is there'
export const packages = ['io', 'carv2-index-mount', 'carv2']

const LOCAL_GOAL = 2
const REMOTE_GOAL = 5
const WRAPPED = 100_000

/** Requests of all that is done from opening to the first block; `cid` is in the middle. */
const countOpening = async (server, { data, index, local, cid, verify }) => {
  server.counts()
  const parts = { data: await openHttpSource(`${server.origin}${data}`) }
  if (local !== undefined) parts.index = await openFileSource(local)
  // an index is opened from its end, so that is what the first request brings
  else if (index !== undefined) parts.index = await openHttpSource(`${server.origin}${index}`, { first: { from: 'end', bytes: 1 << 20 } })
  const mount = await openIndexMount(parts, { verify, indexTrust: 'use' })
  await mount.blockstore.bytes(cid)
  const counted = server.counts()
  await mount.close()
  return [...counted.values()].reduce((sum, count) => sum + count, 0)
}

export const run = async ({ amounts, inChild, scratch }) => {
  const sizes = [1000, 100_000, 3_000_000]
  const wrapped = join(scratch, 'wrapped.car')
  const { blocks } = writeCarFile(join(scratch, 'plain.car'), makeBlocks(1, WRAPPED, 64, 512))
  const [plain, sink] = [await openFileSource(join(scratch, 'plain.car')), await openWritableFile(wrapped, 'new')]
  await wrapCar(plain, sink)
  const opened = [plain, sink, await openFileSource(wrapped)]
  const sources = { '/wrapped': opened[2] }
  for (const count of sizes) {
    await inChild(new URL('children/index-memory.mjs', import.meta.url), { way: 'scratch', count, scratch })
    const index = await openFileSource(join(scratch, `${count}.idx`))
    opened.push(index)
    sources[`/data-${count}`] = { ...virtualCar(count) }
    sources[`/index-${count}`] = index
  }
  const server = await serveRanges(sources)
  const figures = []
  for (const count of sizes) {
    const what = `${count.toLocaleString('en-GB')} blocks`
    // the digests of a made-up CAR are not those of its data
    const one = { data: `/data-${count}`, cid: CID.decode(cidOf(count >> 1)), verify: 'never' }
    figures.push({ name: `${what}, index local`, role: 'ours', value: await countOpening(server, { ...one, local: join(scratch, `${count}.idx`) }), atMost: LOCAL_GOAL })
    figures.push({ name: `${what}, index remote, a file of its own`, role: 'ours', value: await countOpening(server, { ...one, index: `/index-${count}` }), atMost: REMOTE_GOAL })
  }
  const { cid } = blocks[WRAPPED >> 1]
  figures.push({ name: `${WRAPPED.toLocaleString('en-GB')} blocks, index in the same CARv2`, role: 'ours', value: await countOpening(server, { data: '/wrapped', cid, verify: 'always' }), atMost: REMOTE_GOAL })
  amounts({ what: 'Opening and one block, nothing cached', unit: 'requests', figures })
  await server.close()
  for (const one of opened) await one.close()
}
