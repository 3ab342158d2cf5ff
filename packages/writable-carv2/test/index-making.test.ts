/** Indices that are larger than the memory for them. */
import { createCrashFs } from '@dagstore-tooling/testkit'
import { IoError } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { createWritableCar, type IndexForm, resumeWritableCar, type WritableCarOptions } from '../src/index.ts'
import { blocksOf, memoryFile, putAll, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const blocks = blocksOf(41, 3000, 20)
const [root] = blocks as [TestBlock]

const finished = async (options: WritableCarOptions, index: IndexForm): Promise<{ readonly bytes: Uint8Array, readonly reach: number }> => {
  const { file, content, log } = await memoryFile()
  const car = await createWritableCar(file, options)
  await putAll(car, blocks)
  await car.finalize({ roots: [root.cid], index })
  const reach = Math.max(...log.filter((line) => line.startsWith('write')).map((line) => {
    const [, at, length] = /(\d+)\+(\d+)$/.exec(line)!
    return Number(at) + Number(length)
  }))
  return { bytes: content(), reach }
}

describe('an index that is larger than the memory for it', () => {
  it.each(['with-trailer', 'multihash-index-sorted', 'index-sorted'] as const)('is the same as in memory, and nothing is left behind it; index=%s', async (index) => {
    const large = await finished({}, index)
    const small = await finished({ indexMemoryBytes: 10_000 }, index)
    expect(Buffer.compare(small.bytes, large.bytes)).toBe(0)
    expect(large.reach).toBe(large.bytes.byteLength)
    // the legacy codec is made in memory
    if (index !== 'index-sorted') expect(small.reach).toBeGreaterThan(large.bytes.byteLength)
  })

  it('leaves a file that goes on when there is no room for it', async () => {
    const fs = createCrashFs({ seed: 1 })
    const car = await createWritableCar(await fs.writableFile('car'), { indexMemoryBytes: 10_000, owns: false })
    await putAll(car, blocks)
    let writes = 0
    fs.faults.failAt(({ kind }) => kind === 'write' && ++writes > 8, new IoError('IO_FULL', 'full', { retry: 'later' }))
    await expect(car.finalize()).rejects.toMatchObject({ code: 'IO_FULL' })
    expect(writes).toBeGreaterThan(8)
    // also for whoever takes it up now
    const copy = createCrashFs({ seed: 2 })
    copy.plant('car', fs.content('car')!)
    expect((await resumeWritableCar(await copy.writableFile('car'))).blockCount).toBe(car.blockCount)
    await car.finalize({ roots: [root.cid] })
    expect((await takeApart(fs.content('car')!)).blocks).toHaveLength(car.blockCount)
  })

  it.each([-1, 0.5, NaN])('is refused memory of %s bytes, and nothing is made', async (indexMemoryBytes) => {
    const { file } = await memoryFile()
    await expect(createWritableCar(file, { indexMemoryBytes })).rejects.toThrow(RangeError)
    expect(file.sizeBytes).toBe(0)
  })
})
