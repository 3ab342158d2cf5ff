/** A file of many leaves of 1 MiB as a DAG in a CARv2 file on disk. */
import { join } from 'node:path'
import { openHashes } from '@dagstore/hashes/node'
import { openDirectory, openTree } from '@dagstore/io/node'
import { buildTree } from '@dagstore/unixfs-builder'
import { createWritableCar } from '@dagstore/writable-carv2'
import { makeLargeFile } from './large-file.mjs'

/** @returns where it is, its root, and the length of its payload in bytes */
export const makeLargeDag = async (folder, bytes) => {
  const path = join(folder, 'file.bin')
  makeLargeFile(path, bytes)
  const hashes = await openHashes()
  const car = await createWritableCar(await openDirectory(folder).openWritable('dag.car', 'any'), { hashes, verifyPuts: false, roots: [] })
  const { cid } = await buildTree(await openTree(path), { put: (each, block) => car.put(each, block) }, { hashes, profile: 'unixfs-v1-2025' })
  const { payloadBytes, blockCount } = await car.finalize({ roots: [cid] })
  await car.close()
  return { path: join(folder, 'dag.car'), root: cid, payloadBytes, blockCount }
}
