/** A CAR of references as one that holds its data. */
import { walkDag } from '@dagstore/dag'
import type { ByteProgress, CallOptions, WritableFile } from '@dagstore/io'
import { createWritableCar, type FinalizedFacts } from '@dagstore/writable-carv2'
import type { RefCar } from './ref-car.ts'

export interface ToDenseOptions extends CallOptions {
  /** Bytes of the blocks that were stored. */
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/**
 * Everything under the roots as one CARv2 in an empty file, in the order of the payload form (depth first, parents before
 * children, each whole CID once, identity CIDs as sections): with one root its CARv1 is what a deal is about. The file
 * stays open.
 *
 * @throws {RefCarError} a leaf can not be had from its file
 * @throws {MissingBlockError} a block is neither stored nor in a file
 * @throws {WritableCarError} `WRITABLE_CAR_NOT_EMPTY`
 */
export const toDense = async (car: Pick<RefCar, 'roots' | 'blockstore'>, file: WritableFile, { signal, onProgress }: ToDenseOptions = {}): Promise<FinalizedFacts> => {
  const dense = await createWritableCar(file, { wholeCid: true, identity: 'full', verifyPuts: false, verify: 'never', owns: false })
  try {
    let doneBytes = 0
    for (const root of car.roots) {
      for await (const { cid, bytes } of walkDag(car.blockstore, root, { signal, verify: 'never' })) { // the store has hashed it
        await dense.put(cid, bytes)
        doneBytes += bytes.byteLength
        onProgress?.({ doneBytes, totalBytes: undefined })
      }
    }
    const facts = await dense.finalize({ roots: car.roots, signal })
    await dense.close()
    return facts
  } catch (error) {
    await dense.discard()
    throw error
  }
}
