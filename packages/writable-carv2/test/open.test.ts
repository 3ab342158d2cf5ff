import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { carV1, carV2, makeBlocks, sharedFixtures } from '@dagstore-tooling/fixtures'
import { IDENTITY_POLICIES } from '@dagstore/carv2'
import { describe, expect, it } from 'vitest'
import { createWritableCar, extendWritableCar, resumeWritableCar } from '../src/index.ts'
import { decodeSlot, encodeSlot, newestSlot } from '../src/resume-slot.ts'
import { all, blocksOf, memoryFile, putAll, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const blocks = blocksOf(5, 5)
const [first] = blocks as [TestBlock]
const refused = (code: string): unknown => expect.objectContaining({ code })

/** An unfinalized file: three blocks before the checkpoint, two behind it, all of them written. */
const unfinished = async (): Promise<Uint8Array> => {
  const { file, content } = await memoryFile()
  const car = await createWritableCar(file, { roots: [first.cid], owns: false })
  await putAll(car, blocks.slice(0, 3))
  await car.checkpoint()
  const checkpointed = content().slice(0, 512)
  await putAll(car, blocks.slice(3))
  await car.close()
  const bytes = content()
  bytes.set(checkpointed) // as if the process had died before the last slot
  return bytes
}
const ends = (): number[] => {
  let at = 4096
  return blocks.map(({ cid, bytes }) => {
    const body = cid.bytes.byteLength + bytes.byteLength
    return at += body + (body < 128 ? 1 : 2)
  })
}

describe('roots that can not be had', () => {
  const many = blocksOf(9, 200).map(({ cid }) => cid)
  const wrong = [
    { why: 'are no CIDs', roots: ['no CID'] as never, error: expect.any(TypeError) as unknown },
    { why: 'do not fit', roots: many, error: refused('WRITABLE_CAR_ROOTS_TOO_LARGE') },
  ]

  it.each(wrong)('leave a finalized file as it was when they $why', async ({ roots, error }) => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { owns: false })
    await putAll(car, blocks)
    await car.finalize({ roots: [first.cid] })
    const before = content().slice()
    await expect(extendWritableCar(file, { roots })).rejects.toEqual(error)
    expect(Buffer.compare(content(), before)).toBe(0)
  })

  it.each(wrong)('leave an unfinished file as it was when they $why', async ({ roots, error }) => {
    const before = await unfinished()
    const { file, content } = await memoryFile(before.slice())
    await expect(resumeWritableCar(file, { roots })).rejects.toEqual(error)
    expect(Buffer.compare(content(), before)).toBe(0)
  })
})

