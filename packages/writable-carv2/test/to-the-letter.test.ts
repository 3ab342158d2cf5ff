/** What the design says of a file under construction, where no other test here looks at it alone. */
import { describe, expect, it } from 'vitest'
import { createWritableCar, resumeWritableCar } from '../src/index.ts'
import { decodeSlot } from '../src/resume-slot.ts'
import { blocksOf, memoryFile, putAll, type TestBlock } from './blocks.ts'

const blocks = blocksOf(81, 5)
const [first] = blocks as [TestBlock]

describe('a file under construction', () => {
  it('has its sections from 4096 on, and slots in bytes 64 to 511, written in turn', async () => {
    const { file, content, log } = await memoryFile()
    const car = await createWritableCar(file)
    for (const block of blocks) {
      await putAll(car, [block])
      await car.checkpoint()
    }
    expect(log.filter((line) => /^write car \d+\+224$/.test(line)).map((line) => line.split(' ')[2])).toEqual(['64+224', '288+224', '64+224', '288+224', '64+224'])
    const slots = [64, 288].map((at) => decodeSlot(content().subarray(at, at + 224)))
    expect(slots.map((slot) => slot?.sequence)).toEqual([6, 5])
    expect(slots.map((slot) => slot?.blockCount)).toEqual([5, 4])
    expect(slots.map((slot) => slot?.start)).toEqual([4096, 4096])
    expect(slots[0]?.syncedEnd).toBe(content().byteLength)
    expect([...content().subarray(4097, 4097 + first.cid.bytes.byteLength)].join()).toContain([...first.cid.bytes].slice(0, 30).join())
  })

  it('writes no slot when nothing was put since the last checkpoint', async () => {
    const { file, log } = await memoryFile()
    const car = await createWritableCar(file)
    await putAll(car, blocks)
    await car.checkpoint()
    const before = log.length
    await car.checkpoint()
    await putAll(car, blocks)
    await car.checkpoint()
    expect(log).toHaveLength(before)
  })

  it('is trusted in structure up to the synced end: damage there is no reason to cut, and is an error when it is read', async () => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { owns: false })
    await putAll(car, blocks)
    await car.close()
    const at = Buffer.from(content()).indexOf(first.bytes)
    await file.write(at, Uint8Array.of(first.bytes[0]! ^ 1))
    const resumed = await resumeWritableCar(file)
    expect(resumed.blockCount).toBe(blocks.length)
    await expect(resumed.bytes(first.cid)).rejects.toMatchObject({ code: 'BLOCKSTORE_HASH_MISMATCH' })
    expect(await resumed.bytes(blocks[1]!.cid)).toEqual(blocks[1]!.bytes)
  })
})
