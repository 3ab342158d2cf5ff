import { join } from 'node:path'
import { wrapCar } from '@dagstore/carv2'
import { openFileSource, openWritableFile } from '@dagstore/io/node'
import { openDagstore } from '@dagstore/node'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { serveRanges } from '../src/range-server.mjs'

export const title = 'Requests until a store has the first block of a remote piece'
export const packages = ['dagstore', 'node', 'mounts']

const LOCAL_GOAL = 2
const REMOTE_GOAL = 5
const FORMS = { small: [1000], default: [1000, 100_000], large: [1000, 100_000, 1_000_000] }

const total = (counts) => [...counts.values()].reduce((sum, count) => sum + count, 0)

/** Requests of `work` in a store that was just opened; `then` is not counted. */
const counted = async (server, folder, work, then = async () => {}) => {
  const store = await openDagstore(folder)
  server.counts()
  await work(store)
  const requests = total(server.counts())
  await then(store)
  await store.close()
  return requests
}

const viaLease = (key, cid) => async (store) => {
  const lease = await store.acquire(key)
  await lease.blockstore.bytes(cid)
  await lease.close()
}

export const run = async ({ amounts, scratch, form }) => {
  const sources = {}
  const figures = []
  const indexing = []
  const server = await serveRanges(sources)
  for (const count of FORMS[form]) {
    const what = `${count.toLocaleString('en-GB')} blocks`
    const plain = join(scratch, `${count}.car`)
    const { blocks } = writeCarFile(plain, makeBlocks(1, count, 64, 512))
    const { cid } = blocks[count >> 1]
    sources[`/${count}`] = await openFileSource(plain)
    for (const index of ['trailer', 'standard']) {
      const wrapped = join(scratch, `${count}.${index}.car`)
      const sink = await openWritableFile(wrapped, 'new')
      await wrapCar(sources[`/${count}`], sink, { index })
      await sink.close()
      sources[`/${count}.${index}`] = await openFileSource(wrapped)
    }
    for (const [path, kind] of [[`/${count}`, 'CARv1'], [`/${count}.trailer`, 'CARv2'], [`/${count}.standard`, 'CARv2 of go-car']]) {
      const folder = join(scratch, `store-${count}-${kind}`)
      const never = await counted(server, folder, async (store) => {
        await store.register(kind, `${server.origin}${path}`)
        await viaLease(kind, cid)(store)
      }, (store) => store.initialize(kind))
      indexing.push({ name: `${what}, ${kind}`, role: 'ours', value: never, ...(kind === 'CARv1' ? {} : { atMost: REMOTE_GOAL }) })
      figures.push({ name: `${what}, ${kind}, by key`, role: 'ours', value: await counted(server, folder, viaLease(kind, cid)), atMost: LOCAL_GOAL })
      figures.push({ name: `${what}, ${kind}, by CID alone`, role: 'ours', value: await counted(server, folder, (store) => store.blockstore.bytes(cid)), atMost: LOCAL_GOAL })
    }
  }
  amounts({ what: 'The store just opened, the shard indexed before, nothing cached', unit: 'requests', figures })
  amounts({ what: 'A shard that was never indexed: its index is remote (in the CARv2) or has to be built', unit: 'requests', figures: indexing })
  await server.close()
  for (const source of Object.values(sources)) await source.close()
}
