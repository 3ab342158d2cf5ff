import { carV1, carV2, mixedBlocks } from '@dagstore-tooling/fixtures'
import { createCrashFs, everyCrash } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { createBytesSource, type WritableFile } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { attachIndex, inspectCar, readLayout, replaceRoots, type ReplaceRootsOptions, type ReplaceRootsReport, verifyCar, wrapChunks } from '../src/index.ts'
import { collect, concat } from './support.ts'

const hashes = createHashes()
const blocks = mixedBlocks(211)
const cids = blocks.map(({ cid }) => CID.decode(cid))
/** All sha2-256 raw version 1: of equal length. */
const [first, second, third] = cids as [CID, CID, CID]
const blake = cids[6]!

const replace = async (bytes: Uint8Array, roots: readonly CID[], options?: ReplaceRootsOptions): Promise<{ report: ReplaceRootsReport, bytes: Uint8Array }> => {
  const fs = createCrashFs({ seed: 1 })
  fs.plant('a.car', bytes)
  const file = await fs.directory.openWritable('a.car', 'open')
  const report = await replaceRoots(file, roots, options)
  await file.close()
  return { report, bytes: new Uint8Array(fs.content('a.car')!) }
}

describe('replaceRoots', () => {
  it.each([
    { what: 'a CARv1', make: (root: CID) => carV1([root.bytes], blocks), index: 'none' },
    { what: 'a CARv2', make: (root: CID) => carV2({ roots: [root.bytes], blocks }), index: 'kept' },
    { what: 'a CARv2 with padding everywhere', make: (root: CID) => carV2({ roots: [root.bytes], blocks, dataPadding: 1413, payloadPadding: 7, indexPadding: 9 }), index: 'kept' },
    { what: 'a CARv2 without an index', make: (root: CID) => carV2({ roots: [root.bytes], blocks, index: 'none' }), index: 'none' },
  ])('writes the bytes of a plain writer into $what when the length stays', async ({ make, index }) => {
    const { report, bytes } = await replace(make(first), [second])
    expect(Buffer.compare(bytes, make(second))).toBe(0)
    expect(report).toMatchObject({ headerBytes: 59, index })
  })

  it('takes the roots of a new length into the padding of a CARv2, and builds its index again', async () => {
    const before = carV2({ roots: [first.bytes], blocks, dataPadding: 100, indexPadding: 5 })
    for (const roots of [[first, second], [blake], [], [third, second, blake]]) {
      const { report, bytes } = await replace(before, roots)
      const source = createBytesSource(bytes)
      const layout = await readLayout(source)
      expect(layout.roots.map(String)).toEqual(roots.map(String))
      expect(layout.payloadStart + layout.headerBytes).toBe(51 + 100 + 59)
      expect(report).toEqual({ headerBytes: layout.headerBytes, payloadStart: layout.payloadStart, index: 'rebuilt' })
      expect((await verifyCar(source, hashes, { policy: { noRoots: 'allow' } })).index).toBe('checked')
      expect((await inspectCar(source, { index: 'entries' })).index).toMatchObject({ fault: undefined, trailer: true })
    }
  })

  it('puts shorter roots into a file without padding, which then has some', async () => {
    const { bytes } = await replace(carV2({ roots: [first.bytes, second.bytes], blocks, index: 'none' }), [first])
    const layout = await readLayout(createBytesSource(bytes))
    expect(layout).toMatchObject({ payloadStart: 92, headerBytes: 59 })
    expect(Buffer.compare(bytes.subarray(51, 92), new Uint8Array(41))).toBe(0)
    expect((await verifyCar(createBytesSource(bytes), hashes)).blockCount).toBe(blocks.length)
  })

  it('keeps what a writer left in the padding, and characteristics that nobody has named', async () => {
    const before = carV2({ roots: [first.bytes], blocks, dataPadding: 200, index: 'none' })
    before[20] = 0x40
    before.fill(0xaa, 60, 100)
    const { bytes } = await replace(before, [first, second])
    expect(bytes[20]).toBe(0x40)
    expect(bytes.subarray(60, 100)).toEqual(new Uint8Array(40).fill(0xaa))
  })

  it('builds an index again whose trailer repeats the old roots', async () => {
    const wrapped = concat(await collect(wrapChunks(createBytesSource(carV1([first.bytes], blocks)))))
    const { report, bytes } = await replace(wrapped, [second])
    expect(report.index).toBe('rebuilt')
    expect(Buffer.compare(bytes, concat(await collect(wrapChunks(createBytesSource(carV1([second.bytes], blocks))))))).toBe(0)
  })

  it.each([
    { what: 'a longer header in a CARv1', bytes: carV1([first.bytes], blocks), roots: [first, second] },
    { what: 'a shorter one in a CARv1', bytes: carV1([first.bytes], blocks), roots: [] },
    { what: 'a longer one than the padding of a CARv2', bytes: carV2({ roots: [first.bytes], blocks, dataPadding: 40 }), roots: [first, second] },
  ])('refuses $what, says both sizes, and changes nothing', async ({ bytes, roots }) => {
    const fs = createCrashFs({ seed: 1 })
    fs.plant('a.car', bytes)
    const before = fs.faults.changes
    const file = await fs.writableFile('a.car')
    await expect(replaceRoots(file, roots)).rejects.toMatchObject({ code: 'CARV2_ROOTS_DO_NOT_FIT', message: expect.stringMatching(/have=59 need=(18|100)/) as string })
    expect(fs.faults.changes).toBe(before)
  })

  it('returns the error of a payload that is no CARv1 (go-car defect 6: it is computed and dropped)', async () => {
    const nested = carV2({ roots: [first.bytes], blocks })
    nested.set(carV2({ roots: [first.bytes], blocks: [] }).subarray(0, 11), 51)
    await expect(replace(nested, [second])).rejects.toMatchObject({ code: 'CARV2_BAD_VERSION', offset: 51 })
  })

  it('refuses what a crash could tear, unless told to do it', async () => {
    const many = (root: CID): CID[] => [root, ...Array.from({ length: 20 }, () => first), root]
    const v1 = carV1(many(second).map(({ bytes }) => bytes), blocks)
    await expect(replace(v1, many(third))).rejects.toMatchObject({ code: 'CARV2_ROOTS_DO_NOT_FIT' })
    const accepted = await replace(v1, many(third), { torn: 'accept' })
    expect(Buffer.compare(accepted.bytes, carV1(many(third).map(({ bytes }) => bytes), blocks))).toBe(0)
    // one root among many, all of it in one sector
    expect((await replace(v1, [third, ...many(second).slice(1)])).report.headerBytes).toBeGreaterThan(512)
  })

  it('does not write over resume slots that a writer has left in the padding, whatever it is told', async () => {
    const before = carV2({ roots: [first.bytes], blocks, dataPadding: 4096 - 51 - 59 })
    const fitting = Array.from({ length: 86 }, () => first)
    const long = [...fitting, first, first, first]
    for (const slot of [64, 288]) {
      const marked = before.slice()
      marked.set(new TextEncoder().encode('CARV2RW1'), slot)
      const fs = createCrashFs({ seed: 1 })
      fs.plant('a.car', marked)
      await expect(replaceRoots(await fs.writableFile('a.car'), long, { torn: 'accept' })).rejects.toMatchObject({ code: 'CARV2_ROOTS_DO_NOT_FIT', message: expect.stringContaining('room=3584') as string })
      expect(Buffer.compare(fs.content('a.car')!, marked)).toBe(0)
      const { bytes } = await replace(marked, fitting, { torn: 'accept' })
      expect(Buffer.compare(bytes.subarray(51, 512), marked.subarray(51, 512))).toBe(0)
    }
    expect((await replace(before, long, { torn: 'accept' })).report.payloadStart).toBeLessThan(512)
  })

  it('refuses more roots than readers take', async () => {
    const roots = Array.from({ length: 262_145 }, () => first)
    await expect(replace(carV2({ roots: [first.bytes], blocks }), roots)).rejects.toMatchObject({ code: 'CARV2_ROOTS_DO_NOT_FIT' })
  })

  it.each<{ what: string, before: Uint8Array, roots: readonly CID[], options?: ReplaceRootsOptions, states: string[] }>([
    { what: 'one of equal length in a CARv1', before: carV1([first.bytes], blocks), roots: [second], states: ['old', 'new'] },
    { what: 'one of equal length far inside a CARv2', before: carV2({ roots: [first.bytes], blocks, dataPadding: 4096 - 51 - 59 }), roots: [second], states: ['old', 'new'] },
    { what: 'longer ones into padding', before: carV2({ roots: [first.bytes], blocks, dataPadding: 100 }), roots: [second, third], states: ['old', 'new'] },
    { what: 'ones far from the header, told to', before: carV2({ roots: [first.bytes], blocks, dataPadding: 4096 - 51 - 59 }), roots: [second, third], options: { torn: 'accept' }, states: ['old', 'unfinished', 'new'] },
  ])('leaves, wherever it is cut, a whole file with the old roots or with the new ones: $what', async ({ before, roots, options, states }) => {
    const outcomes = new Set<string>()
    await everyCrash({
      seed: 212,
      prepare: async ({ fs }) => { fs.plant('a.car', before) },
      run: async ({ fs }) => { await replaceRoots(await fs.writableFile('a.car'), roots, options) },
      check: async ({ fs }) => {
        const source = createBytesSource(new Uint8Array(fs.content('a.car')!))
        try {
          const { layout, blockCount } = await verifyCar(source, hashes)
          expect(blockCount).toBe(blocks.length)
          outcomes.add(String(layout.roots) === String(roots) ? 'new' : String(layout.roots) === String([first]) ? 'old' : 'neither')
        } catch (error) {
          if ((error as { code?: string }).code !== 'CARV2_NOT_FINALIZED') throw error
          outcomes.add('unfinished')
        }
      },
    })
    expect(outcomes).toEqual(new Set(states))
  })

  it('leaves of a CARv2 whose change spans sectors, told to, never a mixture of roots that looks whole', async () => {
    const many = (root: CID): CID[] => Array.from({ length: 24 }, () => root)
    const before = carV2({ roots: many(second).map(({ bytes }) => bytes), blocks })
    const outcomes = new Set<string>()
    await everyCrash({
      seed: 213,
      prepare: async ({ fs }) => { fs.plant('a.car', before) },
      run: async ({ fs }) => { await replaceRoots(await fs.writableFile('a.car'), many(third), { torn: 'accept' }) },
      check: async ({ fs }) => {
        const state = await readLayout(createBytesSource(new Uint8Array(fs.content('a.car')!))).then(
          ({ roots }) => String(roots) === String(many(second)) ? 'old' : String(roots) === String(many(third)) ? 'new' : 'neither',
          (error: unknown) => (error as { code?: string }).code)
        outcomes.add(String(state))
      },
      chances: 8,
    })
    expect(outcomes).toEqual(new Set(['old', 'CARV2_NOT_FINALIZED', 'new']))
  })

  it('writes nothing when the roots are those of the file', async () => {
    const fs = createCrashFs({ seed: 1 })
    fs.plant('a.car', concat(await collect(wrapChunks(createBytesSource(carV1([first.bytes], blocks))))))
    const before = fs.faults.changes
    expect(await replaceRoots(await fs.writableFile('a.car'), [first])).toEqual({ headerBytes: 59, payloadStart: 51, index: 'kept' })
    expect(fs.faults.changes).toBe(before)
  })

  it('holds headers, not the padding between them, however much there is', async () => {
    const packed = carV2({ roots: [first.bytes, second.bytes], blocks, index: 'none' })
    const start = 2 ** 40
    new DataView(packed.buffer).setBigUint64(27, BigInt(start), true)
    const head = packed.slice(0, 51)
    const payload = packed.slice(51)
    let longest = 0
    // zeros between the two
    const part = (at: number): { bytes: Uint8Array, from: number } => at < start - 1000 ? { bytes: head, from: at } : { bytes: payload, from: at - start }
    const file: WritableFile = {
      sizeBytes: start + payload.byteLength,
      read: async (at, length) => {
        longest = Math.max(longest, length)
        const { bytes, from } = part(at)
        const out = new Uint8Array(length)
        out.set(bytes.subarray(Math.max(0, from), Math.max(0, from + length)), Math.max(0, -from))
        return out
      },
      write: async (at, bytes) => { part(at).bytes.set(bytes, part(at).from) },
      truncate: async () => {},
      sync: async () => {},
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }
    expect(await replaceRoots(file, [third], { torn: 'accept' })).toEqual({ headerBytes: 59, payloadStart: start + 41, index: 'none' })
    expect(longest).toBeLessThanOrEqual(1024)
    expect(payload.subarray(0, 41)).toEqual(new Uint8Array(41))
    expect(Buffer.compare(payload.subarray(41, 100), carV1([third.bytes], []))).toBe(0)
    expect(new DataView(head.buffer).getBigUint64(27, true)).toBe(BigInt(start + 41))
  })

  it('gives the same file as attaching anew', async () => {
    const before = carV2({ roots: [first.bytes], blocks, dataPadding: 100, index: 'none' })
    const { bytes } = await replace(before, [first, second])
    const fs = createCrashFs({ seed: 1 })
    fs.plant('a.car', bytes)
    await attachIndex(await fs.writableFile('a.car'))
    expect(Buffer.compare(fs.content('a.car')!, (await replace(carV2({ roots: [first.bytes], blocks, dataPadding: 100 }), [first, second])).bytes)).toBe(0)
  })
})
