import type { WritableFile } from '@dagstore/io'
import { createWritableCar, type WritableCar, WritableCarError } from '@dagstore/writable-carv2'
import { createCarFile, resumeCarFile } from '@dagstore/writable-carv2/node'
import type { Blockstore } from 'interface-blockstore'
import type { CID } from 'multiformats/cid'

export const firstUse = async (file: WritableFile, path: string, cid: CID, bytes: Uint8Array): Promise<number> => {
  const car: WritableCar = await createWritableCar(file, { roots: [cid] })
  const anyStore: Pick<Blockstore, 'put' | 'get' | 'has'> = car
  await anyStore.put(cid, bytes)
  await car.checkpoint()
  const { blockCount } = await car.finalize()
  await car.close()
  try {
    await (await createCarFile(path)).discard()
  } catch (error) {
    if (error instanceof WritableCarError) await (await resumeCarFile(path)).close()
  }
  return blockCount
}
