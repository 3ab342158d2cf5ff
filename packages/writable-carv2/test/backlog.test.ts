/** How much may wait in memory to be written, however many put at once and however long their blocks are. */
import { carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import type { WritableFile } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { createWritableCar, extendWritableCar } from '../src/index.ts'
import { blocksOf, memoryFile } from './blocks.ts'
import { takeApart } from './finished.ts'

const MIB = 1 << 20

/** A file that takes its time for each write, and counts what it was given. */
const slowFile = async (): Promise<{ file: WritableFile, readonly writtenBytes: number }> => {
  const { file } = await memoryFile()
  let writtenBytes = 0
  const write = async (at: number, bytes: Uint8Array): Promise<void> => {
    await new Promise((resolve) => { setImmediate(resolve) })
    await file.write(at, bytes)
    writtenBytes += bytes.byteLength
  }
  return { file: new Proxy(file, { get: (target, key) => key === 'write' ? write : Reflect.get(target, key) as unknown }), get writtenBytes () { return writtenBytes } }
}

describe('what waits to be written', () => {
  it('is bounded when many put at once, in chunks too', async () => {
    const slow = await slowFile()
    const car = await createWritableCar(slow.file, { verifyPuts: false, owns: false })
    const names = blocksOf(3, 60)
    let putBytes = 0
    let most = 0
    await Promise.all(names.map(async ({ cid }, i) => {
      const bytes = new Uint8Array(MIB).fill(i)
      await car.put(cid, i % 2 === 0 ? bytes : [bytes])
      putBytes += MIB
      most = Math.max(most, putBytes - slow.writtenBytes)
    }))
    expect(car.blockCount).toBe(names.length)
    expect(most).toBeGreaterThan(1 * MIB)
    expect(most).toBeLessThanOrEqual(6 * MIB)
    await car.close()
  })

  it('is little for a file with much room before its payload', async () => {
    const { file, content } = await memoryFile(carV2({ roots: [], blocks: makeBlocks(5, 3, { min: 1, max: 90 }), dataPadding: 5 * MIB }))
    let longest = 0
    const write = async (at: number, bytes: Uint8Array): Promise<void> => {
      longest = Math.max(longest, bytes.byteLength)
      await file.write(at, bytes)
    }
    const watched: WritableFile = new Proxy(file, { get: (target, key) => key === 'write' ? write : Reflect.get(target, key) as unknown })
    const car = await extendWritableCar(watched)
    const [root] = blocksOf(6, 1)
    await car.put(root!.cid, root!.bytes)
    await car.finalize({ roots: [root!.cid] })
    expect(longest).toBeLessThanOrEqual(MIB)
    expect((await takeApart(content())).roots).toEqual([root!.cid.toString()])
  })

  it('is written when one block alone is more than may wait', async () => {
    const slow = await slowFile()
    const car = await createWritableCar(slow.file, { verifyPuts: false, verify: 'never', maxSectionBytes: 64 * MIB })
    const names = blocksOf(4, 3)
    for (const [i, { cid }] of names.entries()) await car.put(cid, new Uint8Array(20 * MIB).fill(i))
    for (const [i, { cid }] of names.entries()) expect(await car.bytesAt(cid, 5, 1)).toEqual(Uint8Array.of(i))
    expect(slow.writtenBytes).toBeGreaterThanOrEqual(40 * MIB)
    await car.close()
  })
})
