/** What the long calls take, and what a finalize that failed leaves. */
import { carV2, makeBlocks } from '@dagstore-tooling/fixtures'
import { CrashError, everyCrash, type CrashWorld } from '@dagstore-tooling/testkit'
import { decodeCarV1Header, decodeVarint, encodeCarV1Header, readLayout } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { type ByteProgress, createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createWritableCar, extendWritableCar, resumeWritableCar, type WritableCar } from '../src/index.ts'
import { blocksOf, memoryFile, putAll, testBlock, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const blocks = blocksOf(61, 6)
const [first, second, third] = blocks as [TestBlock, TestBlock, TestBlock]
const refused = (code: string): unknown => expect.objectContaining({ code })
const bytesOf = (list: readonly TestBlock[]): number => list.reduce((sum, { cid, bytes }) => {
  const body = cid.bytes.byteLength + bytes.byteLength
  return sum + body + (body < 128 ? 1 : 2)
}, 0)

/** Progress that never goes back and ends with all of it. */
const expectWhole = (told: readonly ByteProgress[], totalBytes: number): void => {
  expect(told.at(-1)).toEqual({ doneBytes: totalBytes, totalBytes })
  told.forEach(({ doneBytes }, i) => { expect(doneBytes).toBeGreaterThanOrEqual(told[i - 1]?.doneBytes ?? 0) })
}

describe('progress', () => {
  it.each(['resumable', 'go-car'] as const)('is told by finalize, extend and resume of the layout %s: bytes of sections', async (layout) => {
    const { file } = await memoryFile()
    const car = await createWritableCar(file, { layout, roots: [first.cid], owns: false })
    await putAll(car, blocks.slice(0, 4))
    await car.checkpoint()
    await putAll(car, blocks.slice(4))
    const finalized: ByteProgress[] = []
    await car.finalize({ onProgress: (progress) => finalized.push(progress) })
    expectWhole(finalized, bytesOf(blocks))
    const extended: ByteProgress[] = []
    const again = await extendWritableCar(file, { layout, owns: false, onProgress: (progress) => extended.push(progress) })
    expectWhole(extended, bytesOf(blocks))
    await again.close()
    const resumed: ByteProgress[] = []
    await resumeWritableCar(file, { layout, onProgress: (progress) => resumed.push(progress) })
    expectWhole(resumed, bytesOf(blocks))
  })

  it('is told while an index of many blocks is made', async () => {
    const { file } = await memoryFile()
    const car = await createWritableCar(file, { verifyPuts: false })
    const many = makeBlocks(62, 10_000, { min: 12, max: 30 }).map(testBlock)
    await putAll(car, many)
    const told: ByteProgress[] = []
    await car.finalize({ onProgress: (progress) => told.push(progress) })
    expect(told.length).toBe(3)
    expectWhole(told, bytesOf(many))
  })
})

describe('a signal', () => {
  it.each([{}, { indexMemoryBytes: 100 }])('ends finalize where it is, leaves the file as it was, and puts go on: %o', async (options) => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { ...options, owns: false, verifyPuts: false })
    const many = makeBlocks(62, 5000, { min: 12, max: 30 }).map(testBlock)
    await putAll(car, many)
    await car.checkpoint()
    const before = content().slice()
    const reason = new Error('enough')
    await expect(car.finalize({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    for (const call of [1, 2]) {
      const stop = new AbortController()
      let calls = 0
      await expect(car.finalize({ signal: stop.signal, onProgress: () => { if (++calls === call) stop.abort(reason) } })).rejects.toBe(reason)
      expect(content().byteLength).toBe(before.byteLength)
      expect(Buffer.compare(content().subarray(4096), before.subarray(4096))).toBe(0)
    }
    await putAll(car, blocks)
    await car.finalize()
    expect((await takeApart(content())).blocks).toHaveLength(5006)
  })

  it('ends finalize with other roots: those of before are there when the file is resumed', async () => {
    const { file } = await memoryFile()
    const car = await createWritableCar(file, { roots: [first.cid], owns: false })
    await putAll(car, blocks)
    const stop = new AbortController()
    const reason = new Error('enough')
    await expect(car.finalize({ roots: [second.cid, third.cid], signal: stop.signal, onProgress: () => { stop.abort(reason) } })).rejects.toBe(reason)
    expect(car.roots).toEqual([first.cid])
    await car.close()
    const again = await resumeWritableCar(file)
    expect(again.roots?.map(String)).toEqual([first.cid.toString()])
    expect(again.blockCount).toBe(6)
  })

  it('ends extend, and changes nothing', async () => {
    const bytes = carV2({ roots: [], blocks: makeBlocks(7, 20, { min: 20, max: 50 }), dataPadding: 600 })
    for (const layout of ['resumable', 'go-car'] as const) {
      const { file, content } = await memoryFile(bytes)
      const reason = new Error('enough')
      await expect(extendWritableCar(file, { layout, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      expect(Buffer.compare(content(), bytes)).toBe(0)
    }
  })
})

describe('a block whose hash nobody knows', () => {
  const unknown = CID.createV1(0x55, Digest.create(0x1234, new Uint8Array(32)))
  const hashes = createHashes({ hashers: [{ code: 0x1234, name: 'zeros', digest: () => new Uint8Array(32) }] })

  it('is not cut off behind the synced end, nor what follows it: resume names the hash, and takes all with its hasher', async () => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { hashes, owns: false })
    await putAll(car, [first])
    await car.checkpoint()
    const slots = content().slice(64, 512)
    await putAll(car, [{ cid: unknown, bytes: Uint8Array.of(1) }, second])
    await car.checkpoint()
    const before = content().slice()
    before.set(slots, 64) // the slot did not reach the disk
    const left = await memoryFile(before)
    await expect(resumeWritableCar(left.file)).rejects.toMatchObject({ code: 'BLOCKSTORE_UNKNOWN_HASH', message: expect.stringContaining('0x1234') as string })
    expect(Buffer.compare(left.content(), before)).toBe(0)
    expect((await resumeWritableCar(left.file, { hashes })).blockCount).toBe(3)
  })

  it('is there before the synced end whoever knows it', async () => {
    const { file } = await memoryFile()
    const car = await createWritableCar(file, { hashes, owns: false })
    await putAll(car, [first, { cid: unknown, bytes: Uint8Array.of(1) }, second])
    await car.close()
    expect((await resumeWritableCar(file)).blockCount).toBe(3)
  })
})

describe('roots that readers refuse', () => {
  const roots = (count: number): CID[] => Array.from({ length: count }, () => first.cid)
  const body = (count: number): Uint8Array => {
    const header = encodeCarV1Header(roots(count))
    return header.subarray(decodeVarint(header, 0).length)
  }

  it('are refused when they are given, at the limit of the reader', async () => {
    expect(decodeCarV1Header(body(262_144)).roots).toHaveLength(262_144)
    expect(() => decodeCarV1Header(body(262_145))).toThrow(refused('CARV2_TOO_LARGE') as Error)
    const error = expect.objectContaining({ code: 'WRITABLE_CAR_ROOTS_TOO_LARGE', reserveBytes: undefined }) as unknown
    for (const layout of ['resumable', 'go-car', 'carv1'] as const) {
      const { file } = await memoryFile()
      await expect(createWritableCar(file, { layout, roots: roots(262_145) })).rejects.toEqual(error)
      expect(file.sizeBytes).toBe(0)
    }
    const { file } = await memoryFile()
    const car = await createWritableCar(file, { reserveBytes: 12 << 20 })
    await expect(car.finalize({ roots: roots(262_145) })).rejects.toEqual(error)
    await car.finalize({ roots: roots(262_144) })
  })

  it('are refused when the header would be longer than they read', async () => {
    const long = CID.createV1(0x55, Digest.create(0x1234, new Uint8Array(1000)))
    const many = Array.from({ length: 34_000 }, () => long)
    await expect(createWritableCar((await memoryFile()).file, { roots: many })).rejects.toMatchObject({ code: 'WRITABLE_CAR_ROOTS_TOO_LARGE', reserveBytes: undefined })
  })
})

describe('an index that can not be where the header says', () => {
  it.each(['resumable', 'go-car'] as const)('is none: extend in the layout %s goes on behind the blocks', async (layout) => {
    const given = makeBlocks(7, 20, { min: 20, max: 50 })
    const whole = carV2({ roots: [given[0]!.cid], blocks: given, dataPadding: 600, indexPadding: 30 })
    const { payloadStart, payloadBytes } = await readLayout(createBytesSource(whole))
    const dataEnd = payloadStart + payloadBytes
    const named = (indexOffset: number): Uint8Array => {
      const bytes = whole.slice()
      new DataView(bytes.buffer).setBigUint64(43, BigInt(indexOffset), true)
      return bytes
    }
    for (const bytes of [whole.slice(0, dataEnd), whole.slice(0, dataEnd + 7), named(whole.byteLength + 1), named(dataEnd - 1), named(payloadStart)]) {
      const { file, content } = await memoryFile(bytes)
      const car = await extendWritableCar(file, { layout, owns: false })
      expect(car.blockCount).toBe(20)
      const [more] = blocksOf(8, 1)
      await car.put(more!.cid, more!.bytes)
      await car.finalize()
      const { blocks } = await takeApart(content())
      expect(blocks.map(({ cid }) => cid.toString())).toEqual([...given.map(({ cid }) => CID.decode(cid).toString()), more!.cid.toString()])
    }
  })
})

describe('an index that lies before the payload', () => {
  it.each(['resumable', 'go-car'] as const)('is no CARv2, so that extend in the layout %s can not write over it', async (layout) => {
    const bytes = carV2({ roots: [], blocks: makeBlocks(7, 20, { min: 20, max: 50 }), dataPadding: 600 })
    for (const indexOffset of [51, 64, 300, 600]) {
      new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(43, BigInt(indexOffset), true)
      const { file, content } = await memoryFile(bytes)
      await expect(extendWritableCar(file, { layout })).rejects.toMatchObject({ code: expect.stringMatching(/NOT_OURS|DAMAGED/) as string })
      expect(Buffer.compare(content(), bytes)).toBe(0)
    }
  })
})

describe('a finalize that failed', () => {
  const full = new Error('disk full')
  const made = async (world: CrashWorld): Promise<WritableCar> => {
    const car = await createWritableCar(await world.fs.writableFile('car'), { owns: false })
    await putAll(car, blocks)
    return car
  }
  const other = [third.cid]
  const few = { index: 'multihash-index-sorted' } as const
  const expected = async (): Promise<Uint8Array> => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file)
    await putAll(car, blocks)
    await car.finalize({ ...few, roots: other })
    return content()
  }

  it('may be followed by one with other roots and another index: the file is that of the second, and a cut on the way loses nothing', async () => {
    const wanted = await expected()
    // each of the writes of the first one fails in its turn: sections, roots, index
    for (let failing = 0; failing < 3; failing++) {
      await everyCrash({
        seed: failing,
        run: async (world) => {
          const car = await made(world)
          let writes = 0
          world.faults.failAt(({ kind }) => kind === 'write' && writes++ === failing, full)
          const error: unknown = await car.finalize({ roots: [first.cid, second.cid, third.cid], indexPadding: 5000 }).catch((error: unknown) => error)
          if (error instanceof CrashError) throw error
          expect(error).toBe(full)
          await car.finalize({ ...few, roots: other })
        },
        check: async (world) => {
          const file = await world.fs.writableFile('car')
          const car = await resumeWritableCar(file).catch((error: unknown) => error as { code: string })
          if ('code' in car) {
            expect(['WRITABLE_CAR_NOT_OURS', 'WRITABLE_CAR_FINALIZED']).toContain(car.code)
            // its end, the slots to zero, may not have come
            if (car.code === 'WRITABLE_CAR_FINALIZED') expect(Buffer.compare(world.fs.content('car')!.fill(0, 64, 512), wanted)).toBe(0)
            return
          }
          await putAll(car, blocks)
          await car.finalize({ ...few, roots: other })
          expect(Buffer.compare(world.fs.content('car')!, wanted)).toBe(0)
        },
      })
    }
  })

  it('leaves no byte of an index behind the sections', async () => {
    const world = await memoryFile()
    const car = await createWritableCar(world.file, { owns: false })
    await putAll(car, blocks)
    await car.checkpoint()
    const sizeBytes = world.file.sizeBytes
    const write = world.file.write.bind(world.file)
    world.file.write = async (at, bytes) => {
      await write(at, bytes)
      if (at >= sizeBytes) throw full
    }
    await expect(car.finalize()).rejects.toBe(full)
    expect(world.file.sizeBytes).toBe(sizeBytes)
  })
})
