/** A tree as a CARv2 file of its own, in one pass. */
import type { Hashes } from '@dagstore/hashes'
import type { Directory, TreeEntry, WritableFile } from '@dagstore/io'
import { createRefCar } from '@dagstore/ref-carv2'
import { type BlockSink, buildTree, type BuildTreeOptions } from '@dagstore/unixfs-builder'
import { createWritableCar } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'

export interface WriteCarOptions extends BuildTreeOptions {
  readonly hashes: Hashes
  /** Absolute path of the tree, into which leaves become references; `undefined`: the CAR holds its data, identity blocks included. */
  readonly path: string | undefined
}

export interface WrittenCar {
  readonly root: CID
  readonly blocks: number
  readonly carBytes: number
  readonly fileBytes: number
}

interface CarSink extends BlockSink {
  finish(root: CID): Promise<{ readonly blockCount: number, readonly sizeBytes: number }>
  discard(): Promise<void>
}

/**
 * Write a tree into the new file `name` and finish it with the tree's root. On return it is durable and closed; when it
 * rejects, what there is of it is the caller's to remove.
 *
 * @param scratchName - of a file for directories larger than memory, made when one comes; gone on return, and when it
 *   rejects the caller's to remove too
 */
export const writeCar = async (directory: Directory, name: string, scratchName: string, entry: TreeEntry, options: WriteCarOptions): Promise<WrittenCar> => {
  const file = await directory.openWritable(name, 'new')
  let car: CarSink | undefined
  let scratch: WritableFile | undefined
  try {
    car = await (options.path === undefined ? denseSink(file, options.hashes) : refSink(file, options.hashes, options.path))
    const { cid, fileBytes } = await buildTree(entry, car, { ...options, scratch: async () => scratch = await directory.openWritable(scratchName, 'new') })
    options.signal?.throwIfAborted()
    const { blockCount, sizeBytes } = await car.finish(cid)
    if (scratch !== undefined) {
      await scratch.close()
      await directory.remove(scratchName)
    }
    return { root: cid, blocks: blockCount, carBytes: sizeBytes, fileBytes }
  } finally {
    // after the end there is nothing left to write, and of a failed import nothing is kept
    await car?.discard()
    await scratch?.close()
    await file.close()
  }
}

const denseSink = async (file: WritableFile, hashes: Hashes): Promise<CarSink> => {
  // the builder has just hashed what it puts
  const car = await createWritableCar(file, { hashes, identity: 'full', verifyPuts: false, owns: false })
  return { keepsBytes: false, put: (cid, bytes) => car.put(cid, bytes), finish: (root) => car.finalize({ roots: [root] }), discard: () => car.discard() }
}

const refSink = async (file: WritableFile, hashes: Hashes, path: string): Promise<CarSink> => {
  const folder = path.endsWith('/') ? path.slice(0, -1) : path
  const car = await createRefCar(file, { hashes, pathOf: (name) => name === '' ? folder : `${folder}/${name}` })
  return { keepsBytes: false, put: (cid, bytes, leaf) => car.put(cid, bytes, leaf), finish: (root) => car.finalize([root]), discard: () => car.discard() }
}
