import { payloadForm, readEntity, walkDag, walkPath } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { CarReader, CarWriter } from '@ipld/car'
import * as dagPb from '@ipld/dag-pb'
import { sha256 } from 'multiformats/hashes/sha2'
import { makeBlocks } from '../src/car-files.mjs'
import { fileBlocks } from '../src/file-dag.mjs'

export const title = 'Walk a file of 200,000 small blocks in memory'
export const packages = ['dag']

const LEAVES = 200_000
const ROUNDS = 3
const DAG_PB = 0x70

/** A balanced file over raw leaves of 64 to 192 bytes: its root, and all blocks as a CAR in the order of the walk. */
const makeFile = async (hashes, leaves) => {
  const digest = (bytes) => hashes.digest(0x12, bytes)
  const blocks = fileBlocks(makeBlocks(1, leaves, 64, 192, { hash: digest }), digest)
  const root = blocks[0].cid
  const { writer, out } = CarWriter.create([root])
  const parts = []
  const written = (async () => { for await (const part of out) parts.push(part) })()
  for (const block of blocks) await writer.put(block)
  await writer.close()
  await written
  return { root, count: blocks.length, car: Buffer.concat(parts) }
}

/** What such a walk is usually written like: blocks by the text of their CID (`CarReader.get` searches them one by one). */
const usualWalk = async function * (blocks, cid, verified, met = new Set()) {
  const key = cid.toString()
  if (met.has(key)) return
  met.add(key)
  const bytes = await blocks.get(key)
  if (verified) {
    const { digest } = await sha256.digest(bytes)
    if (Buffer.compare(digest, cid.multihash.digest) !== 0) throw new Error('damaged')
  }
  yield { cid, bytes }
  if (cid.code === DAG_PB) for (const { Hash } of dagPb.decode(bytes).Links) yield * usualWalk(blocks, Hash, verified, met)
}

export const run = async ({ compare }) => {
  const hashes = await openHashes()
  const { root, count, car: carBytes } = await makeFile(hashes, LEAVES)
  const car = await CarReader.fromBytes(carBytes)
  // what our stores have: whole blocks; nothing is looked up by text
  const blocks = new Map()
  const byText = new Map()
  for await (const { cid, bytes } of car.blocks()) {
    blocks.set(String.fromCharCode.apply(null, cid.bytes), bytes)
    byText.set(cid.toString(), bytes)
  }
  const store = {
    async * get (cid) { yield blocks.get(String.fromCharCode.apply(null, cid.bytes)) },
    bytes: async (cid) => blocks.get(String.fromCharCode.apply(null, cid.bytes)),
  }
  const counted = (make, wanted = count) => async () => {
    let seen = 0
    for await (const one of make()) if (one !== undefined) seen++
    if (seen < wanted) throw new Error(`too few; want=${wanted} got=${seen}`)
  }
  const hashing = { name: 'hashing alone', role: 'floor', run: async () => { for await (const { cid, bytes } of car.blocks()) if (!hashes.matches(0x12, cid.multihash.digest, bytes)) throw new Error('damaged') } }
  await compare({
    what: 'every block, verified',
    rounds: ROUNDS,
    work: { bytes: carBytes.byteLength, items: count },
    cases: [
      { name: 'walkDag', role: 'ours', run: counted(() => walkDag(store, root, { hashes })) },
      { name: 'walkDag with duplicates', role: 'ours', run: counted(() => walkDag(store, root, { hashes, duplicates: true })) },
      { name: 'walkDag with lookAhead: 8', role: 'ours', run: counted(() => walkDag(store, root, { hashes, lookAhead: 8 })) },
      { name: 'walkPath, entity', role: 'ours', run: counted(() => walkPath(store, root, { hashes, scope: 'entity' })) },
      { name: 'readEntity', role: 'ours', run: counted(() => readEntity(store, root, { hashes }), LEAVES) },
      { name: '@ipld/dag-pb and a Map', role: 'peer', run: counted(() => usualWalk(byText, root, true)) },
      hashing,
    ],
    wanted: [{ name: 'walkDag', against: '@ipld/dag-pb and a Map', atLeast: 2 }],
  })
  await compare({
    what: 'every block, from a store that has verified it',
    rounds: ROUNDS,
    work: { bytes: carBytes.byteLength, items: count },
    cases: [
      { name: 'walkDag', role: 'ours', run: counted(() => walkDag(store, root, { verify: 'never' })) },
      { name: 'walkDag with duplicates', role: 'ours', run: counted(() => walkDag(store, root, { verify: 'never', duplicates: true })) },
      { name: 'payloadForm', role: 'ours', run: counted(() => payloadForm(store, root, { verify: 'never' })) },
      { name: '@ipld/dag-pb and a Map', role: 'peer', run: counted(() => usualWalk(byText, root, false)) },
      { name: 'CarWriter alone', role: 'peer', run: () => writeAll(root, car) },
    ],
    wanted: [{ name: 'walkDag', against: '@ipld/dag-pb and a Map', atLeast: 2 }],
  })
  await compareFarAway(compare, hashes)
}

const FAR_LEAVES = 500
const LATENCY_MS = 2

/** A store that takes its time, as one behind a network does: what looking ahead is for. */
const compareFarAway = async (compare, hashes) => {
  const { root, count, car } = await makeFile(hashes, FAR_LEAVES)
  const blocks = new Map()
  for await (const { cid, bytes } of (await CarReader.fromBytes(car)).blocks()) blocks.set(cid.toString(), bytes)
  const far = async (cid) => {
    await new Promise((resolve) => { setTimeout(resolve, LATENCY_MS) })
    return blocks.get(cid.toString())
  }
  const store = { async * get (cid) { yield await far(cid) }, bytes: far }
  const walk = (lookAhead) => async () => {
    let seen = 0
    for await (const block of walkDag(store, root, { hashes, lookAhead })) seen += block.depth < 0 ? 0 : 1
    if (seen !== count) throw new Error(`walked ${seen} of ${count}`)
  }
  await compare({
    what: `every block, ${LATENCY_MS} ms away, ${FAR_LEAVES} leaves`,
    work: { items: count },
    rounds: ROUNDS,
    cases: [
      ...[0, 4, 16].map((lookAhead) => ({ name: `walkDag with lookAhead: ${lookAhead}`, role: 'ours', run: walk(lookAhead) })),
      { name: 'one get after another', role: 'peer', run: async () => { for (const cid of blocks.keys()) await far(cid) } },
    ],
    wanted: [{ name: 'walkDag with lookAhead: 16', against: 'one get after another', atLeast: 8 }],
  })
}

const writeAll = async (root, car) => {
  const { writer, out } = CarWriter.create([root])
  let bytes = 0
  const read = (async () => { for await (const part of out) bytes += part.byteLength })()
  for await (const block of car.blocks()) await writer.put(block)
  await writer.close()
  await read
}
