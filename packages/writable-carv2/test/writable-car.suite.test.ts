import { type ReadBlockstoreSubject, readBlockstoreSuite } from '@dagstore/read-blockstore/suite'
import { createCrashFs } from '@dagstore-tooling/testkit'
import { IoError, type WritableFile } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { createWritableCar, extendWritableCar, resumeWritableCar, type WritableCar } from '../src/index.ts'
import { putAll, type TestBlock } from './blocks.ts'

/** The suite on a store in one of its stages; `arrive` brings one with these blocks there, all of them on disk but for 'put'. */
const subject = (arrive: (file: WritableFile, blocks: readonly TestBlock[]) => Promise<WritableCar>): ReadBlockstoreSubject => ({
  open: async (blocks) => arrive(await createCrashFs({ seed: 1 }).writableFile('car'), blocks),
  openUnreadable: async (blocks) => {
    const fs = createCrashFs({ seed: 1 })
    const car = await arrive(await fs.writableFile('car'), blocks)
    await car.checkpoint().catch(() => {}) // refused where there is nothing left to write
    fs.faults.failAt(({ kind }) => kind === 'read', () => new IoError('IO_FAILED', 'the disk is broken'), Infinity)
    return car
  },
  openDamaged: async (blocks) => {
    const fs = createCrashFs({ seed: 1 })
    const file = await fs.writableFile('car')
    const car = await arrive(file, blocks)
    await car.checkpoint().catch(() => {})
    for (const { bytes } of blocks) {
      const at = Buffer.from(fs.content('car')!).indexOf(bytes)
      await file.write(at, Uint8Array.of(bytes[0]! ^ 1))
    }
    return car
  },
})

const filled = async (file: WritableFile, blocks: readonly TestBlock[], owns = true): Promise<WritableCar> => {
  const car = await createWritableCar(file, { owns })
  await putAll(car, blocks)
  return car
}

readBlockstoreSuite('writable-carv2, as put', { describe, it, expect }, subject(filled))

readBlockstoreSuite('writable-carv2, after a checkpoint', { describe, it, expect }, subject(async (file, blocks) => {
  const car = await filled(file, blocks)
  await car.checkpoint()
  return car
}))

readBlockstoreSuite('writable-carv2, finalized', { describe, it, expect }, subject(async (file, blocks) => {
  const car = await filled(file, blocks)
  await car.finalize()
  return car
}))

readBlockstoreSuite('writable-carv2, resumed', { describe, it, expect }, subject(async (file, blocks) => {
  await (await filled(file, blocks, false)).close()
  return resumeWritableCar(file)
}))

readBlockstoreSuite('writable-carv2, extended', { describe, it, expect }, subject(async (file, blocks) => {
  const car = await filled(file, blocks, false)
  await car.finalize()
  await car.close()
  return extendWritableCar(file)
}))
