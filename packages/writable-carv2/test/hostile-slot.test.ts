/** Slots with a right checksum that nobody here has written: what they say costs neither memory nor disk. */
import { IDENTITY_POLICIES, PRAGMA } from '@dagstore/carv2'
import { describe, expect, it } from 'vitest'
import { createWritableCar, resumeWritableCar } from '../src/index.ts'
import { encodeSlot, type ResumeSlot, SLOTS_OFFSET } from '../src/resume-slot.ts'
import { memoryFile } from './blocks.ts'

const MIB = 1 << 20

const fileWith = (slot: Pick<ResumeSlot, 'start' | 'header'>, sizeBytes = 512): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes)
  bytes.set(PRAGMA)
  bytes.set(encodeSlot({ sequence: 2, syncedEnd: slot.start, blockCount: 0, maxSectionBytes: 100, maxCidBytes: 100, wholeCid: false, duplicates: false, identity: IDENTITY_POLICIES.full, ...slot }), SLOTS_OFFSET)
  return bytes
}

describe('a resume slot', () => {
  it('that lets a file begin where no file can is refused, and the file is not made longer', async () => {
    const { file } = await memoryFile(fileWith({ start: 2 ** 50, header: undefined }))
    await expect(resumeWritableCar(file)).rejects.toMatchObject({ code: 'WRITABLE_CAR_DAMAGED' })
    expect(file.sizeBytes).toBe(512)
  })

  it('with a CARv1 header longer than readers take is not read for it', async () => {
    const start = 40 * MIB
    const { file, log } = await memoryFile(fileWith({ start, header: { offset: 512, crc: 0 } }, start))
    const car = await resumeWritableCar(file)
    expect(car.roots).toBeUndefined()
    const longest = Math.max(...log.filter((line) => line.startsWith('read')).map((line) => Number(/\+(\d+)$/.exec(line)?.[1] ?? 0)))
    expect(longest).toBeLessThan(MIB)
  })

  it('is never made for more than readers take', async () => {
    const { file } = await memoryFile()
    await expect(createWritableCar(file, { reserveBytes: 33 * MIB })).rejects.toThrow(RangeError)
    expect(file.sizeBytes).toBe(0)
  })
})
