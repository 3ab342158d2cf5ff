/** A tree as a CARv2 file of its own, in one pass. */
import type { Hashes } from '@dagstore/hashes'
import type { Directory, TreeEntry, WritableFile } from '@dagstore/io'
import { buildTree, type BuildTreeOptions } from '@dagstore/unixfs-builder'
import { createWritableCar, type WritableCar } from '@dagstore/writable-carv2'
import type { ImportRecord } from './record.ts'

/**
 * Write the blocks of a tree into the new file `name`, identity blocks included, and finish it with the tree's root. On
 * return it is durable and closed; when it rejects, what there is of it is the caller's to remove.
 *
 * @param scratchName - of a file for directories larger than memory, made when one comes; gone on return, and when it
 *   rejects the caller's to remove too
 */
export const writeCar = async (
  directory: Directory, name: string, scratchName: string, entry: TreeEntry, options: BuildTreeOptions & { readonly hashes: Hashes },
): Promise<Pick<ImportRecord, 'root' | 'blocks' | 'carBytes' | 'fileBytes'>> => {
  const file = await directory.openWritable(name, 'new')
  let car: WritableCar | undefined
  let scratch: WritableFile | undefined
  try {
    // the builder has just hashed what it puts
    car = await createWritableCar(file, { hashes: options.hashes, identity: 'full', verifyPuts: false, owns: false })
    const { cid, fileBytes } = await buildTree(entry, car, { ...options, scratch: async () => scratch = await directory.openWritable(scratchName, 'new') })
    options.signal?.throwIfAborted()
    const { blockCount, sizeBytes } = await car.finalize({ roots: [cid] })
    if (scratch !== undefined) {
      await scratch.close()
      await directory.remove(scratchName)
    }
    return { root: cid, blocks: blockCount, carBytes: sizeBytes, fileBytes }
  } finally {
    // after finalize there is nothing left to write, and of a failed import nothing is kept
    await car?.discard()
    await scratch?.close()
    await file.close()
  }
}
