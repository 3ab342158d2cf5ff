/** The layouts of go-car: what is written, what is taken up, what is refused. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeBlock, sharedFixtures } from '@dagstore-tooling/fixtures'
import { encodeCarV1Header, PRAGMA, readLayout } from '@dagstore/carv2'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { createWritableCar, extendWritableCar, resumeWritableCar } from '../src/index.ts'
import { all, blocksOf, memoryFile, putAll, testBlock, type TestBlock } from './blocks.ts'
import { takeApart } from './finished.ts'

const blocks = blocksOf(51, 5)
const [first, second] = blocks as [TestBlock, TestBlock]
const roots = [first.cid, second.cid]
const HEADER = encodeCarV1Header(roots)
const refused = (code: string): unknown => expect.objectContaining({ code })

interface Layout { readonly layout: 'go-car' | 'carv1', readonly dataPadding?: number }
const LAYOUTS: readonly Layout[] = [{ layout: 'go-car' }, { layout: 'go-car', dataPadding: 100 }, { layout: 'carv1' }]
const startOf = ({ layout, dataPadding = 0 }: Layout): number => (layout === 'carv1' ? 0 : 51 + dataPadding) + HEADER.byteLength

const sectionBytes = ({ cid, bytes }: TestBlock): Uint8Array => {
  const body = cid.bytes.byteLength + bytes.byteLength
  const varint = body < 128 ? [body] : [(body & 127) | 128, body >>> 7]
  return Uint8Array.of(...varint, ...cid.bytes, ...bytes)
}
/** What go-car's ReadWrite leaves when it is discarded, written down byte by byte. */
const unfinished = (layout: Layout): Uint8Array => {
  const head = new Uint8Array(startOf(layout) - HEADER.byteLength)
  if (layout.layout === 'go-car') head.set(PRAGMA)
  return Uint8Array.of(...head, ...HEADER, ...blocks.flatMap((block) => [...sectionBytes(block)]))
}
const endsOf = (layout: Layout): number[] => {
  let at = startOf(layout)
  return blocks.map((block) => at += sectionBytes(block).byteLength)
}

describe.each(LAYOUTS)('the layout %o', (layout) => {
  it('is written as go-car writes it, and taken up where it was left', async () => {
    const { file, content, log } = await memoryFile()
    const car = await createWritableCar(file, { ...layout, roots, owns: false })
    expect(log.at(-1)).toBe('sync car')
    await putAll(car, blocks.slice(0, 3))
    await car.checkpoint()
    expect(log.at(-1)).toBe('sync car')
    await car.close()
    const again = await resumeWritableCar(file, { ...layout, roots: roots.toReversed(), owns: false })
    expect(again.blockCount).toBe(3)
    expect(again.roots?.map(String)).toEqual(roots.map(String))
    await putAll(again, blocks)
    for (const { cid, bytes } of blocks) expect(await again.bytes(cid)).toEqual(bytes)
    await again.close()
    expect(Buffer.compare(content(), unfinished(layout))).toBe(0)
  })

  it('is cut at the first section that is not whole, whichever byte the file ends at (go-car 2.6.1)', async () => {
    const whole = unfinished(layout)
    const ends = endsOf(layout)
    for (let length = startOf(layout); length <= whole.byteLength; length++) {
      const { file } = await memoryFile(whole.slice(0, length))
      const car = await resumeWritableCar(file, { ...layout, owns: false })
      const left = ends.filter((end) => end <= length)
      expect(car.blockCount).toBe(left.length)
      expect(file.sizeBytes).toBe(left.at(-1) ?? startOf(layout))
      // what comes next stands where the tear was, with no hole before it
      await putAll(car, blocks)
      await car.close()
      expect(Buffer.compare(await file.read(0, file.sizeBytes), whole)).toBe(0)
    }
  })

  it('is cut at a section that has changed, whichever byte it is', async () => {
    const whole = unfinished(layout)
    const [, from, to] = endsOf(layout) as [number, number, number]
    for (let at = from; at < to; at++) {
      const bytes = whole.slice()
      bytes[at]! ^= 0x10
      const { file } = await memoryFile(bytes)
      const car = await resumeWritableCar(file, layout).catch((error: unknown) => error as { code: string })
      if (!('blockCount' in car)) expect(['BLOCKSTORE_UNKNOWN_HASH'], `byte ${at}`).toContain(car.code)
      else expect([2, 5], `byte ${at}`).toContain(car.blockCount)
    }
  })

  it('is refused when its head is cut at any byte, and nothing is changed', async () => {
    const whole = unfinished(layout)
    for (let length = 0; length < startOf(layout); length++) {
      const { file, content } = await memoryFile(whole.slice(0, length))
      await expect(resumeWritableCar(file, layout)).rejects.toEqual(refused('WRITABLE_CAR_NOT_OURS'))
      expect(Buffer.compare(content(), whole.slice(0, length))).toBe(0)
    }
  })

  it('keeps its roots: others are refused on resuming and finalizing, and nothing is changed', async () => {
    const { file, content } = await memoryFile(unfinished(layout))
    for (const other of [[], [first.cid], [first.cid, first.cid], [...roots, first.cid]]) {
      await expect(resumeWritableCar(file, { ...layout, roots: other })).rejects.toEqual(refused('WRITABLE_CAR_ROOTS_FIXED'))
    }
    expect(Buffer.compare(content(), unfinished(layout))).toBe(0)
    const car = await resumeWritableCar(file, layout)
    await expect(car.finalize({ roots: [first.cid] })).rejects.toEqual(refused('WRITABLE_CAR_ROOTS_FIXED'))
    await car.put(testBlock(makeBlock(new Uint8Array(3))).cid, new Uint8Array(3))
    await car.finalize({ roots: roots.toReversed() })
  })

  it('refuses what it cannot check or may not take, rather than to cut it off', async () => {
    const foreign = CID.createV1(0x55, Digest.create(0x1234, new Uint8Array(32)))
    const unknown = Uint8Array.of(...unfinished(layout), ...sectionBytes({ cid: foreign, bytes: Uint8Array.of(1, 2) }))
    for (const [bytes, options, code] of [
      [unknown, {}, 'BLOCKSTORE_UNKNOWN_HASH'],
      [unfinished(layout), { maxSectionBytes: 40 }, 'WRITABLE_CAR_TOO_LARGE'],
      [unfinished(layout), { maxCidBytes: 20 }, 'WRITABLE_CAR_TOO_LARGE'],
    ] as const) {
      const { file, content } = await memoryFile(bytes)
      await expect(resumeWritableCar(file, { ...layout, ...options })).rejects.toEqual(refused(code))
      expect(Buffer.compare(content(), bytes)).toBe(0)
    }
    const { file } = await memoryFile(unknown)
    const hashes = createHashes({ hashers: [{ code: 0x1234, name: 'zeros', digest: () => new Uint8Array(32) }] })
    expect((await resumeWritableCar(file, { ...layout, hashes })).blockCount).toBe(6)
  })

  it('takes zeros behind the sections for the end', async () => {
    const { file } = await memoryFile(Uint8Array.of(...unfinished(layout), ...new Uint8Array(300)))
    expect((await resumeWritableCar(file, layout)).blockCount).toBe(5)
    expect(file.sizeBytes).toBe(unfinished(layout).byteLength)
  })

  it('has no room for roots named later', async () => {
    await expect(createWritableCar((await memoryFile()).file, { ...layout, reserveBytes: 10 })).rejects.toBeInstanceOf(TypeError)
  })
})