describe('resumeWritableCar', () => {
  it('finds again what was put, checkpointed or not, and the roots', async () => {
    const { file } = await memoryFile(await unfinished())
    const car = await resumeWritableCar(file)
    expect(car.blockCount).toBe(5)
    expect(car.roots?.map(String)).toEqual([first.cid.toString()])
    for (const { cid, bytes } of blocks) expect(await car.bytes(cid)).toEqual(bytes)
  })

  it('cuts at the first section that is not whole, whichever byte the file ends at', async () => {
    const whole = await unfinished()
    const synced = ends()[2]!
    for (let length = synced; length <= whole.byteLength; length++) {
      const { file } = await memoryFile(whole.subarray(0, length))
      const car = await resumeWritableCar(file, { owns: false })
      expect(car.blockCount).toBe(ends().filter((end) => end <= length).length)
      expect(file.sizeBytes).toBe(ends().filter((end) => end <= length).at(-1))
      await car.discard()
    }
  })

  it('refuses a file that ends before what was on disk, whichever byte it ends at, and changes nothing', async () => {
    const whole = await unfinished()
    for (let length = 0; length < ends()[2]!; length += length < 4000 ? 13 : 1) {
      const { file, content } = await memoryFile(whole.slice(0, length))
      await expect(resumeWritableCar(file)).rejects.toEqual(refused(length < 512 ? 'WRITABLE_CAR_NOT_OURS' : 'WRITABLE_CAR_DAMAGED'))
      expect(content().byteLength).toBe(length)
    }
  })

  it('survives a changed bit anywhere before the sections: the slots say the same, or the file is refused', async () => {
    const whole = await unfinished()
    for (let at = 0; at < 512; at++) {
      const bytes = whole.slice()
      bytes[at]! ^= 1 << (at % 8)
      const { file } = await memoryFile(bytes)
      const car = await resumeWritableCar(file).catch((error: unknown) => error as { code: string })
      if ('code' in car) expect(at < 11, `byte ${at}: ${car.code}`).toBe(true)
      else expect(car.blockCount, `byte ${at}`).toBe(5)
    }
  })

  it('cuts at a section whose data or CID is not what was written, whichever byte has changed', async () => {
    const whole = await unfinished()
    for (let at = ends()[2]!; at < ends()[3]!; at++) {
      const bytes = whole.slice()
      bytes[at]! ^= 0x10
      const { file, content } = await memoryFile(bytes)
      // the code of the hash: a block of a hash that nobody here knows
      const [hashByte, codecByte] = [2, 1].map((byte) => ends()[2]! + (ends()[3]! - ends()[2]! - blocks[3]!.bytes.byteLength - 36) + byte)
      if (at === hashByte) {
        await expect(resumeWritableCar(file)).rejects.toEqual(refused('BLOCKSTORE_UNKNOWN_HASH'))
        expect(Buffer.compare(content(), bytes)).toBe(0)
        continue
      }
      const car = await resumeWritableCar(file)
      // the codec of the CID is not covered by the hash: another one is another CID of the same block
      expect(car.blockCount, `byte ${at}`).toBe(at === codecByte ? 5 : 3)
      await expect(all(car.getAll())).resolves.toBeDefined()
    }
  })

  it('takes zeros behind the sections for a hole', async () => {
    const whole = await unfinished()
    const { file } = await memoryFile(Buffer.concat([whole, new Uint8Array(10_000)]))
    const car = await resumeWritableCar(file)
    expect(car.blockCount).toBe(5)
    expect(file.sizeBytes).toBe(whole.byteLength)
  })

  it('refuses a file in which blocks are gone that were on disk, and changes nothing', async () => {
    const whole = await unfinished()
    const cut = whole.slice(0, ends()[1])
    const zeros = whole.slice()
    zeros.fill(0, ends()[1]!, ends()[2]!)
    const torn = whole.slice()
    torn[ends()[1]!] = 0xff
    for (const bytes of [cut, zeros, torn]) {
      const { file, content } = await memoryFile(bytes)
      await expect(resumeWritableCar(file)).rejects.toEqual(refused('WRITABLE_CAR_DAMAGED'))
      expect(Buffer.compare(content(), bytes)).toBe(0)
    }
  })

  it('takes a newer slot that is torn for none, and the older one for true', async () => {
    const whole = await unfinished()
    const slots = [64, 288].map((at) => decodeSlot(whole.subarray(at, at + 224)))
    expect(slots.map((slot) => slot?.sequence)).toEqual([2, 1])
    for (let at = 64; at < 288; at++) {
      const bytes = whole.slice()
      bytes[at]! ^= 1
      expect(newestSlot(bytes.subarray(0, 512))?.sequence).toBe(1)
    }
    whole[100]! ^= 1
    const car = await resumeWritableCar((await memoryFile(whole)).file)
    expect(car.blockCount).toBe(5)
  })

  it('refuses a finalized file, one that is not ours, and none at all', async () => {
    const finalized = await memoryFile()
    const car = await createWritableCar(finalized.file, { owns: false })
    await car.finalize()
    await expect(resumeWritableCar(finalized.file)).rejects.toEqual(refused('WRITABLE_CAR_FINALIZED'))
    const fixtures = makeBlocks(1, 3, { min: 1, max: 9 })
    for (const bytes of [new Uint8Array(0), new Uint8Array(5000), carV1([], makeBlocks(1, 30, { min: 90, max: 99 })), (await unfinished()).fill(0, 64, 512)]) {
      await expect(resumeWritableCar((await memoryFile(bytes)).file)).rejects.toEqual(refused('WRITABLE_CAR_NOT_OURS'))
    }
    await expect(resumeWritableCar((await memoryFile(carV2({ roots: [], blocks: fixtures, dataPadding: 600 }))).file)).rejects.toEqual(refused('WRITABLE_CAR_FINALIZED'))
  })

  it('keeps what the file was made with, and refuses to be told otherwise', async () => {
    const { file } = await memoryFile()
    const made = await createWritableCar(file, { wholeCid: true, duplicates: 'allow', maxSectionBytes: 500, owns: false })
    await made.close()
    await expect(resumeWritableCar(file, { wholeCid: false })).rejects.toBeInstanceOf(TypeError)
    await expect(resumeWritableCar(file, { identity: 'go-car-default' })).rejects.toBeInstanceOf(TypeError)
    await expect(resumeWritableCar(file, { duplicates: 'skip' })).rejects.toBeInstanceOf(TypeError)
    await expect(resumeWritableCar(file, { maxSectionBytes: 501 })).rejects.toBeInstanceOf(TypeError)
    await expect(resumeWritableCar(file, { maxCidBytes: 10 })).rejects.toBeInstanceOf(TypeError)
    const car = await resumeWritableCar(file, { wholeCid: true, maxSectionBytes: 500 })
    await expect(car.put(first.cid, new Uint8Array(500))).rejects.toEqual(refused('BLOCKSTORE_TOO_LARGE'))
  })

  it('asks for the roots when a change of them was cut short', async () => {
    const bytes = await unfinished()
    bytes[4090]! ^= 1
    const car = await resumeWritableCar((await memoryFile(bytes)).file)
    expect(car.roots).toBeUndefined()
    await expect(car.finalize()).rejects.toEqual(refused('WRITABLE_CAR_ROOTS_UNKNOWN'))
    await car.finalize({ roots: [] })
  })

  it('rejects with the reason of an aborted signal, and changes nothing', async () => {
    const bytes = await unfinished()
    const { file, content } = await memoryFile(bytes)
    const reason = new Error('enough')
    await expect(resumeWritableCar(file, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(Buffer.compare(content(), bytes)).toBe(0)
  })
})

describe('createWritableCar', () => {
  it.each([-1, 0.5, NaN, Infinity])('refuses a reserve of %s bytes, and leaves the file empty', async (reserveBytes) => {
    const { file } = await memoryFile()
    await expect(createWritableCar(file, { reserveBytes })).rejects.toThrow(RangeError)
    expect(file.sizeBytes).toBe(0)
  })

  it('writes pragma and slot, and refuses a file that is not empty', async () => {
    const { file, content } = await memoryFile()
    await createWritableCar(file)
    expect(Buffer.from(content().subarray(0, 11)).toString('hex')).toBe('0aa16776657273696f6e02')
    expect(content().subarray(11, 64).every((byte) => byte === 0)).toBe(true)
    expect(content().byteLength).toBe(4096)
    await expect(createWritableCar(file)).rejects.toEqual(refused('WRITABLE_CAR_NOT_EMPTY'))
  })

  it.each([0, -1, 1.5, 2 ** 32, NaN])('refuses %d as the longest section', async (maxSectionBytes) => {
    await expect(createWritableCar((await memoryFile()).file, { maxSectionBytes })).rejects.toBeInstanceOf(RangeError)
  })
})

describe('extendWritableCar', () => {
  it('takes a finalized file up again, with its blocks and roots', async () => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { roots: [first.cid], owns: false })
    await putAll(car, blocks.slice(0, 3))
    await car.finalize()
    await car.close()
    const extended = await extendWritableCar(file)
    expect(extended.blockCount).toBe(3)
    await putAll(extended, blocks)
    await extended.finalize()
    const finished = await takeApart(content())
    expect(finished.roots).toEqual([first.cid.toString()])
    expect(finished.blocks).toHaveLength(5)
  })

  it('takes files of others whose payload leaves room, padding and repeats included', async () => {
    const foreign = makeBlocks(7, 4, { min: 1, max: 50 })
    const bytes = carV2({ roots: [foreign[0]!.cid], blocks: [...foreign, foreign[1]!], dataPadding: 600, payloadPadding: 40, indexPadding: 9 })
    const { file, content } = await memoryFile(bytes)
    const car = await extendWritableCar(file)
    expect(car.blockCount).toBe(5)
    await putAll(car, blocks)
    await car.finalize()
    const finished = await takeApart(content())
    expect(finished.blocks).toHaveLength(10)
    expect(finished.roots).toHaveLength(1)
  })

  it('takes a file of go-car', async ({ skip }) => {
    const fixtures = sharedFixtures()
    if (fixtures === undefined) return skip('the shared fixtures are not beside the checkout')
    const { file, content } = await memoryFile(readFileSync(join(fixtures, 'go-car', 'sample-rw-bs-v2.car')))
    const car = await extendWritableCar(file)
    expect(car.blockCount).toBe(3)
    await putAll(car, blocks)
    await car.finalize()
    const finished = await takeApart(content())
    expect(finished.blocks).toHaveLength(8)
    expect(finished.roots).toHaveLength(3)
  })

  it('refuses a file without room, an unfinalized one, and a damaged one, and changes nothing', async () => {
    const foreign = makeBlocks(7, 20, { min: 20, max: 50 })
    const cut = carV2({ roots: [], blocks: foreign, dataPadding: 600, index: 'none' }).slice(0, -3)
    const cases: [Uint8Array, string][] = [
      [carV2({ roots: [], blocks: foreign }), 'WRITABLE_CAR_NOT_OURS'],
      [await unfinished(), 'WRITABLE_CAR_NOT_FINALIZED'],
      [cut, 'WRITABLE_CAR_DAMAGED'],
    ]
    for (const [bytes, code] of cases) {
      const { file, content } = await memoryFile(bytes)
      await expect(extendWritableCar(file)).rejects.toEqual(refused(code))
      expect(Buffer.compare(content(), bytes)).toBe(0)
    }
  })
})

