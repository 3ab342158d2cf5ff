/** CARs to be served: blocks to be asked for one by one, and files of which each is a CAR in the order of a walk. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDagstore } from '@dagstore/node'
import { makeBlocks, writeCarFile } from './car-files.mjs'
import { fileBlocks } from './file-dag.mjs'

const MIB = 1 << 20

export const RAW_SIZES = [['1 KiB', 1 << 10, 16_384], ['16 KiB', 1 << 14, 2048], ['256 KiB', 1 << 18, 192], ['1 MiB', MIB, 64]]
/** Leaves: how many, of how many bytes at least and at most. */
const FILES = {
  'large leaves': [64, MIB, MIB],
  'large leaves, short': [4, MIB, MIB],
  'small leaves': [3200, 1 << 10, 1 << 12],
  'small leaves, short': [400, 1 << 10, 1 << 12],
}

/**
 * Writes CARs below `folder`.
 *
 * @returns `cars`: their paths; `raw`: by name of the size, paths of requests and bytes of a block; `files`: by name, path of the
 *   request and bytes of the CAR; `places`: a file that tells plain servers where everything is
 */
export const makeServed = (folder) => {
  mkdirSync(folder, { recursive: true })
  const [cars, places, raw, files] = [[], [], {}, {}]
  for (const [n, [name, bytes, count]] of RAW_SIZES.entries()) {
    const path = join(folder, `raw-${bytes}.car`)
    const { blocks } = writeCarFile(path, makeBlocks(n + 1, count, bytes, bytes))
    cars.push(path)
    raw[name] = { bytes, paths: shuffled(blocks).map(({ cid, offset, length }) => {
      const target = `/ipfs/${cid}?format=raw`
      places.push([target, path, offset, length])
      return target
    }) }
  }
  for (const [n, [name, [count, least, most]]] of Object.entries(FILES).entries()) {
    const path = join(folder, `file-${n}.car`)
    const { blocks, sizeBytes } = writeCarFile(path, fileBlocks(makeBlocks(100 + n, count, least, most)))
    cars.push(path)
    files[name] = { path: `/ipfs/${blocks[0].cid}?format=car`, bytes: sizeBytes, blocks: blocks.length }
    places.push([files[name].path, path, 0, sizeBytes])
  }
  const placesFile = join(folder, 'places.json')
  writeFileSync(placesFile, JSON.stringify(places))
  return { cars, raw, files, places: placesFile }
}

/** The same order every time. */
const shuffled = (items) => {
  const order = [...items]
  for (let i = order.length - 1, state = 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const j = state % (i + 1)
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order
}

/** A store in `folder` with the CARs in it, indexed. */
export const makeStore = async (folder, cars) => {
  const store = await openDagstore(folder)
  const items = cars.map((path, n) => ({ key: `car-${n}`, mountUrl: `file://${path}` }))
  for await (const { ok, error } of store.registerMany(items)) if (!ok) throw error
  for await (const { ok, error } of store.initializeAll()) if (!ok) throw error
  await store.close()
}