describe('the go-car layout', () => {
  const layout = LAYOUTS[1]!

  it('is finalized in place, and extended by what goes on from there', async () => {
    const { file, content, log } = await memoryFile()
    const car = await createWritableCar(file, { ...layout, roots, owns: false })
    await putAll(car, blocks.slice(0, 3))
    await car.checkpoint()
    const before = log.length
    await car.finalize()
    expect(log.slice(before).filter((line) => !line.startsWith('read')).map((line) => line.replace(/ car.*/, '').concat(/ (11\+40)/.exec(line)?.[0] ?? ''))).toEqual(['write', 'sync', 'write 11+40', 'sync'])
    await car.close()
    const once = await takeApart(content())
    expect(once.blocks).toHaveLength(3)
    expect(await readLayout(createBytesSource(content()))).toMatchObject({ payloadStart: 151 })
    await expect(resumeWritableCar(file, layout)).rejects.toEqual(refused('WRITABLE_CAR_FINALIZED'))
    await expect(extendWritableCar(file, { layout: 'go-car', dataPadding: 7 })).rejects.toEqual(refused('WRITABLE_CAR_NOT_OURS'))
    await expect(extendWritableCar(file, { layout: 'go-car', roots: [] })).rejects.toEqual(refused('WRITABLE_CAR_ROOTS_FIXED'))
    const extended = await extendWritableCar(file, { layout: 'go-car', owns: false })
    await putAll(extended, blocks)
    await extended.discard()
    await expect(extendWritableCar(file, { layout: 'go-car' })).rejects.toEqual(refused('WRITABLE_CAR_NOT_FINALIZED'))
    const resumed = await resumeWritableCar(file, layout)
    expect(resumed.blockCount).toBeGreaterThanOrEqual(3)
    await putAll(resumed, blocks)
    await resumed.finalize()
    expect((await takeApart(content())).blocks).toHaveLength(5)
    expect((await takeApart(content())).roots).toEqual(roots.map(String))
  })

  it('is taken up when its header was torn, without the index behind it (go-car 2.6.2)', async () => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { ...layout, roots, owns: false })
    await putAll(car, blocks)
    await car.finalize()
    const whole = content().slice()
    const end = endsOf(layout).at(-1)!
    // every prefix of the 40 bytes, and every part that could be missing
    for (let length = 0; length < 40; length++) {
      for (const torn of [whole.slice().fill(0, 11 + length, 51), whole.slice().fill(0, 11, 11 + length)]) {
        const left = await memoryFile(torn)
        const again = await resumeWritableCar(left.file, layout).catch((error: unknown) => error as { code: string })
        // the end of it may be zeros anyway, and without its flags it is still one
        if ('code' in again) expect(again.code).toBe('WRITABLE_CAR_FINALIZED')
        else {
          expect(again.blockCount).toBe(5)
          expect(left.file.sizeBytes).toBe(end)
          expect(left.content().subarray(11, 51).every((byte) => byte === 0)).toBe(true)
        }
      }
    }
  })

  it('takes up every finalized file of go-car, wherever its payload starts', async ({ skip }) => {
    const fixtures = sharedFixtures()
    if (fixtures === undefined) return skip('the shared fixtures are not beside the checkout')
    for (const [name, count] of [['sample-rw-bs-v2.car', 3], ['sample-unixfs-v2.car', 3], ['lotus-sample-rw-bs-v2.car', 3]] as const) {
      const { file, content } = await memoryFile(new Uint8Array(readFileSync(join(fixtures, 'go-car', name))))
      const car = await extendWritableCar(file, { layout: 'go-car' })
      expect(car.blockCount).toBe(count)
      await putAll(car, blocks)
      await car.finalize()
      expect((await takeApart(content())).blocks).toHaveLength(count + 5)
    }
  })

  it('is not taken for ours, nor ours for it', async () => {
    const theirs = await memoryFile(unfinished(layout))
    await expect(resumeWritableCar(theirs.file)).rejects.toEqual(refused('WRITABLE_CAR_NOT_OURS'))
    const ours = await memoryFile()
    await (await createWritableCar(ours.file, { roots, owns: false })).close()
    const before = ours.content().slice()
    await expect(resumeWritableCar(ours.file, { layout: 'go-car', roots })).rejects.toEqual(refused('WRITABLE_CAR_NOT_OURS'))
    await expect(resumeWritableCar(ours.file, { layout: 'carv1', roots })).rejects.toEqual(refused('WRITABLE_CAR_NOT_OURS'))
    expect(Buffer.compare(ours.content(), before)).toBe(0)
  })
})