describe('extendWritableCar, told of limits', () => {
  it.each([{ maxSectionBytes: 60 }, { maxCidBytes: 30 }])('refuses sections above them, and changes nothing: %o', async (limits) => {
    const bytes = carV2({ roots: [], blocks: makeBlocks(7, 20, { min: 20, max: 90 }), dataPadding: 600 })
    const { file, content } = await memoryFile(bytes)
    for (const layout of ['resumable', 'go-car'] as const) {
      await expect(extendWritableCar(file, { ...limits, layout })).rejects.toEqual(refused('WRITABLE_CAR_TOO_LARGE'))
      expect(Buffer.compare(content(), bytes)).toBe(0)
    }
  })
})

describe('resume slot', () => {
  const slot = { sequence: 3, start: 4096, syncedEnd: 5000, blockCount: 2, header: { offset: 4037, crc: 7 }, maxSectionBytes: 100, maxCidBytes: 90, wholeCid: true, duplicates: true, identity: IDENTITY_POLICIES['lotus-2021'] }

  it('is read as it was written', () => {
    expect(decodeSlot(encodeSlot(slot))).toEqual(slot)
    for (const identity of Object.values(IDENTITY_POLICIES)) expect(decodeSlot(encodeSlot({ ...slot, header: undefined, identity }))).toEqual({ ...slot, header: undefined, identity })
  })

  it.each([{ start: 511 }, { syncedEnd: 4095 }, { header: { offset: 4096, crc: 0 } }, { header: { offset: 100, crc: 0 } }])('is none when it contradicts itself: %o', (change) => {
    expect(decodeSlot(encodeSlot({ ...slot, ...change }))).toBeUndefined()
  })

  it('is none where it calls an index full that lacks identity CIDs', () => {
    expect(decodeSlot(encodeSlot({ ...slot, identity: { ...IDENTITY_POLICIES.full, index: false } }))).toBeUndefined()
  })
})