describe('the carv1 layout', () => {
  it('is a CARv1 at any time; finalizing syncs it, and ends the puts', async () => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { layout: 'carv1', roots, owns: false })
    await putAll(car, blocks)
    await expect(car.finalize({ index: 'none' })).rejects.toBeInstanceOf(TypeError)
    const facts = await car.finalize()
    expect(facts).toMatchObject({ blockCount: 5, payloadBytes: content().byteLength, sizeBytes: content().byteLength })
    await expect(car.put(first.cid, first.bytes)).rejects.toEqual(refused('WRITABLE_CAR_FINALIZED'))
    expect(await car.bytes(first.cid)).toEqual(first.bytes)
    expect(Buffer.compare(content(), unfinished({ layout: 'carv1' }))).toBe(0)
    await expect(extendWritableCar(file, { layout: 'carv1' })).rejects.toEqual(refused('WRITABLE_CAR_NOT_FINALIZED'))
    const again = await resumeWritableCar(file, { layout: 'carv1' })
    expect(await all(again.getAll())).toHaveLength(5)
  })

  it('takes up a CARv1 of go-car, and refuses a CARv2', async ({ skip }) => {
    const fixtures = sharedFixtures()
    if (fixtures === undefined) return skip('the shared fixtures are not beside the checkout')
    const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(fixtures, 'go-car', name)))
    const whole = await memoryFile(read('sample-v1.car'))
    expect((await resumeWritableCar(whole.file, { layout: 'carv1' })).blockCount).toBe(1049)
    const torn = await memoryFile(read('sample-v1-tailing-corrupt-section.car'))
    expect((await resumeWritableCar(torn.file, { layout: 'carv1' })).blockCount).toBe(1048)
    const v2 = await memoryFile(read('sample-wrapped-v2.car'))
    await expect(resumeWritableCar(v2.file, { layout: 'carv1' })).rejects.toEqual(refused('WRITABLE_CAR_NOT_OURS'))
  })
})

describe('options of layouts', () => {
  it.each([{ layout: 'other' as never }, { dataPadding: 1 }, { layout: 'carv1', dataPadding: 1 }] as const)('that do not fit are refused: %o', async (options) => {
    const { file } = await memoryFile()
    await expect(createWritableCar(file, options)).rejects.toBeInstanceOf(TypeError)
    await expect(resumeWritableCar(file, options)).rejects.toBeInstanceOf(TypeError)
    await expect(extendWritableCar(file, options)).rejects.toBeInstanceOf(TypeError)
    expect(file.sizeBytes).toBe(0)
  })
})
